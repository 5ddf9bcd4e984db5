package schema

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"cuelang.org/go/cue/ast"
	cueerrors "cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"
	cuejson "cuelang.org/go/encoding/json"
	cueyaml "cuelang.org/go/encoding/yaml"
)

// packageName is the name of the one CUE package.
const packageName = "providers"

// parse turns a file into syntax of the package, a data file too.
func parse(f sourceFile) (*ast.File, Errors) {
	if !utf8.Valid(f.text) {
		return nil, Errors{fileError(f.name, "found bytes that are not UTF-8: save the file as UTF-8")}
	}
	if f.collection != "" {
		return parseData(f)
	}
	file, err := parser.ParseFile(f.name, f.text, parser.ParseComments)
	if err != nil {
		return nil, syntaxErrors(f.name, err)
	}
	if name := file.PackageName(); name != packageName {
		return nil, Errors{fileError(f.name, fmt.Sprintf(
			"found package %q: the declarations are package %s", name, packageName))}
	}
	return file, lint(file)
}

// parseData turns the map of a data file into `collection: {…}`.
func parseData(f sourceFile) (*ast.File, Errors) {
	data, errs := extract(f)
	if len(errs) > 0 {
		return nil, errs
	}
	body, ok := data.(*ast.StructLit)
	if !ok {
		return nil, Errors{fileError(f.name, fmt.Sprintf(
			"found no map at the top: write a map from names to entries of %s", f.collection))}
	}
	if errs := twice(f.name, body); len(errs) > 0 {
		return nil, errs
	}
	file := &ast.File{Filename: f.name, Decls: []ast.Decl{
		&ast.Package{Name: ast.NewIdent(packageName)},
		&ast.Field{Label: ast.NewIdent(f.collection), Value: body},
	}}
	return file, lint(file)
}

// extract reads a data file as a CUE expression with the file's own positions.
func extract(f sourceFile) (ast.Expr, Errors) {
	if strings.HasSuffix(f.name, ".json") {
		x, err := cuejson.Extract(f.name, f.text)
		errs := syntaxErrors(f.name, err)
		for i := range errs {
			errs[i].Message = "syntax: found something that is not JSON"
		}
		return x, errs
	}
	if errs := lintYAML(f); len(errs) > 0 {
		return nil, errs
	}
	file, err := cueyaml.Extract(f.name, f.text)
	if err != nil {
		return nil, syntaxErrors(f.name, err)
	}
	if len(file.Decls) == 1 {
		if e, ok := file.Decls[0].(*ast.EmbedDecl); ok {
			return e.Expr, nil
		}
	}
	return &ast.StructLit{Elts: file.Decls}, nil
}

// twice finds keys that stand twice in one map of a data file: YAML and JSON readers
// silently take the last one.
func twice(file string, body *ast.StructLit) Errors {
	var errs Errors
	ast.Walk(body, func(n ast.Node) bool {
		s, ok := n.(*ast.StructLit)
		if !ok {
			return true
		}
		seen := map[string]token.Pos{}
		for _, d := range s.Elts {
			field, ok := d.(*ast.Field)
			if !ok {
				continue
			}
			name, _, _ := ast.LabelName(field.Label)
			if first, ok := seen[name]; ok {
				errs = append(errs, Error{Position: position(field.Label.Pos(), file),
					Message: fmt.Sprintf("key %s stands twice, first in line %d: keep one", quote(name), first.Line())})
			}
			seen[name] = field.Label.Pos()
		}
		return true
	}, nil)
	return errs
}

// syntaxErrors turns a parser's errors into ours, without what it found if that may be a value.
func syntaxErrors(file string, err error) Errors {
	var errs Errors
	for _, e := range cueerrors.Errors(err) {
		format, args := e.Msg()
		if strings.HasSuffix(format, "found '%s' %s") {
			format = strings.TrimSuffix(format, " %s")
		}
		if n := strings.Count(format, "%"); n < len(args) {
			args = args[:n]
		}
		errs = append(errs, Error{Position: position(e.Position(), file), Message: "syntax: " + fmt.Sprintf(format, args...)})
	}
	return errs
}
