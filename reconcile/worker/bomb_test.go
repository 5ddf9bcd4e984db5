//go:build unix

package worker

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// bombs are sources, most of them tiny, of which each would take the evaluating process down or
// hold it for hours.
func bombs() map[string]string {
	doubling := func(n int, first, next string) string {
		var b strings.Builder
		b.WriteString(first)
		for i := 1; i < n; i++ {
			b.WriteString(strings.NewReplacer("NEW", fmt.Sprintf("a%d", i), "OLD", fmt.Sprintf("a%d", i-1)).Replace(next))
		}
		return b.String()
	}
	product := func(n int) string {
		var factors []string
		for i := range n {
			factors = append(factors, fmt.Sprintf("({a%d: 1} | {b%d: 2} | {c%d: 3})", i, i, i))
		}
		return "y: " + strings.Join(factors, " & ")
	}
	var fields strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&fields, "f%d: %d\n", i, i)
	}
	var literals []string
	for i := range 10_000 {
		literals = append(literals, fmt.Sprint(i))
	}
	return map[string]string{
		"A-20 interpolation":        doubling(40, `a0: "xxxxxxxxxxxxxxxx"`+"\n", `NEW: "\(OLD)\(OLD)"`+"\n"),
		"A-21 range":                "import \"list\"\na: [for x in list.Range(0, 1000000000, 1) {x}]",
		"A-22 shift":                "import \"math/bits\"\na: bits.Lsh(1, 100000000000)",
		"A-23 template":             "import \"text/template\"\na: template.Execute(\"{{range $i := .n}}xxxxxxxxxxxxxxxxxxxxxxx{{end}}\", {n: 10000000000})",
		"A-23 template doubling":    templateDoubling(),
		"A-24 sum":                  "a: " + strings.Join(repeat("1", 1_000_000), "+"),
		"A-24 shorter sum":          "a: " + strings.Join(repeat("1", 100_000), "+"),
		"A-25 structs":              doubling(30, "a0: {x: 1}\n", "NEW: {l: OLD, r: OLD}\n"),
		"A-26 disjunctions":         product(10),
		"A-27 or":                   "a: " + strings.Join(literals, " | ") + "\nb: a & int\nc: b & >5000",
		"A-28 comprehensions":       "import \"list\"\nr: list.Range(0,1000,1)\na: [for x in r for y in r for z in r {x+y+z}]",
		"A-29 sort":                 "import \"list\"\na: list.Sort(list.Range(0,200000,1), {x: _, y: _, less: true})",
		"A-30 regular expression":   "a: =~\"" + strings.Repeat("(a|b)", 200_000) + "\"\na: \"aaaa\"",
		"A-31 laughs":               doubling(40, "a0: [1,2,3,4,5,6,7,8,9]\n", "NEW: [OLD,OLD,OLD,OLD,OLD,OLD,OLD,OLD,OLD]\n"),
		"A-31 concat":               "import \"list\"\n" + doubling(40, "a0: [1,2]\n", "NEW: list.Concat([OLD,OLD])\n"),
		"A-32 fields":               fields.String(),
		"A-33 deep":                 strings.Repeat("a: ", 100_000) + "1",
		"A-34 parentheses":          "a: " + strings.Repeat("(", 100_000) + "1" + strings.Repeat(")", 100_000),
		"A-34 lists":                "a: " + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000),
		"A-34 unary":                "a: " + strings.Repeat("-", 100_000) + "1",
		"A-35 comment":              "// " + strings.Repeat("x", 100<<20) + "\na: 1",
		"a million fields computed": "import \"list\"\na: {for x in list.Range(0, 2000000, 1) {\"f\\(x)\": x}}",
	}
}

func repeat(s string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = s
	}
	return out
}

func templateDoubling() string {
	var b strings.Builder
	b.WriteString("import \"text/template\"\na: template.Execute(#\"{{define \"t0\"}}xxxxxxxxxxxxxxxx{{end}}")
	for i := 1; i < 37; i++ {
		fmt.Fprintf(&b, `{{define "t%d"}}{{template "t%d"}}{{template "t%d"}}{{end}}`, i, i-1, i-1)
	}
	b.WriteString(`{{template "t36"}}"#, {})`)
	return b.String()
}

// TestBombsEndWithinTheLimits shows for each that it ends in time with a class that says why, and
// that this process does not notice. How a bomb ends is CUE's affair and may change with its
// version; that it ends is ours.
func TestBombsEndWithinTheLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute of CPU time")
	}
	p := new(Pool)
	for name, source := range bombs() {
		t.Run(name, func(t *testing.T) {
			in := []byte(source)
			before := sys()
			start := time.Now()
			task := Task{Name: "cue", Doing: doing, CPU: time.Second, Wall: 20 * time.Second, Memory: 512 << 20}
			out, err := p.Run(t.Context(), task, in)
			took := time.Since(start)
			class := classOf(err)
			t.Logf("%7d bytes: %-8s %6d ms  %d bytes out", len(in), class, took.Milliseconds(), len(out))
			switch class {
			case "", Invalid, Memory, Stack, CPU, Time, Busy:
			default:
				t.Errorf("ended as %q: %v", class, err)
			}
			if took > 25*time.Second {
				t.Errorf("took %v", took)
			}
			if grown := sys() - before; grown > int64(len(in))+50<<20 {
				t.Errorf("this process grew by %d MiB", grown>>20)
			}
			if err != nil && bytes.Contains([]byte(err.Error()), bytes.Repeat([]byte("x"), 300)) {
				t.Error("the error quotes the source at length")
			}
		})
	}
}

// sys is what this process has of the system's memory.
func sys() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}
