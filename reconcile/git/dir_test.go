//go:build unix

package git

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
)

// folder makes files below a new directory; a name with "->" is a link.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		name, target, link := strings.Cut(name, "->")
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if link {
			err = os.Symlink(target, path)
		} else if err == nil {
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func open(t testing.TB, dir string) fs.FS {
	t.Helper()
	tree, err := Dir(dir, Declarations())
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestDirIsAnFS(t *testing.T) {
	dir := folder(t, map[string]string{"a.cue": "a: 1", "clusters/eu.yaml": "eu: {}", ".git/config": "secret"})
	tree := open(t, dir)
	if err := fstest.TestFS(tree, "a.cue", "clusters/eu.yaml"); err != nil {
		t.Error(err)
	}
	for _, hidden := range []string{".git", ".git/config"} {
		if _, err := fs.Stat(tree, hidden); err == nil {
			t.Errorf("%s is seen", hidden)
		}
	}
}

func TestDirFollowsLinksThatStayInside(t *testing.T) {
	outside := folder(t, map[string]string{"secret": "s3cret"})
	dir := folder(t, map[string]string{
		"..2026_11_23/a.cue": "a: 1", "..2026_11_23/sub/b.cue": "b: 1", // a mounted ConfigMap
		"..data->..2026_11_23": "", "a.cue->..data/a.cue": "", "sub->..data/sub": "",
		"out.cue->" + outside + "/secret": "", "up->..": "", "absolute->/etc": "", "loop->loop": "", "gone->nowhere": "",
		"self->.": "",
	})
	tree := open(t, dir)
	same(t, "content", content(t, os.DirFS(filepath.Join(dir, "..data"))), map[string]string{"a.cue": "a: 1", "sub/b.cue": "b: 1"})
	for name, want := range map[string]string{"a.cue": "a: 1", "sub/b.cue": "b: 1", "self/self/a.cue": "a: 1"} {
		data, err := fs.ReadFile(tree, name)
		if err != nil || string(data) != want {
			t.Errorf("%s: %q %v", name, data, err)
		}
	}
	for _, name := range []string{"out.cue", "up", "up/x", "absolute", "absolute/hostname", "loop", "gone"} {
		_, err := fs.ReadFile(tree, name)
		wrong(t, err, "a link is followed only to what is inside")
		if strings.Contains(err.Error(), outside) {
			t.Errorf("a path outside is in the error: %v", err)
		}
	}
	if _, err := Hash(tree); err != nil { // ends, though self leads to itself
		t.Error(err)
	}
}

func TestDirReadsFilesOnly(t *testing.T) {
	dir := folder(t, map[string]string{"a.cue": "a: 1"})
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Skip(err)
	}
	_, err := fs.ReadFile(open(t, dir), "pipe")
	wrong(t, err, "only files and directories are read")
	_, err = directory(dir).read(entry{path: "pipe"}, 10) // put there since it was listed
	wrong(t, err, "only files and directories are read")
}

func TestDirHasLimits(t *testing.T) {
	dir := folder(t, map[string]string{"large.cue": strings.Repeat("x", 256<<10+1), "ok/a": "", "bad/a\nb": ""})
	tree := open(t, dir)
	_, err := fs.ReadFile(tree, "large.cue")
	wrong(t, err, "262145 bytes, at most 262144", "split the file")
	_, err = fs.ReadDir(tree, "bad")
	wrong(t, err, `"a\nb"`, "rename it")
	if _, err := fs.ReadDir(tree, "ok"); err != nil {
		t.Error(err)
	}
	_, err = Dir(filepath.Join(dir, "large.cue"), Declarations())
	wrong(t, err, "not a directory", "--dir")
	_, err = Dir(filepath.Join(dir, "none"), Declarations())
	wrong(t, err, "--dir")
	small, err := Dir(dir, Limits{File: 10, Total: 10, Entries: 2, Depth: 2})
	if err != nil {
		t.Fatal(err)
	}
	_, err = fs.ReadDir(small, ".")
	wrong(t, err, "more than 2 files and directories")
}

func TestWhatWasReadOnceStays(t *testing.T) {
	dir := folder(t, map[string]string{"a.cue": "a: 1"})
	tree := open(t, dir)
	before, err := Hash(tree)
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "a.cue", "a: 2")
	put(t, dir, "b.cue", "b: 1")
	after, err := Hash(tree)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "hash of the same tree", after, before)
	anew, err := Hash(open(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	if anew == before {
		t.Error("a new tree has the old hash")
	}
}

func TestHashIsOverNamesAndContents(t *testing.T) {
	base := map[string]string{"a.cue": "a: 1", "clusters/eu.yaml": "x", "charts/p/Chart.yaml": "name: p", "bin/tool": "1"}
	patterns := []string{"*.cue", "clusters", "charts/p", "removed"}
	hash := func(change map[string]string, tree fs.FS) string {
		t.Helper()
		m := fstest.MapFS{}
		for _, files := range []map[string]string{base, change} {
			for name, content := range files {
				m[name] = &fstest.MapFile{Data: []byte(content)}
				if content == "-" {
					delete(m, name)
				}
			}
		}
		if tree == nil {
			tree = m
		}
		h, err := Hash(tree, patterns...)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	want := hash(nil, nil)
	if len(want) != len("dir:")+40 {
		t.Errorf("hash %q", want)
	}
	same(t, "the same on disk", hash(nil, open(t, folder(t, base))), want)
	for name, c := range map[string]struct {
		change map[string]string
		moves  bool
	}{
		"nothing":       {nil, false},
		"other files":   {map[string]string{"bin/tool": "2", "README.md": "x", "charts/q/Chart.yaml": "x"}, false},
		"content":       {map[string]string{"a.cue": "a: 2"}, true},
		"a new file":    {map[string]string{"b.cue": ""}, true},
		"a file less":   {map[string]string{"clusters/eu.yaml": "-"}, true},
		"a new name":    {map[string]string{"clusters/eu.yaml": "-", "clusters/us.yaml": "x"}, true},
		"moved content": {map[string]string{"a.cue": "", "b.cue": "a: 1"}, true},
		"in a chart":    {map[string]string{"charts/p/templates/x.yaml": "x"}, true},
		"removed":       {map[string]string{"removed/x.yaml": "x"}, true},
	} {
		if got := hash(c.change, nil); (got != want) != c.moves {
			t.Errorf("%s: moved %v, want %v", name, got != want, c.moves)
		}
	}
	if _, err := Hash(fstest.MapFS{"a": {}}, "["); err == nil {
		t.Error("a bad pattern is no error")
	}
}
