package charts

import (
	"io/fs"
	"os"
	"testing"
)

// ownChart is the chart that the figures of the project are measured with.
func ownChart(t testing.TB) (fs.FS, string) {
	t.Helper()
	return os.DirFS("../../examples/charts"), "workspace-provider"
}

func ownValues() Values {
	return Values{
		"cemanager": map[string]any{"accessURL": "https://coder.example.com"},
		"envproxy":  map[string]any{"clusterAddress": "https://10.0.0.1:6443", "token": "t"},
		"ingress":   map[string]any{"host": "proxy.coder.example.com"},
	}
}

func BenchmarkPack(b *testing.B) {
	tree, dir := ownChart(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pack(tree, dir); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScan(b *testing.B) {
	archive := packed(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Scan(archive); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	archive := packed(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(archive); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRender is one release from bytes to objects, as the worker does it for a single change.
func BenchmarkRender(b *testing.B) {
	in := RenderInput{Archive: packed(b), Namespace: "coder", Name: "frankfurt", Values: ownValues()}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Render(in); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRenderAgain is one more release of a chart that the batch has already.
func BenchmarkRenderAgain(b *testing.B) {
	p, err := prepare(packed(b))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.render(RenderInput{Namespace: "coder", Name: "frankfurt", Values: ownValues()}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRenderWithoutSchema is what BenchmarkRender would be if nobody checked the values.
func BenchmarkRenderWithoutSchema(b *testing.B) {
	p, err := prepare(packed(b))
	if err != nil {
		b.Fatal(err)
	}
	p.loaded.Schema = nil
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.render(RenderInput{Namespace: "coder", Name: "frankfurt", Values: ownValues()}); err != nil {
			b.Fatal(err)
		}
	}
}

func packed(t testing.TB) []byte {
	t.Helper()
	tree, dir := ownChart(t)
	b, err := pack(tree, dir)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
