package schema

import (
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzParse: whatever stands in a file, reading it ends, and what is said has its place in that file.
func FuzzParse(f *testing.F) {
	archives, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			f.Add(filepath.Ext(file.Name), file.Data)
		}
	}
	f.Fuzz(func(t *testing.T, ext string, text []byte) {
		file := sourceFile{name: "x" + ext, text: text}
		if ext == ".yaml" || ext == ".json" {
			file.collection = "providers"
		}
		syntax, errs := parse(file)
		if syntax == nil && len(errs) == 0 {
			t.Fatal("neither syntax nor mistakes")
		}
		for _, e := range errs {
			if e.File != file.name || e.Line < 1 || e.Col < 1 || e.Message == "" {
				t.Fatalf("mistake without a place or a word: %#v", e)
			}
		}
	})
}
