package charts

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
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

var update = flag.Bool("update", false, "write what the tests find into their golden files")

// chartFS is a chart in memory, in the directory "chart".
func chartFS(files map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range files {
		out["chart/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	if _, ok := files["Chart.yaml"]; !ok {
		out["chart/Chart.yaml"] = &fstest.MapFile{Data: []byte("apiVersion: v2\nname: demo\nversion: 1.2.3\n")}
	}
	return out
}

func mustPack(t testing.TB, tree fs.FS, dir string) []byte {
	t.Helper()
	b, err := pack(tree, dir)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tgz is a compressed archive of exactly these entries.
func tgz(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, h := range entries {
		body := []byte(h.PAXRecords["body"])
		h.PAXRecords = nil
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Size == 0 {
			h.Size = int64(len(body))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size > int64(len(body)) {
			body = make([]byte, h.Size)
		}
		if _, err := w.Write(body); err != nil && h.Typeflag == tar.TypeReg {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// file is an entry with a body.
func file(name, body string) tar.Header {
	return tar.Header{Name: name, Mode: 0o644, PAXRecords: map[string]string{"body": body}}
}

// golden runs one test for each txtar file: check returns what the file's section "want" should hold.
func golden(t *testing.T, pattern string, check func(t *testing.T, files map[string]string) string) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]string{}
			for _, f := range a.Files {
				files[f.Name] = string(f.Data)
			}
			have := check(t, files)
			if *update {
				write(t, name, a, have)
				return
			}
			if diff := cmp.Diff(files["want"], have); diff != "" {
				t.Errorf("%s: (-want +have)\n%s", name, diff)
			}
		})
	}
}

func write(t *testing.T, name string, a *txtar.Archive, want string) {
	t.Helper()
	for i := range a.Files {
		if a.Files[i].Name == "want" {
			a.Files[i].Data = []byte(want)
		}
	}
	if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}
