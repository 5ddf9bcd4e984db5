package git

import (
	"fmt"
	"strings"
)

// ConflictError says which files keep two commits from being merged.
type ConflictError struct{ Files []string }

// Error names the first of them.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("cannot be merged: %s", strings.Join(e.Files, ", "))
}
