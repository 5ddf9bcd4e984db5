package git

import (
	"fmt"
	"strings"
)

// ConflictError says which files keep two commits from being merged. It is about them, now and always.
type ConflictError struct {
	Files  []string
	Reason string // where it is not that both changed the same lines
}

// Error names the first of the files and says what to do.
func (e *ConflictError) Error() string {
	names := e.Files[:min(len(e.Files), 5)]
	shown := make([]string, len(names))
	for i, name := range names {
		shown[i] = printable(name, 200)
	}
	text := "conflicts in " + strings.Join(shown, ", ")
	if more := len(e.Files) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if e.Reason != "" {
		text = e.Reason
	}
	return "cannot be merged: " + text + ": merge the branch it is for into it, or rebase it"
}
