package schema

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/parser"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestOrder: how declarations are spread over files, and in which order they stand, makes no difference.
func TestOrder(t *testing.T) {
	for _, name := range []string{"valid/everything", "valid/per_organization"} {
		tree := archive(t, name)
		want := mustLoad(t, tree)
		var pieces []ast.Decl
		for _, file := range names(tree) {
			f, err := parser.ParseFile(file, tree[file].Data)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				pieces = append(pieces, explode(d)...)
			}
		}
		rapid.Check(t, func(t *rapid.T) {
			files := fstest.MapFS{}
			for _, d := range rapid.Permutation(pieces).Draw(t, "order") {
				text, err := format.Node(d)
				if err != nil {
					t.Fatal(err)
				}
				name := fmt.Sprintf("f%d.cue", rapid.IntRange(0, 4).Draw(t, "file"))
				if files[name] == nil {
					files[name] = &fstest.MapFile{Data: []byte("package providers\n\n")}
				}
				files[name].Data = append(append(files[name].Data, text...), '\n')
			}
			have, err := Load(files)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(withoutPlaces(want), withoutPlaces(have)); diff != "" {
				t.Fatalf("-want +got:\n%s", diff)
			}
		})
	}
}

// explode writes a: {b: 1, c: 2} as a: b: 1 and a: c: 2, all the way down, as far as there are only such fields.
func explode(d ast.Decl) []ast.Decl {
	field, ok := d.(*ast.Field)
	if !ok {
		return nil // the package clause
	}
	s, ok := field.Value.(*ast.StructLit)
	if !ok || len(s.Elts) == 0 {
		return []ast.Decl{d}
	}
	var all []ast.Decl
	for _, e := range s.Elts {
		if f, ok := e.(*ast.Field); !ok || pattern(f) {
			return []ast.Decl{d}
		}
		for _, inner := range explode(e) {
			all = append(all, &ast.Field{Label: field.Label, Value: ast.NewStruct(inner)})
		}
	}
	return all
}

// pattern tells whether a field stands for others.
func pattern(f *ast.Field) bool {
	_, ok := f.Label.(*ast.ListLit)
	return ok
}

// withoutPlaces is a Config without what the spreading changes.
func withoutPlaces(cfg Config) Config {
	cfg.Positions, cfg.Sources = nil, nil
	var warnings Errors
	for _, w := range cfg.Warnings {
		w.Position = Position{}
		warnings = append(warnings, w)
	}
	cfg.Warnings = warnings.finish()
	return cfg
}

// TestMerge: nothing is lost, the upper wins, and it does not matter how three are grouped.
func TestMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawNode(t, 3), drawNode(t, 3), drawNode(t, 3)
		left, right := merge(merge(a, b), c), merge(a, merge(b, c))
		if !cmp.Equal(left.plain(), right.plain()) {
			t.Fatalf("%v is not %v", left.plain(), right.plain())
		}
		if have := merge(a, a).plain(); !cmp.Equal(have, a.plain()) {
			t.Fatalf("merged with itself: %v is not %v", have, a.plain())
		}
	})
}

// drawNode draws a node of at most depth levels. The same name is always of the same kind, as in a schema.
func drawNode(t *rapid.T, depth int) *node {
	n := &node{fields: map[string]*node{}}
	for _, name := range []string{"a", "b", "s"} {
		if !rapid.Bool().Draw(t, "has") {
			continue
		}
		if name == "s" && depth > 0 {
			n.fields[name] = drawNode(t, depth-1)
		} else {
			n.fields[name] = &node{value: rapid.IntRange(0, 3).Draw(t, "value")}
		}
	}
	return n
}

// TestOutline: what a shape sets is found once for all providers that declare the same fields, and is what CUE makes of the
// texts of each.
func TestOutline(t *testing.T) {
	ctx := cuecontext.New()
	compiled := ctx.CompileString(shapes)
	s := newShaper(ctx, nil)
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"v1", "v2"}).Draw(t, "shape")
		text := rapid.StringMatching(`[ -~äß]{0,12}`)
		from := map[string]any{"release": text.Draw(t, "release"), "accessURL": text.Draw(t, "accessURL")}
		for _, name := range []string{"clusterAddress", "hostname", "host", "devurlHost", "storageClass"} {
			if rapid.Bool().Draw(t, "has "+name) {
				from[name] = text.Draw(t, name)
			}
		}
		if rapid.Bool().Draw(t, "has sshEnabled") {
			from["sshEnabled"] = rapid.Bool().Draw(t, "sshEnabled")
		}
		if rapid.Bool().Draw(t, "has tokenRef") {
			from["tokenRef"] = map[string]any{"name": text.Draw(t, "name"), "key": text.Draw(t, "key")}
		}
		def := compiled.LookupPath(cue.MakePath(cue.Def(strings.ToUpper(kind)))).FillPath(cue.ParsePath("from"), from)
		want, problem := export(def.LookupPath(cue.ParsePath("values")))
		if problem != "" {
			t.Fatal(problem)
		}
		texts := map[string]string{}
		o := s.outline(kind, nameTexts("from", from, texts))
		if diff := cmp.Diff(want, fillTexts(o.values, texts)); diff != "" || o.problem != "" {
			t.Errorf("%s: -want +got:\n%s", o.problem, diff)
		}
	})
}
