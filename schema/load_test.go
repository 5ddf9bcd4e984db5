package schema

import (
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite what the archives in testdata want")

// TestInvalid loads each archive of testdata/invalid and compares all its mistakes, with their places.
func TestInvalid(t *testing.T) {
	archives(t, "testdata/invalid", func(t *testing.T, tree fs.FS) string {
		_, err := Load(tree)
		if err == nil {
			t.Fatal("loads, although it should not")
		}
		return err.Error() + "\n"
	})
}

// TestValid loads each archive of testdata/valid and compares the whole configuration.
func TestValid(t *testing.T) {
	archives(t, "testdata/valid", func(t *testing.T, tree fs.FS) string {
		cfg, err := Load(tree)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Positions, cfg.Sources = nil, nil
		return indented(t, cfg)
	})
}

// archives runs each archive in dir. Its comment says what it is about, its files are the
// declarations, and "want" is what got must return. Where it has no base.cue, testdata/base.cue is one of them.
func archives(t *testing.T, dir string, got func(t *testing.T, tree fs.FS) string) {
	files, err := filepath.Glob(dir + "/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no archive in %s: %v", dir, err)
	}
	base, err := os.ReadFile("testdata/base.cue")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tree := fstest.MapFS{"base.cue": {Data: base}}
			var want *txtar.File
			for i, f := range a.Files {
				if f.Name == "want" {
					want = &a.Files[i]
					continue
				}
				tree[f.Name] = &fstest.MapFile{Data: f.Data}
			}
			have := got(t, tree)
			if *update {
				if want == nil {
					a.Files = append(a.Files, txtar.File{Name: "want"})
					want = &a.Files[len(a.Files)-1]
				}
				want.Data = []byte(have)
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(want.Data), have); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// indented is v as JSON.
func indented(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}
