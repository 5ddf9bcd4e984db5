package schema

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// checker holds declarations against each other, in Go and not in CUE: CUE hides one mistake
// behind another, and cannot say which name was meant. The rules stand in rule_*.go.
type checker struct {
	cfg      *Config
	root     *node
	written  map[string][]string // provider: organizations with an entry of their own in perOrganization
	bad      map[string]state    // where mistakes were known before
	errs     Errors
	warnings Errors
}

// check runs all rules.
func (c *checker) check() {
	c.deployment()
	c.organizations()
	c.enforcement()
	c.allowlists()
	c.providers()
	c.releases()
	c.removals()
	c.values()
}

// fail notes a mistake at the field that path leads to, or at the nearest one above it.
func (c *checker) fail(path []string, format string, args ...any) {
	c.errs = append(c.errs, Error{Position: c.at(path), Path: pathOf(path), Message: fmt.Sprintf(format, args...)})
}

// warn notes what is harmless, and probably not meant.
func (c *checker) warn(path []string, format string, args ...any) {
	c.warnings = append(c.warnings, Error{Position: c.at(path), Path: pathOf(path), Message: fmt.Sprintf(format, args...)})
}

// at is where path is declared. The value itself may be a default, written elsewhere; what
// stands above it is the user's own.
func (c *checker) at(path []string) Position {
	at, n := Position{}, c.root
	for i, name := range path {
		n = n.get(name)
		if n != nil && n.at.File != "" && (n.from == "" || i == len(path)-1) {
			at = n.at
		}
	}
	return at
}

// sound tells whether no mistake is known at path, below it, or at one of those above it.
// Where it is not sound, something may be missing because of that mistake alone.
func (c *checker) sound(path ...string) bool {
	for i := range path {
		if c.bad[pathOf(path[:i])] == itself {
			return false
		}
	}
	return c.bad[pathOf(path)] == well
}

// state says where a mistake is, seen from a path.
type state int

const (
	well   state = iota
	below        // there is one further down
	itself       // there is one right here
)

// newBad notes the state of every path with a mistake, and of those above it.
func newBad(errs Errors) map[string]state {
	bad := map[string]state{}
	for _, e := range errs {
		bad[e.Path] = itself
		for p := e.Path; p != ""; {
			p = p[:max(0, strings.LastIndexByte(p, '.'))]
			bad[p] = max(bad[p], below)
		}
	}
	return bad
}

// unknown notes a name in a place that no entry of a collection has.
func (c *checker) unknown(path []string, collection, name string) {
	if !c.sound(collection, name) {
		return
	}
	known := names(children(c.root.get(collection)))
	c.fail(path, "unknown %s %s: %s", strings.TrimSuffix(collection, "s"), quote(name), didYouMean(name, known))
}

// names returns the keys of a collection in order.
func names[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
