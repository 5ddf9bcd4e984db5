package edit

import (
	"path"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"
	cueyaml "cuelang.org/go/encoding/yaml"
)

// language is how a file is written in.
type language interface {
	// parse reads a file, with the positions of its own bytes.
	parse(f *file) (*ast.File, error)
	// value is a value as text, whose further lines are indented like that.
	value(v any, indent string) string
	// label is a name as text.
	label(name string) string
	// labelEnd is where the label of a field ends.
	labelEnd(f Field) int
	// replace makes something else the value of a field.
	replace(f Field, v any)
	// remove takes a field out, with what is said about it.
	remove(f Field)
	// insert adds a field below another one.
	insert(below Field, m Member)
	// whole is a new file that holds one field below its root.
	whole(path []string, v any) string
}

// languageOf tells by a file's name what it is written in.
func languageOf(name string) language {
	switch path.Ext(name) {
	case ".json":
		return jsonFile{}
	case ".yaml":
		return yamlFile{}
	}
	return cueFile{}
}

func (cueFile) parse(f *file) (*ast.File, error) {
	return parser.ParseFile(f.name, f.text, parser.ParseComments)
}

func (jsonFile) parse(f *file) (*ast.File, error) {
	x, err := parser.ParseExpr(f.name, f.text)
	if err != nil {
		return nil, err
	}
	return f.rooted(x), nil
}

func (yamlFile) parse(f *file) (*ast.File, error) {
	read, err := cueyaml.Extract(f.name, f.text)
	if err != nil {
		return nil, err
	}
	if len(read.Decls) == 1 {
		if e, ok := read.Decls[0].(*ast.EmbedDecl); ok {
			return f.rooted(e.Expr), nil
		}
	}
	return f.rooted(&ast.StructLit{Elts: read.Decls}), nil
}

// rooted is what a data file holds as a file of the package: below the name of its collection.
func (f *file) rooted(x ast.Expr) *ast.File {
	return &ast.File{Decls: []ast.Decl{&ast.Field{Label: ast.NewIdent(f.collection), Value: x}}}
}
