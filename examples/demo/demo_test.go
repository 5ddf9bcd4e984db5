//go:build unix

package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTheDemo plays it as `make demo ARGS=--exit` does, with the programs in bin/.
func TestTheDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("starts clusters, which -short leaves out")
	}
	t.Setenv("TMPDIR", t.TempDir())
	var out bytes.Buffer
	if code := run(t.Context(), []string{"--exit", "--root", "../.."}, &out); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, &out)
	}
	rest := out.String()
	for _, want := range []string{
		"they serve", "eu/frankfurt       Pending", "eu/frankfurt       Ready",
		"apply success 2 of 2 Ready", "replicas: 3", "eu/frankfurt       Ready",
		"apply success 1 of 1 changed Ready", "3/3", "Ending",
	} {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Fatalf("%q is not told, or not in its place:\n%s", want, &out)
		}
		rest = after
	}
	nothingIsLeft(t)
}

// TestADemoThatFails says why, and leaves nothing.
func TestADemoThatFails(t *testing.T) {
	root := t.TempDir()
	for _, c := range []struct{ name, file, want string }{
		{"outside the repository", "README.md", "this is not the repository"},
		{"before the programs are built", "providers.cue", "localkube has ended: exit status 127"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			t.Setenv("PATH", "/usr/bin:/bin")
			if err := os.WriteFile(filepath.Join(root, c.file), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if code := run(t.Context(), []string{"--exit", "--root", root}, &out); code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
			if !strings.Contains(out.String(), c.want) {
				t.Errorf("want %q in:\n%s", c.want, &out)
			}
			nothingIsLeft(t)
		})
	}
}

// nothingIsLeft looks into the directory for temporary files.
func nothingIsLeft(t *testing.T) {
	t.Helper()
	left, err := os.ReadDir(os.TempDir())
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v (%v)", left, err)
	}
}

// TestWhatChangedIsToldOnce asks a daemon that answers three times, the second time the same.
func TestWhatChangedIsToldOnce(t *testing.T) {
	const before = `{"deployment": "acme",
		"statuses": [
			{"sha": "1a2b3c4d5e", "context": "reconcile/acme/apply", "state": "pending", "text": "0 of 1 providers applied"},
			{"sha": "1a2b3c4d5e", "context": "reconcile/acme/apply/eu", "state": "pending", "text": "0 of 1 providers applied"}],
		"providers": [{"name": "frankfurt", "cluster": "eu", "status": "Error", "applied": false,
			"message": "render chart workspace-provider as coder/frankfurt: there is no field replicaz"}]}`
	const after = `{"deployment": "acme",
		"statuses": [{"sha": "1a2b3c4d5e", "context": "reconcile/acme/apply", "state": "success", "text": "1 of 1 Ready"}],
		"providers": [{"name": "frankfurt", "cluster": "eu", "status": "Ready", "applied": true}]}`
	answers := []string{before, before, after}
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		_, _ = out.Write([]byte(answers[0]))
		answers = answers[1:]
	}))
	defer server.Close()
	var out bytes.Buffer
	f := follower{url: server.URL, out: &out, told: map[string]string{}}
	var ready []bool
	for range 3 {
		n, err := f.ask()
		if err != nil {
			t.Fatal(err)
		}
		ready = append(ready, n.ready("1a2b3c4d5e"))
	}
	if diff := cmp.Diff([]bool{false, false, true}, ready); diff != "" {
		t.Errorf("ready:\n%s", diff)
	}
	want := `
  eu/frankfurt       Error     render chart workspace-provider as coder/frankfurt: there
                               is no field replicaz
  commit 1a2b3c4     pending   0 of 1 providers applied
  eu/frankfurt       Ready
  commit 1a2b3c4     success   1 of 1 Ready
`
	if diff := cmp.Diff(want, "\n"+out.String()); diff != "" {
		t.Error(diff)
	}
}
