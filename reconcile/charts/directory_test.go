package charts

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart/loader"
	"pgregory.net/rapid"
)

// The digest of a directory stands on every release made from it. If this test fails, every such
// release would be upgraded when the program is: do not just write the new digest here.
func TestThePackingOfADirectoryStaysTheSame(t *testing.T) {
	b := mustPack(t, chartFS(map[string]string{"templates/a.yaml": "a: 1\n", "values.yaml": "b: 2\n"}), "chart")
	const want = "sha256:f63a549004582eec81496dc7f8a1f0b9bfdaeec56c6d54c7be9cf3fe6488105a"
	if have := digestOf(b); have != want {
		t.Errorf("digest is %s, want %s", have, want)
	}
}

func TestTheSameFilesGiveTheSameDigest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfDistinct(rapid.StringMatching(`templates/[a-z]{1,8}\.yaml`), rapid.ID).Draw(t, "names")
		one, two := fstest.MapFS{}, fstest.MapFS{}
		for _, name := range names {
			body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
			one["c/"+name] = &fstest.MapFile{Data: body, Mode: 0o644, ModTime: time.Unix(1, 0)}
			two["c/"+name] = &fstest.MapFile{Data: body, Mode: fs.FileMode(rapid.SampledFrom([]uint32{0o600, 0o755}).Draw(t, "mode")),
				ModTime: time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "time"), 0)}
		}
		meta := []byte("apiVersion: v2\nname: demo\nversion: 1.2.3\n")
		one["c/Chart.yaml"], two["c/Chart.yaml"] = &fstest.MapFile{Data: meta}, &fstest.MapFile{Data: meta, Mode: 0o755}
		a, err := pack(one, "c")
		if err != nil {
			t.Fatal(err)
		}
		b, err := pack(shuffled{two, rapid.Uint64().Draw(t, "order")}, "./c/")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Fatal("the same files give another archive")
		}
		if c, err := loader.LoadArchive(bytes.NewReader(a)); err != nil || len(c.Templates) != len(names) {
			t.Fatalf("Helm reads %v of it: %v", c, err)
		}
	})
}

// shuffled lists directories in another order, as some file systems do.
type shuffled struct {
	fstest.MapFS
	seed uint64
}

func (s shuffled) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := s.MapFS.ReadDir(name)
	if s.seed%2 == 1 {
		slices.Reverse(entries)
	}
	return entries, err
}

func (s shuffled) Sub(dir string) (fs.FS, error) {
	below := fstest.MapFS{}
	for name, f := range s.MapFS {
		below[strings.TrimPrefix(name, dir+"/")] = f
	}
	return shuffled{below, s.seed}, nil
}

func TestAnotherFileGivesAnotherDigest(t *testing.T) {
	base := map[string]string{"templates/a.yaml": "a: 1\n"}
	old := digestOf(mustPack(t, chartFS(base), "chart"))
	for _, change := range []map[string]string{
		{"templates/a.yaml": "a: 2\n"},
		{"templates/b.yaml": "a: 1\n"},
		{"templates/a.yaml": "a: 1\n", "README.md": ""},
		{"templates/a.yaml": "a: 1\n", "Chart.yaml": "apiVersion: v2\nname: demo\nversion: 1.2.4\n"},
	} {
		if digestOf(mustPack(t, chartFS(change), "chart")) == old {
			t.Errorf("%v gives the same digest", change)
		}
	}
}

func TestWhatHelmignoreNamesIsLeftOut(t *testing.T) {
	b := mustPack(t, chartFS(map[string]string{
		".helmignore": "*.md\n/ci/\n", "README.md": "x", "keep.txt": "x", "ci/values.yaml": "x",
		"templates/.hidden.yaml": "x", "templates/a.yaml": "a: 1\n", "templates/ci/b.yaml": "b: 1\n",
	}), "chart")
	files, err := loader.LoadArchiveFiles(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, f := range files {
		have = append(have, f.Name)
	}
	want := []string{".helmignore", "Chart.yaml", "keep.txt", "templates/a.yaml", "templates/ci/b.yaml"}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
}

func TestADirectoryThatIsNoChartIsRefused(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"good/Chart.yaml": "apiVersion: v2\nname: demo\nversion: 1.2.3\n", "linked/Chart.yaml": "apiVersion: v2\nname: demo\nversion: 1.2.3\n",
		"secret": "s", "bad/Chart.yaml": "apiVersion: v2\nname: ../x\nversion: 1.2.3\n", "empty/values.yaml": "",
		"big/Chart.yaml": "apiVersion: v2\nname: demo\nversion: 1.2.3\n", "big/data": strings.Repeat("x", maxFile+1),
		"metalink/x": "",
	} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"linked/values.yaml": "../secret", "alias": "good", "metalink/Chart.yaml": "../good/Chart.yaml"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		"linked":          "values.yaml is a link or a device",
		"alias":           "alias is not a directory",
		"metalink":        "Chart.yaml is a link or a device",
		"bad":             `name "../x" is not the name of a chart`,
		"empty":           "there is no Chart.yaml",
		"big":             "data is larger than 5 MiB",
		"good/Chart.yaml": "is not a directory",
		"none":            "no such file",
	} {
		if _, err := pack(os.DirFS(dir), path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if _, err := pack(os.DirFS(dir), "good"); err != nil {
		t.Error(err)
	}
}
