package edit

import (
	"bytes"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/token"

	"github.com/workspace-providers/reconcile/schema"
)

// Field is one place where a field is written.
type Field struct {
	file     *file
	path     string // "deployment.accessURL"
	node     *ast.Field
	first    int  // where the labels begin that it is the last of: "deployment: accessURL: …"
	computed bool // whether it is there depends on something else
}

// Fields are all the places where the field at a path is written, by file and place. What stands behind a reference
// or a function is not found: it is not written at that path.
func (f *Files) Fields(path ...string) []Field {
	var out []Field
	for _, one := range f.files {
		s := search{path: path}
		s.decls(one.syntax.Decls, Field{first: -1})
		for _, found := range s.found {
			found.file, found.path = one, strings.Join(path, ".")
			out = append(out, found)
		}
	}
	return out
}

// search looks for a path in one file.
type search struct {
	path  []string
	found []Field
}

// decls looks through what stands between braces, or in the file itself. above is the field that it is the value of.
func (s *search) decls(decls []ast.Decl, above Field) {
	for _, d := range decls {
		switch d := d.(type) {
		case *ast.Field:
			s.field(d, above)
		case *ast.EmbedDecl:
			inside := above
			inside.first = -1
			s.value(d.Expr, inside)
		case *ast.Comprehension:
			inside := above
			inside.first, inside.computed = -1, true
			s.value(d.Value, inside)
		}
	}
}

// field looks at one field and below.
func (s *search) field(node *ast.Field, above Field) {
	name, _, err := ast.LabelName(node.Label)
	if err != nil || name != s.path[0] || node.Constraint != token.ILLEGAL {
		return
	}
	here := Field{node: node, first: above.first, computed: above.computed}
	if here.first < 0 {
		here.first = node.Pos().Offset()
	}
	if len(s.path) == 1 {
		s.found = append(s.found, here)
		return
	}
	below := search{path: s.path[1:]}
	below.value(node.Value, here)
	s.found = append(s.found, below.found...)
}

// value looks into the value of a field.
func (s *search) value(v ast.Expr, above Field) {
	switch v := v.(type) {
	case *ast.StructLit:
		if v.Lbrace.HasAbsPos() {
			above.first = -1 // what stands between braces begins anew
		}
		s.decls(v.Elts, above)
	case *ast.ParenExpr:
		above.first = -1
		s.value(v.X, above)
	case *ast.BinaryExpr:
		above.first, above.computed = -1, above.computed || v.Op != token.AND
		s.value(v.X, above)
		s.value(v.Y, above)
	}
}

// Position is where the field is.
func (f Field) Position() schema.Position {
	at := f.node.Label.Pos().Position()
	if !f.node.Label.Pos().IsValid() {
		return schema.Position{File: f.file.name, Line: 1, Col: 1} // a data file's collection
	}
	return schema.Position{File: f.file.name, Line: at.Line, Col: at.Column}
}

// Text is the value, where that is a string which is written out.
func (f Field) Text() (string, bool) {
	lit, ok := f.node.Value.(*ast.BasicLit)
	if !ok || f.computed || !strings.HasPrefix(lit.Value, `"`) || strings.HasPrefix(lit.Value, `"""`) {
		return "", false
	}
	text, err := literal.Unquote(lit.Value)
	return text, err == nil
}

// SetText makes another string the value.
func (f Field) SetText(text string) { f.file.lang.replace(f, text) }

// Add adds a field with a string beside this one: in a line of its own, below this one and the comment behind it,
// where this one has its line for itself, and else right behind it.
func (f Field) Add(name, text string) {
	all, end := f.file.text, f.node.End().Offset()
	added := string(all[f.first:f.node.Pos().Offset()]) + name + ": " + literal.String.Quote(text)
	indent := all[bytes.LastIndexByte(all[:f.first], '\n')+1 : f.first]
	rest, _, _ := bytes.Cut(all[end:], []byte("\n"))
	comment, comma := strings.CutPrefix(strings.TrimSpace(string(rest)), ",")
	comment = strings.TrimSpace(comment)
	if len(bytes.TrimSpace(indent)) > 0 || comment != "" && !strings.HasPrefix(comment, "//") {
		f.file.splice(end, end, ", "+added)
		return
	}
	if comma {
		added += ","
	}
	below := lineEnd(all, end)
	f.file.splice(below, below, "\n"+string(indent)+added)
}

// splice puts a text in the place of some bytes, with the ends of lines that the file has.
func (f *file) splice(from, to int, text string) {
	if bytes.Contains(f.text, []byte("\r\n")) {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
	}
	f.splices = append(f.splices, splice{from, to, text})
}

// labels are the names of the fields that a value has, as far as they are written out.
func labels(v ast.Expr) []string {
	var out []string
	switch v := v.(type) {
	case *ast.StructLit:
		for _, d := range v.Elts {
			if field, is := d.(*ast.Field); is {
				if name, _, err := ast.LabelName(field.Label); err == nil {
					out = append(out, name)
				}
			}
		}
	case *ast.BinaryExpr:
		out = append(labels(v.X), labels(v.Y)...)
	case *ast.ParenExpr:
		out = labels(v.X)
	}
	return out
}
