package edit

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"
	"go.yaml.in/yaml/v3"
)

// Member is a field to write: its name and a value. A value is a string, a truth value, a number, nil, a list
// ([]any), a map[string]any, which is written in the order of its keys, or a Struct.
type Member struct {
	Name  string
	Value any
}

// Struct is a value with fields in an order of its own.
type Struct []Member

// members are the fields of a value that has some.
func members(v any) (Struct, bool) {
	switch v := v.(type) {
	case Struct:
		return v, true
	case map[string]any:
		out := Struct{}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			out = append(out, Member{name, v[name]})
		}
		return out, true
	}
	return nil, false
}

// plain is a value that is no struct, as JSON, which is CUE and YAML, too.
func plain(v any) string {
	if s, is := v.(string); is {
		return literal.String.Quote(s)
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("a value of a declaration is %T: %v", v, err))
	}
	return string(text)
}

// nested is a path of names above a value, as values in each other.
func nested(path []string, v any) any {
	for _, name := range slices.Backward(path) {
		v = Struct{{name, v}}
	}
	return v
}

func (cueFile) label(name string) string {
	if ast.StringLabelNeedsQuoting(name) {
		return literal.String.Quote(name)
	}
	return name
}

// value writes a struct of one field without braces, as people do where it is in another one.
func (c cueFile) value(v any, indent string) string {
	fields, is := members(v)
	if list, isList := v.([]any); isList {
		return c.list(list, indent)
	}
	switch {
	case !is:
		return plain(v)
	case len(fields) == 0:
		return "{}"
	}
	var b strings.Builder
	b.WriteString("{\n")
	for _, m := range fields {
		b.WriteString(indent + "\t" + c.field(m, indent+"\t") + "\n")
	}
	return b.String() + indent + "}"
}

// field is a field, those that are alone in each other in one line.
func (c cueFile) field(m Member, indent string) string {
	if fields, _ := members(m.Value); len(fields) == 1 {
		return c.label(m.Name) + ": " + c.field(fields[0], indent)
	}
	return c.label(m.Name) + ": " + c.value(m.Value, indent)
}

func (c cueFile) list(all []any, indent string) string {
	var b strings.Builder
	for i, v := range all {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c.value(v, indent))
	}
	return "[" + b.String() + "]"
}

func (jsonFile) label(name string) string { return plain(name) }

func (j jsonFile) value(v any, indent string) string {
	fields, is := members(v)
	switch {
	case !is:
		return plain(v)
	case len(fields) == 0:
		return "{}"
	}
	lines := make([]string, len(fields))
	for i, m := range fields {
		lines[i] = indent + "  " + j.label(m.Name) + ": " + j.value(m.Value, indent+"  ")
	}
	return "{\n" + strings.Join(lines, ",\n") + "\n" + indent + "}"
}

func (yamlFile) label(name string) string { return scalar(name) }

// value is what comes behind "name:", in lines of its own where it is a struct.
func (y yamlFile) value(v any, indent string) string {
	fields, is := members(v)
	switch {
	case !is:
		return scalar(v)
	case len(fields) == 0:
		return "{}"
	}
	var b strings.Builder
	for _, m := range fields {
		b.WriteString("\n" + indent + "  " + y.field(m, indent+"  "))
	}
	return b.String()
}

// field is "name: value".
func (y yamlFile) field(m Member, indent string) string {
	text := y.value(m.Value, indent)
	if !strings.HasPrefix(text, "\n") {
		text = " " + text
	}
	return y.label(m.Name) + ":" + text
}

// flow is a value in one line.
func (y yamlFile) flow(v any) string {
	fields, is := members(v)
	if !is {
		return scalar(v)
	}
	all := make([]string, len(fields))
	for i, m := range fields {
		all[i] = y.label(m.Name) + ": " + y.flow(m.Value)
	}
	return "{" + strings.Join(all, ", ") + "}"
}

// scalar is a string as YAML, in quotes where it needs them, inside of braces too; anything else as JSON.
func scalar(v any) string {
	s, is := v.(string)
	if !is {
		return plain(v)
	}
	text, err := yaml.Marshal(s)
	if err != nil || strings.Count(string(text), "\n") != 1 || strings.ContainsAny(s, ",[]{}#:") {
		return plain(v)
	}
	return strings.TrimSuffix(string(text), "\n")
}

// Label is a name as it stands in front of a CUE field.
func Label(name string) string { return cueFile{}.label(name) }
