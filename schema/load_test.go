package schema

import (
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite what the archives in testdata want")

// TestInvalid loads each archive of testdata/invalid and compares all its mistakes, with their places.
func TestInvalid(t *testing.T) {
	archives(t, "testdata/invalid", func(t *testing.T, _ string, tree fs.FS) string {
		_, err := Load(tree)
		if err == nil {
			t.Fatal("loads, although it should not")
		}
		return err.Error() + "\n"
	})
}

// TestValid loads each archive of testdata/valid and compares the configuration: those parts of
// it that the comment asks for with "show", or all.
func TestValid(t *testing.T) {
	archives(t, "testdata/valid", func(t *testing.T, comment string, tree fs.FS) string {
		cfg, err := Load(tree)
		if err != nil {
			t.Fatal(err)
		}
		whole := Values{} // whole numbers stay whole
		if err := json.Unmarshal([]byte(indented(t, cfg)), &whole); err != nil {
			t.Fatal(err)
		}
		shown := map[string]any{}
		for line := range strings.Lines(comment) {
			if path, ok := strings.CutPrefix(strings.TrimSpace(line), "show "); ok {
				shown[path] = whole.at(strings.Split(path, ".")...)
			}
		}
		if len(shown) == 0 {
			shown = whole
		}
		return indented(t, shown)
	})
}

// TestNameOfInvalid wants the deployment's name of declarations that do not load, where it is beyond doubt.
func TestNameOfInvalid(t *testing.T) {
	const wrong = "\nprovidrs: {}\n"
	for text, want := range map[string]string{
		`deployment: {name: "acme", accessURL: "https://x.example.com"}` + wrong: "acme",
		`deployment: name: "acme"` + wrong:                                       "acme",
		`"deployment": "name": "acme"` + wrong:                                   "acme",
		`deployment: name: "acme", deployment: name: "acme"` + wrong:             "acme",
		`deployment: name: "acme", deployment: name: "other"`:                    "",
		`deployment: name: "acme" + ""` + wrong:                                  "",
		`deployment: name: "Not/A Label"`:                                        "",
		`deployment: name: "a\(1)"` + wrong:                                      "",
		`deployment: name: 1`:                                                    "",
		`name: "acme"`:                                                           "",
	} {
		cfg, err := Load(fstest.MapFS{"a.cue": {Data: []byte("package providers\n" + text)}})
		if err == nil || cfg.Deployment.Name != want {
			t.Errorf("%s: name %q, want %q; error %v", text, cfg.Deployment.Name, want, err)
		}
	}
	cfg, err := Load(fstest.MapFS{
		"a.cue": {Data: []byte("package providers\ndeployment: name: \"acme\"\n")},
		"b.cue": {Data: []byte("package providers\n}")},
	})
	if err == nil || cfg.Deployment.Name != "acme" {
		t.Errorf("beside a file that cannot be read: name %q, error %v", cfg.Deployment.Name, err)
	}
}

// archives runs each archive in dir. Its comment says what it is about, its files are the
// declarations, and "want" is what got must return. Where it has no base.cue, testdata/base.cue
// is one of its files.
func archives(t *testing.T, dir string, got func(t *testing.T, comment string, tree fs.FS) string) {
	files, err := filepath.Glob(dir + "/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no archive in %s: %v", dir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tree, want := split(t, a)
			have := got(t, string(a.Comment), tree)
			if *update {
				a.Files = append(slices.DeleteFunc(a.Files, isWant), txtar.File{Name: "want", Data: []byte(have)})
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(want, have); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// split takes an archive apart into declarations and what is wanted of them.
func split(t *testing.T, a *txtar.Archive) (tree fstest.MapFS, want string) {
	t.Helper()
	base, err := os.ReadFile("testdata/base.cue")
	if err != nil {
		t.Fatal(err)
	}
	tree = fstest.MapFS{"base.cue": {Data: base}}
	for _, f := range a.Files {
		if isWant(f) {
			want = string(f.Data)
			continue
		}
		tree[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	return tree, want
}

func isWant(f txtar.File) bool { return f.Name == "want" }

// indented is v as JSON.
func indented(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}
