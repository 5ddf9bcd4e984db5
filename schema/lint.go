package schema

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"
)

// maxDepth is how many structs may stand in each other.
const maxDepth = 100

// linter looks through syntax for what must not be evaluated.
type linter struct {
	file  string
	depth int // of fields
	errs  Errors
}

// lint refuses what reaches outside of the package, attributes that CUE tools act on and imports,
// numbers that CUE misreads, and what is too deep to be looked through.
func lint(file *ast.File) Errors {
	l := &linter{file: file.Filename}
	ast.Walk(file, l.enter, l.leave)
	return l.errs
}

// fail notes a mistake.
func (l *linter) fail(at token.Pos, format string, args ...any) {
	l.errs = append(l.errs, Error{Position: position(at, l.file), Message: fmt.Sprintf(format, args...)})
}

// enter looks at one node, and tells whether to look at those below.
func (l *linter) enter(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.Field:
		if l.depth == maxDepth {
			l.fail(n.Pos(), "found more than %d structs in each other: write it flatter", maxDepth)
			return false
		}
		l.depth++
	case *ast.Attribute:
		if name, _ := n.Split(); slices.Contains([]string{"embed", "extern", "if", "tag"}, name) {
			l.fail(n.Pos(), "found @%s: declarations get nothing from outside their package; write the value itself", name)
		}
	case *ast.ImportSpec:
		if path, err := strconv.Unquote(n.Path.Value); err != nil || !importable(path) {
			l.fail(n.Path.Pos(), "found import %s: only CUE's own packages can be imported, such as \"strings\", "+
				"and none that reads or writes outside", quote(path))
		}
	case *ast.BasicLit:
		_, exponent, _ := strings.Cut(strings.ToLower(n.Value), "e")
		if n.Kind == token.FLOAT && len(exponent) > len("-9999") {
			l.fail(n.Pos(), "found a number that 64 bits cannot hold exactly: write it as a string")
		}
	}
	return true
}

// leave comes after the nodes below n.
func (l *linter) leave(n ast.Node) {
	if _, ok := n.(*ast.Field); ok {
		l.depth--
	}
}

// importable tells whether path is one of CUE's own packages, without those for its
// command line and for templates, which have bounds of no kind.
func importable(path string) bool {
	path, _, _ = strings.Cut(path, ":")
	return slices.Contains([]string{
		"crypto/ed25519", "crypto/hmac", "crypto/md5", "crypto/sha1", "crypto/sha256", "crypto/sha512",
		"encoding/base64", "encoding/csv", "encoding/hex", "encoding/json", "encoding/toml", "encoding/yaml",
		"html", "list", "math", "math/bits", "net", "path", "regexp", "strconv", "strings", "struct",
		"text/tabwriter", "time", "uuid",
	}, path)
}
