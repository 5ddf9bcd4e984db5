package schema

import (
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/ast/astutil"
	"cuelang.org/go/cue/build"
	cueerrors "cuelang.org/go/cue/errors"
)

// evaluate joins the files to one package. CUE loads nothing for it: no module, no registry, no
// file. A reference to nothing makes the whole package unreadable, so it is returned as
// missing and taken out, and the rest is evaluated.
func evaluate(ctx *cue.Context, files []*ast.File) (v cue.Value, missing Errors) {
	v = compile(ctx, files)
	if _, err := v.Fields(); err == nil {
		return v, nil
	}
	missing = translate(v.Err(), topLevel(files)...)
	var at []Position
	for _, e := range cueerrors.Errors(v.Err()) {
		if format, _ := e.Msg(); strings.HasPrefix(format, "reference") || strings.HasPrefix(format, "parse error") {
			at = append(at, position(e.Position(), ""))
		}
	}
	for _, f := range files {
		takeOut(f, at)
	}
	return compile(ctx, files), missing
}

// compile builds the package.
func compile(ctx *cue.Context, files []*ast.File) cue.Value {
	inst := build.NewContext().NewInstance("", nil)
	for _, f := range files {
		_ = inst.AddSyntax(f) // what is wrong stands in inst, and so in the value
	}
	return ctx.BuildInstance(inst)
}

// takeOut replaces the identifiers and literals at some places by an error.
func takeOut(file *ast.File, at []Position) {
	astutil.Apply(file, func(c astutil.Cursor) bool {
		switch n := c.Node().(type) {
		case *ast.Ident, *ast.BasicLit:
			if slices.Contains(at, position(n.Pos(), "")) {
				c.Replace(&ast.BottomLit{Bottom: n.Pos()})
			}
		}
		return true
	}, nil)
}

// topLevel names what a reference can find from everywhere in the package.
func topLevel(files []*ast.File) []string {
	var names []string
	for _, f := range files {
		for _, d := range f.Decls {
			if field, ok := d.(*ast.Field); ok {
				if name, _, err := ast.LabelName(field.Label); err == nil {
					names = append(names, name)
				}
			}
		}
	}
	return names
}
