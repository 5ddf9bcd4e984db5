package schema

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one mistake in a declaration.
type Error struct {
	Position
	Path    string `json:"path,omitempty"` // of the field: "providers.frankfurt.chart"
	Message string `json:"message"`        // what was found, what was allowed, what to do
}

// Error says it as "file:line:col: path: message".
func (e Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.Position.String() + ": ")
	}
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Message)
	return b.String()
}

// compare orders mistakes by place, path and message.
func (e Error) compare(other Error) int {
	return cmp.Or(e.Position.compare(other.Position),
		cmp.Compare(e.Path, other.Path), cmp.Compare(e.Message, other.Message))
}

// String writes the position as "file:line:col".
func (p Position) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

// compare orders positions by file, line and column.
func (p Position) compare(other Position) int {
	return cmp.Or(cmp.Compare(p.File, other.File), cmp.Compare(p.Line, other.Line), cmp.Compare(p.Col, other.Col))
}

// Errors are all the mistakes of a revision, sorted by file, line and column.
type Errors []Error

// Error puts each mistake on a line of its own.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// maxErrors is how many mistakes are listed. A repository that holds more has one that is behind them all.
const maxErrors = 1000

// finish returns the mistakes in order, each once.
func (e Errors) finish() Errors {
	s := slices.Clone(e)
	slices.SortFunc(s, Error.compare)
	s = slices.Compact(s)
	if more := len(s) - maxErrors; more > 0 {
		s = append(s[:maxErrors], Error{Message: fmt.Sprintf("%d more mistakes are not listed: begin with the first", more)})
	}
	return s
}
