package schema

import (
	"fmt"
	"slices"
	"strings"

	cueerrors "cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/token"
)

// translate turns CUE's errors into ours: the user's position, the path, and what it means.
// CUE's own text quotes values, which may be secret, so none of it is kept. Known are the names
// that a reference may have meant.
func translate(err error, known ...string) Errors {
	var errs Errors
	choice := -1 // the error about a choice that those after it belong to
	for _, e := range cueerrors.Errors(err) {
		one := Error{Path: cuePath(e.Path())}
		places := places(e)
		format, _ := e.Msg()
		switch {
		case strings.Contains(format, "errors in empty disjunction"):
			choice = len(errs)
		case choice >= 0 && one.Path == errs[choice].Path:
			if errs[choice].File == "" && len(places) > 0 {
				errs[choice].Position = places[len(places)-1] // the choice stands first, what it refuses last
			}
			continue
		}
		if len(places) > 0 {
			one.Position = places[0]
		}
		one.Message = meaning(e, places, known)
		errs = append(errs, one)
	}
	return errs
}

// places are the positions in an error, sorted.
func places(err error) []Position {
	var all []Position
	for _, p := range cueerrors.Positions(err) {
		if p.IsValid() && p.Filename() != "" {
			all = append(all, position(p, ""))
		}
	}
	slices.SortFunc(all, Position.compare)
	return slices.Compact(all)
}

// meaning says in our words what CUE found. It is long, since it is a table.
//
//gocyclo:ignore
func meaning(e cueerrors.Error, places []Position, known []string) string {
	format, args := e.Msg()
	other := ""
	if len(places) > 1 {
		other = fmt.Sprintf(" (the other is at %s)", places[len(places)-1])
	}
	is := func(part string) bool { return strings.Contains(format, part) }
	switch {
	case is("conflicting values"):
		return "found two values that conflict" + other + ": keep one"
	case is("empty disjunction"):
		return "found a value that is none of the choices in the declarations: take one of them, or add it there"
	case is("incomplete value"), is("non-concrete"), is("unresolved disjunction"):
		return "found no value yet, only what it may be: give it one"
	case is("field not allowed"):
		return "found a field that a definition in the declarations does not allow" + other + ": add it there, or take it out"
	case is("reference %q not found"), is("undefined field"):
		name, hint := fmt.Sprint(args...), "check its spelling"
		if best := nearest(name, known); best != "" {
			hint = "did you mean " + quote(best) + "?"
		}
		return fmt.Sprintf("found a reference to %s, which is not declared: %s", quote(name), hint)
	case is("invalid interpolation"):
		return "found a text that is made of something without a value: give that one"
	case is("arithmetic"), is("division"):
		return "found a calculation that has no result: check its numbers"
	case is("field is required"):
		return "found a field that the declarations require, without a value: give it one"
	case is("parse error"):
		return "found a number that cannot be read: write it as a string"
	case is("invalid value"):
		return "found a value that a constraint in the declarations forbids" + other + ": change one of them"
	case is("not used"), is("unreferenced"):
		return "found something that is not used: take it out"
	case is("cycle"):
		return "found a value that is made of itself: break the circle"
	case is("error in call"):
		return fmt.Sprintf("found a call of %s that fails: check what it is given", fmt.Sprint(args...))
	case format == "%s", is("explicit error"):
		return "found an error that the declarations raise themselves: see to its condition"
	}
	return "cannot be evaluated: " + strings.NewReplacer("%v", "…", "%s", "…", "%q", "…", "%d", "…").Replace(format)
}

// cuePath writes a path of CUE as ours, as far as it has names: what a pattern or a loop makes has none.
func cuePath(parts []string) string {
	var names []string
	for _, p := range parts {
		if strings.ContainsAny(p, "[<") {
			break
		}
		names = append(names, strings.Trim(p, `"`))
	}
	return pathOf(names)
}

// position turns a CUE position into ours; without one it is the beginning of file, if any.
func position(p token.Pos, file string) Position {
	switch {
	case p.IsValid():
		return Position{File: p.Filename(), Line: p.Line(), Col: p.Column()}
	case file == "":
		return Position{}
	}
	return Position{File: file, Line: 1, Col: 1}
}
