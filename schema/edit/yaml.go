package edit

import (
	"bytes"
	"strings"

	"cuelang.org/go/cue/ast"
)

// yamlFile is a data file in YAML. Its syntax tree knows where things begin, and not where they end: that is read off
// the lines.
type yamlFile struct{}

// labelEnd is where the colon behind a name is.
func (yamlFile) labelEnd(f Field) int { return spanEnd(f.file.text, f.node.Label.Pos().Offset(), ":") }

// replace makes something else the value: behind the name, in one line.
func (y yamlFile) replace(f Field, v any) {
	text, at := f.file.text, f.node.Value.Pos().Offset()
	if y.block(f) {
		colon := y.labelEnd(f) + 1
		f.file.splice(colon, y.blockEnd(f), " "+y.flow(v))
		return
	}
	f.file.splice(at, spanEnd(text, at, y.stops(f)), y.flow(v))
}

// stops are what ends a value that is no block: in braces more than elsewhere.
func (yamlFile) stops(f Field) string {
	text, at := f.file.text, f.node.Label.Pos().Offset()
	if len(bytes.TrimSpace(text[lineStart(text, at):at])) > 0 {
		return ",}]\n"
	}
	return "\n"
}

// block says whether the value is a map in lines of its own.
func (yamlFile) block(f Field) bool {
	_, is := f.node.Value.(*ast.StructLit)
	return is && f.file.text[f.node.Value.Pos().Offset()] != '{'
}

// blockEnd is where the lines of a field end: those that are empty or further in than its name, and no empty ones last.
func (yamlFile) blockEnd(f Field) int {
	text, at := f.file.text, f.node.Label.Pos().Offset()
	in := at - lineStart(text, at)
	end := lineEnd(text, at)
	for next := end; next < len(text); {
		next = min(len(text), next+1+bytes.IndexByte(text[next:], '\n'))
		line := text[next:lineEnd(text, next)]
		inside := len(line) - len(bytes.TrimLeft(line, " "))
		if len(bytes.TrimSpace(line)) > 0 && inside <= in && !(inside == in && bytes.HasPrefix(line[inside:], []byte("- "))) {
			break
		}
		if len(bytes.TrimSpace(line)) > 0 {
			end = lineEnd(text, next)
		}
		if bytes.IndexByte(text[next:], '\n') < 0 {
			break
		}
	}
	return end
}

// remove takes the lines of a field out, with the comments right above them.
func (y yamlFile) remove(f Field) {
	text, from := f.file.text, f.node.Label.Pos().Offset()
	begin := lineStart(text, from)
	if len(bytes.TrimSpace(text[begin:from])) > 0 { // in braces
		f.file.splice(withComma(text, from, spanEnd(text, f.node.Value.Pos().Offset(), y.stops(f))))
		return
	}
	f.file.splice(withComments(text, begin, y.blockEnd(f), "#"))
}

// insert adds a field below the last one, as far in as that; in braces behind the last one.
func (y yamlFile) insert(below Field, m Member) {
	text := below.file.text
	body, is := below.node.Value.(*ast.StructLit)
	if !is {
		return // what it makes is not valid, and that is said
	}
	if len(body.Elts) > 0 && (!body.Lbrace.HasAbsPos() || text[body.Lbrace.Offset()] != '{') {
		last := Field{file: below.file, node: body.Elts[len(body.Elts)-1].(*ast.Field)}
		at := y.blockEnd(last)
		indent := below.file.indent(last.node.Label.Pos().Offset())
		below.file.splice(at, at, "\n"+indent+y.field(m, indent))
		return
	}
	open := below.node.Value.Pos().Offset()
	shut := spanEnd(text, open, "\n") - 1
	at := open + 1 + len(bytes.TrimRight(text[open+1:shut], " \t\r\n"))
	comma := ", "
	if at == open+1 {
		comma = ""
	}
	below.file.splice(at, at, comma+y.label(m.Name)+": "+y.flow(m.Value))
}

func (y yamlFile) whole(path []string, v any) string {
	return y.field(Member{path[1], nested(path[2:], v)}, "") + "\n"
}

// spanEnd is where something ends that begins at a place: behind its quotes or brackets, and else before one of
// stops or a comment, without the space before these.
func spanEnd(text []byte, at int, stops string) int {
	switch c := text[at]; c {
	case '"', '\'':
		return quoteEnd(text, at)
	case '{', '[':
		return bracketEnd(text, at)
	}
	end := at
	for end < len(text) && !strings.ContainsRune(stops, rune(text[end])) && text[end] != '\n' &&
		!(text[end] == '#' && (text[end-1] == ' ' || text[end-1] == '\t')) {
		end++
	}
	return at + len(bytes.TrimRight(text[at:end], " \t\r"))
}

// quoteEnd is the place behind a text in quotes.
func quoteEnd(text []byte, at int) int {
	for i := at + 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && text[at] == '"':
			i++
		case text[i] == text[at]:
			return i + 1
		}
	}
	return len(text)
}

// bracketEnd is the place behind a map or a list in brackets.
func bracketEnd(text []byte, at int) int {
	depth := 0
	for i := at; i < len(text); i++ {
		switch text[i] {
		case '"', '\'':
			i = quoteEnd(text, i) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}
