package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/workspace-providers/reconcile/schema"
)

func TestDeclarationsAreValid(t *testing.T) {
	l := &lab{dir: t.TempDir(), sites: []site{{name: "eu", space: "a"}, {name: "us", space: "b"}}}
	t.Chdir("../..")
	if err := l.makeChart(); err != nil {
		t.Fatal(err)
	}
	for generation := range 2 {
		if err := l.declare(declared{3, generation, 1}); err != nil {
			t.Fatal(err)
		}
		cfg, err := schema.Load(os.DirFS(l.declared()))
		if err != nil {
			t.Fatal(err)
		}
		if len(cfg.Providers) != 4 { // the built-in one is always there
			t.Errorf("%d providers, want 3 and the built-in one", len(cfg.Providers))
		}
	}
}

// TestBenchmarkRuns measures little, on a real cluster, and makes sure that nothing is left.
func TestBenchmarkRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster")
	}
	t.Chdir("../..")
	for _, name := range []string{"reconcile", localkube, helm, kubectl} {
		if _, err := program(name); err != nil {
			t.Skip(err)
		}
	}
	t.Setenv("TMPDIR", t.TempDir())
	var out strings.Builder
	if err := run(t.Context(), []string{"-n", "2", "-helm", "1", "-idle", "1s", "-edits", "3", "-wide", "0", "-grow", "2x2", "-o", "json"}, &out); err != nil {
		t.Fatal(err)
	}
	var have results
	if err := json.Unmarshal([]byte(out.String()), &have); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{cpuRow, requestsRow} {
		for _, p := range phases {
			if r, there := have.row(string(p), what); !there || r.Ours <= 0 || *r.Helm <= 0 {
				t.Errorf("%s, %s: %+v, want figures of both", p, what, r)
			}
		}
	}
	if left, _ := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}
