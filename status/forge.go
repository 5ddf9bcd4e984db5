package status

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Forge keeps statuses of commits.
type Forge interface {
	// Name is the forge's kind, from a closed list: "github", "notes". It is a metric label.
	Name() string

	// Post puts lines of one commit up and returns how many of them, from the first, are there now.
	// What stands under the same context is replaced; twice is the same as once. An error that wraps
	// ErrRefused means that the next line will never be taken as it is; every other error passes, and a
	// *LaterError says when to try again.
	Post(ctx context.Context, sha string, lines []Line) (posted int, err error)

	// Posted reads the lines that stand on the commit of a line, at least those of the same deployment;
	// Done and Total are not known of them. A commit without any has none, which is no error.
	Posted(ctx context.Context, like Line) ([]Line, error)
}

// ErrRefused means that a forge will never take a line as it is.
var ErrRefused = errors.New("the forge refuses the status")

// LaterError means that a forge wants to be left alone for a while.
type LaterError struct {
	After time.Duration
	Err   error
}

// Error says how long and why.
func (e *LaterError) Error() string {
	return fmt.Sprintf("%v; trying again in %s", e.Err, e.After.Round(time.Second))
}

// Unwrap is the cause.
func (e *LaterError) Unwrap() error { return e.Err }
