package edit

import (
	"bytes"

	"cuelang.org/go/cue/ast"
)

// jsonFile is a data file in JSON.
type jsonFile struct{}

func (jsonFile) labelEnd(f Field) int { return f.node.Label.End().Offset() }

func (j jsonFile) replace(f Field, v any) {
	at := f.node.Value.Pos().Offset()
	f.file.splice(at, f.node.Value.End().Offset(), j.value(v, f.file.indent(at)))
}

// remove takes a field out with its comma, and with its line where nothing else is there.
func (jsonFile) remove(f Field) {
	text := f.file.text
	from, to, nothing := withComma(text, f.node.Pos().Offset(), f.node.End().Offset())
	begin, end := lineStart(text, from), lineEnd(text, to)
	if len(bytes.TrimSpace(text[begin:from])) == 0 && len(bytes.TrimSpace(text[to:end])) == 0 && end < len(text) {
		from, to = begin, end+1
	}
	f.file.splice(from, to, nothing)
}

// insert adds a field behind the last one.
func (j jsonFile) insert(below Field, m Member) {
	body, is := below.node.Value.(*ast.StructLit)
	if !is {
		return // what it makes is not valid, and that is said
	}
	open, shut := body.Lbrace.Offset(), body.Rbrace.Offset()
	text, indent := below.file.text, below.file.indent(body.Lbrace.Offset())
	at := open + 1 + len(bytes.TrimRight(text[open+1:shut], " \t\r\n"))
	comma := ","
	if at == open+1 {
		comma = ""
	}
	field := j.label(m.Name) + ": " + j.value(m.Value, indent+"  ")
	if comma != "" && bytes.IndexByte(text[open:shut], '\n') < 0 {
		below.file.splice(at, at, ", "+field)
		return
	}
	below.file.splice(at, shut, comma+"\n"+indent+"  "+field+"\n"+indent)
}

func (j jsonFile) whole(path []string, v any) string {
	return j.value(nested(path[1:], v), "") + "\n"
}
