package git

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits bound what is read through one tree.
type Limits struct {
	File    int64 // bytes of one file
	Total   int64 // bytes of all files that are read
	Entries int   // entries of all directories that are read
	Depth   int   // directories inside each other
}

// Declarations are the limits of what is declared.
func Declarations() Limits {
	return Limits{File: 256 << 10, Total: 4 << 20, Entries: 4_000, Depth: 32}
}

// Charts are the limits of a tree that holds charts too.
func Charts() Limits {
	return Limits{File: 5 << 20, Total: 20 << 20, Entries: 20_000, Depth: 32}
}

// maxName is what common file systems take.
const maxName = 255

// checkName says why a name that a repository gave to a file is not accepted; nil where it is.
func checkName(name string) error {
	why := ""
	switch {
	case name == "" || name == "." || name == "..":
		why = "is no name"
	case len(name) > maxName:
		why = fmt.Sprintf("has %d bytes, at most %d", len(name), maxName)
	case strings.ContainsAny(name, `/\`):
		why = "holds a separator"
	case strings.EqualFold(name, ".git") || strings.EqualFold(name, "git~1"):
		why = "is git's own"
	case !utf8.ValidString(name):
		why = "is not UTF-8"
	case strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsPrint(c) }):
		why = "holds characters that do not print"
	}
	if why == "" {
		return nil
	}
	return fmt.Errorf("%w: the name %q %s: rename it", ErrRefused, cut(name, 60), why)
}

// cut shortens text that will be quoted.
func cut(text string, max int) string {
	if len(text) > max {
		return text[:max] + "…"
	}
	return text
}
