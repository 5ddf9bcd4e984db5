package edit

import (
	"bytes"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"
)

// cueFile is a file in CUE.
type cueFile struct{}

func (cueFile) labelEnd(f Field) int { return f.node.Label.End().Offset() }

func (c cueFile) replace(f Field, v any) {
	at := f.node.Value.Pos().Offset()
	text := c.value(v, f.file.indent(at))
	if fields, _ := members(v); len(fields) == 1 {
		text = c.field(fields[0], f.file.indent(at))
	}
	f.file.splice(at, f.node.Value.End().Offset(), text)
}

// remove takes the lines of a field out where it has them for itself, with the comments that belong to it.
func (cueFile) remove(f Field) {
	text, from, to := f.file.text, f.begins(), f.node.End().Offset()
	begin, end := lineStart(text, from), lineEnd(text, to)
	rest := bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(text[to:end]), []byte(",")))
	if len(bytes.TrimSpace(text[begin:from])) > 0 || len(rest) > 0 && !bytes.HasPrefix(rest, []byte("//")) {
		f.file.splice(withComma(text, from, to))
		return
	}
	f.file.splice(withComments(text, begin, end, "//"))
}

// insert adds a field inside the braces that another one has, and where it has none, beside it: with its name once
// more.
func (c cueFile) insert(below Field, m Member) {
	text := below.file.text
	body := below.braces()
	if body == nil {
		c.beside(below, m)
		return
	}
	open, shut := body.Lbrace.Offset(), body.Rbrace.Offset()
	indent := below.file.indent(shut)
	inner := bytes.TrimSpace(text[open+1 : shut])
	line := c.field(m, indent)
	switch begin := lineStart(text, shut); {
	case bytes.IndexByte(text[open:shut], '\n') >= 0 && len(bytes.TrimSpace(text[begin:shut])) == 0:
		below.file.splice(begin, begin, indent+"\t"+c.field(m, indent+"\t")+"\n")
	case len(inner) == 0 && strings.IndexByte(line, '\n') < 0:
		below.file.splice(open+1, shut, line)
	case len(inner) == 0:
		below.file.splice(open+1, shut, "\n"+indent+"\t"+c.field(m, indent+"\t")+"\n"+indent)
	default:
		at := open + 1 + len(bytes.TrimRight(text[open+1:shut], " \t\r\n,"))
		below.file.splice(at, at, ", "+line)
	}
}

// beside adds "a: b: name: value" below the line of "a: b: …".
func (c cueFile) beside(above Field, m Member) {
	text, from, to := above.file.text, above.begins(), above.node.End().Offset()
	labels := string(text[from:above.node.Value.Pos().Offset()])
	begin := lineStart(text, from)
	indent := above.file.indent(from)
	if len(bytes.TrimSpace(text[begin:from])) > 0 {
		above.file.splice(to, to, ", "+labels+c.field(m, indent))
		return
	}
	gap := "\n"
	if bytes.IndexByte(text[from:to], '\n') >= 0 {
		gap = "\n\n" // what takes several lines stands for itself
	}
	end := lineEnd(text, to)
	above.file.splice(end, end, gap+indent+labels+c.field(m, indent))
}

func (c cueFile) whole(path []string, v any) string {
	return "\n" + c.field(Member{path[0], nested(path[1:], v)}, "") + "\n"
}

// begins is where the field begins, with the labels that it is the last of.
func (f Field) begins() int {
	if f.first >= 0 {
		return f.first
	}
	return f.node.Pos().Offset()
}

// braces is the first struct with braces that the value is, or is joined from.
func (f Field) braces() *ast.StructLit {
	var look func(ast.Expr) *ast.StructLit
	look = func(x ast.Expr) *ast.StructLit {
		switch x := x.(type) {
		case *ast.StructLit:
			if x.Lbrace.HasAbsPos() && x.Rbrace.HasAbsPos() {
				return x
			}
		case *ast.ParenExpr:
			return look(x.X)
		case *ast.BinaryExpr:
			if x.Op == token.AND {
				if found := look(x.X); found != nil {
					return found
				}
				return look(x.Y)
			}
		}
		return nil
	}
	return look(f.node.Value)
}

// indent is what the line of a place begins with.
func (f *file) indent(at int) string {
	line := f.text[lineStart(f.text, at):at]
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// lineStart is where the line of a place begins.
func lineStart(text []byte, at int) int { return bytes.LastIndexByte(text[:at], '\n') + 1 }

// lineEnd is where it ends, before what ends it.
func lineEnd(text []byte, at int) int {
	rest, _, _ := bytes.Cut(text[at:], []byte("\n"))
	return at + len(bytes.TrimSuffix(rest, []byte("\r")))
}

// withComments is a splice that takes lines out, the comments right above them, and an empty line where there would
// be two.
func withComments(text []byte, begin, end int, mark string) (from, to int, nothing string) {
	for begin > 0 {
		above := lineStart(text, begin-1)
		if !strings.HasPrefix(strings.TrimSpace(string(text[above:begin])), mark) {
			break
		}
		begin = above
	}
	end = min(len(text), end+len(text[end:])-len(bytes.TrimLeft(text[end:], "\r")))
	if end < len(text) {
		end++ // the newline
	}
	above := begin == 0 || begin > 1 && len(bytes.TrimSpace(text[lineStart(text, begin-1):begin])) == 0
	if above && len(bytes.TrimSpace(text[end:lineEnd(text, end)])) == 0 {
		if next := bytes.IndexByte(text[end:], '\n'); next >= 0 {
			end += next + 1
		} else if begin > 0 {
			begin = lineStart(text, begin-1)
		}
	}
	return begin, end, ""
}

// withComma is a splice that takes a part of a line out, with the comma behind it or before it.
func withComma(text []byte, from, to int) (int, int, string) {
	after := len(text) - len(bytes.TrimLeft(text[to:], " \t\r\n"))
	if after < len(text) && text[after] == ',' {
		after++
		return from, after + len(text[after:]) - len(bytes.TrimLeft(text[after:], " \t")), ""
	}
	before := bytes.TrimRight(text[:from], " \t\r\n")
	if bytes.HasSuffix(before, []byte(",")) {
		return len(before) - 1, to, ""
	}
	return from, to, ""
}
