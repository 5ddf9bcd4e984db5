package schema

import (
	"regexp"
	"strconv"

	"cuelang.org/go/cue/ast"
)

// nameIn is the deployment's name, where the files write it out once or the same each time: who is told that
// declarations are wrong wants to know whose they are.
func nameIn(files []*ast.File) string {
	var all, deployment []ast.Decl
	for _, f := range files {
		all = append(all, f.Decls...)
	}
	for _, value := range fields(all, "deployment") {
		if body, ok := value.(*ast.StructLit); ok {
			deployment = append(deployment, body.Elts...)
		}
	}
	found := ""
	for _, value := range fields(deployment, "name") {
		name := label(value)
		if name == "" || found != "" && found != name {
			return ""
		}
		found = name
	}
	return found
}

// fields are the values that declarations give to a field.
func fields(decls []ast.Decl, name string) []ast.Expr {
	var values []ast.Expr
	for _, d := range decls {
		field, ok := d.(*ast.Field)
		if !ok {
			continue
		}
		if is, _, err := ast.LabelName(field.Label); err == nil && is == name {
			values = append(values, field.Value)
		}
	}
	return values
}

// label is a string that is written out and a DNS label, as schema.cue wants of names; empty where it is not.
func label(value ast.Expr) string {
	literal, ok := value.(*ast.BasicLit)
	if !ok {
		return ""
	}
	name, err := strconv.Unquote(literal.Value)
	if is, _ := regexp.MatchString("^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", name); err != nil || !is {
		return ""
	}
	return name
}
