package edit

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"cuelang.org/go/cue/format"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/workspace-providers/reconcile/schema"
)

var update = flag.Bool("update", false, "rewrite what the archives in testdata want")

// TestEdits runs the last line of each archive's comment on its files, and compares what is said and the files that
// are others afterwards, want/NAME. The result of an edit must be valid, and formatted where the file was.
func TestEdits(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	wanted := func(f txtar.File) bool { return f.Name == "said" || strings.HasPrefix(f.Name, "want/") }
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			have := &txtar.Archive{Comment: a.Comment, Files: slices.DeleteFunc(slices.Clone(a.Files), wanted)}
			have.Files = append(have.Files, edited(t, have)...)
			if *update {
				if err := os.WriteFile(name, txtar.Format(have), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(string(txtar.Format(a)), string(txtar.Format(have))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// edited is what the command of an archive says and makes.
func edited(t *testing.T, a *txtar.Archive) []txtar.File {
	t.Helper()
	tree := fstest.MapFS{}
	for _, f := range a.Files {
		tree[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	_, command, _ := strings.Cut(string(a.Comment), "\n\n")
	f, did, err := run(tree, strings.Fields(command))
	if err != nil {
		if f != nil && len(f.Changes()) > 0 {
			t.Error("it changes something in spite of the error")
		}
		return []txtar.File{{Name: "said", Data: []byte(err.Error() + "\n")}}
	}
	out := []txtar.File{{Name: "said", Data: []byte(did + "\n")}}
	for _, c := range f.Changes() {
		if c.After == nil {
			out = append(out, txtar.File{Name: "want/" + c.Name + " is gone"})
			continue
		}
		out = append(out, txtar.File{Name: "want/" + c.Name, Data: c.After})
		if strings.HasSuffix(c.Name, ".cue") && formatted(t, c.Before) && !formatted(t, c.After) {
			t.Errorf("%s is not formatted any more", c.Name)
		}
	}
	if _, err := schema.Load(f.Tree(f.Changes())); err != nil {
		t.Errorf("what it makes is not valid: %v", err)
	}
	return out
}

// run runs a command on declarations.
func run(tree fstest.MapFS, command []string) (*Files, string, error) {
	f, err := Read(tree)
	if err != nil {
		return nil, "", err
	}
	switch command[0] {
	case "access-url":
		did, err := f.SetAccessURL(command[1])
		return f, did, err
	case "in":
		f.New, command = command[1], command[2:]
	}
	did, err := runProvider(f, command)
	return f, did, err
}

// runProvider runs one of the commands about providers.
func runProvider(f *Files, command []string) (string, error) {
	arg := append(command[1:], "", "", "")
	switch command[0] {
	case "create":
		return f.CreateProvider(arg[0], Struct{{"cluster", arg[1]}, {"hostname", arg[0] + ".coder.example.com"}}, command[3:])
	case "rm":
		return f.RemoveProvider(arg[0], arg[1], strings.Join(command[min(3, len(command)):], " "))
	case "rm-undeclared":
		return f.RemoveUndeclared(arg[0], arg[1], strings.Join(command[min(3, len(command)):], " "))
	case "rename":
		return f.RenameProvider(arg[0], arg[1])
	case "cordon":
		return f.Cordon(arg[0], strings.Join(command[2:], " "))
	case "uncordon":
		return f.Uncordon(arg[0])
	case "allow":
		if arg[2] == "" {
			return f.Allow(arg[0], arg[1], true)
		}
		return f.Allow(arg[0], arg[1], Struct{{"reason", arg[2]}})
	case "disallow":
		return f.Disallow(arg[0], arg[1])
	case "default":
		return f.Default(arg[0])
	}
	return "", fmt.Errorf("no command %s", command[0])
}

func formatted(t *testing.T, text []byte) bool {
	t.Helper()
	out, err := format.Source(text)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(out, text)
}

// TestWhateverIsValid: a change of the access URL of any valid declarations makes valid ones that declare just that,
// and it can be taken back; or it is refused.
func TestWhateverIsValid(t *testing.T) {
	archives, err := filepath.Glob("../testdata/valid/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	base, err := os.ReadFile("../testdata/base.cue")
	if err != nil {
		t.Fatal(err)
	}
	const url = "https://other.example.com"
	done := 0
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tree := fstest.MapFS{"base.cue": {Data: base}}
		for _, f := range a.Files {
			tree[f.Name] = &fstest.MapFile{Data: f.Data}
		}
		was, changed, err := set(tree, url)
		if err != nil {
			t.Logf("%s: %v", name, err)
			continue
		}
		done++
		is, _, err := set(changed, was.AccessURL)
		if err != nil || is.AccessURL != url || is.PreviousAccessURL != was.AccessURL {
			t.Errorf("%s: %s after %s: %v", name, is.AccessURL, is.PreviousAccessURL, err)
		}
	}
	if done < len(archives)*9/10 {
		t.Errorf("of %d only %d were changed", len(archives), done)
	}
}

// set declares another access URL; was is the deployment before.
func set(tree fs.FS, url string) (was schema.Deployment, changed fs.FS, err error) {
	cfg, err := schema.Load(tree)
	if err != nil {
		return schema.Deployment{}, nil, err
	}
	f, err := Read(tree)
	if err != nil {
		return cfg.Deployment, nil, err
	}
	_, err = f.SetAccessURL(url)
	return cfg.Deployment, f.Tree(f.Changes()), err
}

// TestCarriageReturns: what a file has at the ends of its lines, new lines have too.
func TestCarriageReturns(t *testing.T) {
	const text = "package providers\r\ndeployment: {\r\n  name: \"acme\"\r\n" +
		"  accessURL: \"https://a.example.com\" // here\r\n}\r\n"
	f, _, err := run(fstest.MapFS{"a.cue": {Data: []byte(text)}}, []string{"access-url", "https://b.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(text, "https://a", "https://b", 1)
	want = strings.Replace(want, "here\r\n", "here\r\n  previousAccessURL: \"https://a.example.com\"\r\n", 1)
	if diff := cmp.Diff(want, string(f.Changes()[0].After)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestWrite: files keep their rights, links stay links, and nothing else is left behind.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		return name
	}
	a, real := put("a.cue", "one"), put("real.txt", "two")
	if err := os.Symlink("real.txt", filepath.Join(dir, "b.cue")); err != nil {
		t.Fatal(err)
	}
	changes := []Change{
		{Name: "a.cue", Before: []byte("one"), After: []byte("1")}, {Name: "b.cue", Before: []byte("two"), After: []byte("2")},
	}
	if err := Write(dir, changes); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{a: "1", real: "2"} {
		text, err := os.ReadFile(name)
		if info, _ := os.Lstat(name); err != nil || string(text) != want || info.Mode() != 0o640 {
			t.Errorf("%s: %q, %v, %v", name, text, info.Mode(), err)
		}
	}
	changes[0].Before = []byte("1")
	if err := Write(dir, changes); err == nil || !strings.Contains(err.Error(), "b.cue was changed meanwhile") {
		t.Errorf("changed meanwhile: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("left: %v, %v", entries, err)
	}
	if info, err := os.Lstat(filepath.Join(dir, "b.cue")); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info, err)
	}
}
