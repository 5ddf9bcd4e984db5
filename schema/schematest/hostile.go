// Package schematest holds declarations that try to do harm, for tests of whatever evaluates
// them. They come in two kinds: what schema.Load itself refuses in no time, and what only
// limits on memory and time can stop, since CUE has none of its own.
package schematest

import (
	"fmt"
	"io/fs"
	"strings"
	"testing/fstest"
)

// Case is a repository that does harm.
type Case struct {
	Name    string // what is wrong with it
	Tree    fs.FS
	Message string // part of what schema.Load says, where it can refuse it
}

// Refused are those that schema.Load must refuse at once.
func Refused() []Case {
	files := fstest.MapFS{"providers.cue": file(deployment)}
	for i := range 2001 {
		files[fmt.Sprintf("p%d.cue", i)] = file("package providers\n")
	}
	total := fstest.MapFS{"providers.cue": file(deployment)}
	for i := range 17 {
		total[fmt.Sprintf("p%d.cue", i)] = file("package providers\n//" + strings.Repeat("x", 255<<10))
	}
	symlink := fstest.MapFS{"providers.cue": {Data: []byte("../../secret"), Mode: fs.ModeSymlink | 0o777}}
	return []Case{
		{"a file that is too large", tree("//" + strings.Repeat("x", 1<<20)), "more than 262144 bytes"},
		{"too many files", files, "found 2002 files"},
		{"too much in all", total, "more than 4194304 bytes"},
		{"too many entries", tree("organizations: {" + list(20001, "o%d: {}, ") + "}"), "entries in all collections"},
		{"too many generated entries", tree(`import "list"` + "\norganizations: {for i in list.Range(0, 20001, 1) {\"o\\(i)\": {}}}"), "entries in all collections"},
		{"too many allowlist pairs", tree("allowlists: a: {" + list(20001, "o%d:true,") + "}"), "entries in all collections"},
		{"structs nested too deeply", tree("providers: x: values: " + strings.Repeat("a: ", 20000) + "1"), "more than 100 structs"},
		{"lists nested too deeply", tree("providers: x: values: a: " + strings.Repeat("[", 100000)), "maximum nesting depth"},
		{"parentheses nested too deeply", tree("providers: x: values: a: " + strings.Repeat("(", 100000)), "maximum nesting depth"},
		{"a NUL byte", tree("providers: x\x00: {}"), "illegal character NUL"},
		{"bytes that are not UTF-8", tree("providers: x: displayName: \"\xff\xfe\""), "not UTF-8"},
		{"a symbolic link", symlink, "cannot be read"},
		{"a YAML bomb", yaml("a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n"), "found an anchor"},
		{"a YAML alias of a long text", yaml("a: &a " + strings.Repeat("x", 1024) + "\nb: [" + strings.Repeat("*a, ", 50000) + "]\n"), "found an alias"},
		{"YAML nested too deeply", yaml("a: " + strings.Repeat("{a: ", 20000) + strings.Repeat("}", 20000)), "max depth"},
		{"a template", tree(`import "text/template"` + "\nproviders: x: displayName: template.Execute(\"{{range 10000000000}}x{{end}}\", {})"), "found import"},
		{"a repetition beyond CUE's own bound", tree(`import "strings"` + "\nproviders: x: displayName: strings.Repeat(\"x\", 100000000)"), "strings.Repeat that fails"},
	}
}

// Bombs are those that must be stopped by limits on memory and time.
func Bombs() []Case {
	const values = "providers: x: values: "
	return []Case{
		{"doubled strings", tree("_s0: \"xx\"\n" + doubling(40, "_s%d: \"\\(_s%d)\\(_s%[2]d)\"\n") + values + "s: _s40"), ""},
		{"doubled structs", tree("_s0: {a: 1}\n" + doubling(25, "_s%d: {a: _s%d, b: _s%[2]d}\n") + values + "s: _s25"), ""},
		{"doubled lists", tree(`import "list"` + "\n_s0: [1, 2]\n" + doubling(40, "_s%d: list.Concat([_s%d, _s%[2]d])\n") + values + "s: _s40"), ""},
		{"a long list", tree(`import "list"` + "\n" + values + "l: list.Range(0, 1000000000, 1)"), ""},
		{"a sorted list", tree(`import "list"` + "\n" + values + "l: list.Sort(list.Range(0, 200000, 1), {x: _, y: _, less: true})"), ""},
		{"a large number", tree(`import "math/bits"` + "\n" + values + "n: bits.Lsh(1, 100000000000)"), ""},
		{"a long sum", tree(values + "n: 1" + strings.Repeat("+1", 100000)), ""},
		{"nested loops", tree(`import "list"` + "\nlet r = list.Range(0, 1000, 1)\n" + values + "l: [for i in r for j in r for k in r {i + j + k}]"), ""},
		{"a product of choices", tree(values + "{" + list(14, "{a%[1]d: 1} | {b%[1]d: 1}, ") + "}"), ""},
		{"a long choice", tree(values + "n: 5 & (0" + strings.TrimSuffix(list(10000, "|%d"), " ") + ")"), ""},
		{"many fields", tree(values + "{" + list(25000, "a%d: 1, ") + "}"), ""},
		{"a long regular expression", tree(values + "s: \"x\" & =~\"" + strings.Repeat("(a*)*", 40000) + "\""), ""},
	}
}

// deployment is what every tree needs besides its harm.
const deployment = "package providers\n\ndeployment: {name: \"a\", accessURL: \"https://a.example\", defaults: chart: path: \"c\"}\nclusters: c: {}\nproviders: x: cluster: \"c\"\n"

// tree is a repository with text in a file of its own.
func tree(text string) fs.FS {
	return fstest.MapFS{"providers.cue": file(deployment), "harm.cue": file("package providers\n\n" + text + "\n")}
}

// yaml is a repository with text as the values of a provider in a data file.
func yaml(text string) fs.FS {
	indented := "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
	return fstest.MapFS{"providers.cue": file(deployment), "providers/y.yaml": file("y:\n  cluster: c\n  values:\n" + indented + "\n")}
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

// list repeats a format n times with a running number.
func list(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// doubling repeats a format n times with the number and the one before.
func doubling(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i+1, i)
	}
	return b.String()
}
