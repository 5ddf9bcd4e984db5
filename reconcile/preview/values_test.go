package preview

import (
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
)

var update = flag.Bool("update", false, "write what the tests find into their golden files")

// TestValuesOfTheCluster updates a release that takes values from its cluster, for each archive in
// testdata. It holds the chart, the values that Helm had (old.yaml), those declared now (new.yaml) and
// where the others come from (references.yaml); want is what the plan shows. What the cluster knows is
// "hunter2", and must not be seen in any form.
func TestValuesOfTheCluster(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, file := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parts, tree := map[string][]byte{}, fstest.MapFS{}
			for _, f := range a.Files {
				parts[f.Name], tree[f.Name] = f.Data, &fstest.MapFile{Data: f.Data}
			}
			have := updated(t, parts, tree)
			for _, secret := range forms("hunter2") {
				if strings.Contains(have, secret) {
					t.Errorf("it shows %q", secret)
				}
			}
			if *update {
				golden := txtar.File{Name: "want", Data: []byte(have)}
				a.Files = append(slices.DeleteFunc(a.Files, func(f txtar.File) bool { return f.Name == "want" }), golden)
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(string(parts["want"]), have); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// updated is what the plan shows of an update.
func updated(t *testing.T, parts map[string][]byte, tree fs.FS) string {
	t.Helper()
	var before, after charts.Values
	var refs []reconcile.Reference
	for name, to := range map[string]any{"old.yaml": &before, "new.yaml": &after, "references.yaml": &refs} {
		if err := yaml.Unmarshal(parts[name], to); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	b := newBench(t)
	a := b.action("frankfurt", tree, "chart", after)
	a.Want.Release.References = refs
	if before != nil {
		b.install(a, before)
		a.Have = reconcile.Observed{State: reconcile.Deployed, Revision: 1}
	}
	got := b.preview(a)
	out := got.Diff
	for _, risk := range got.Risks {
		out += "risk: " + risk + "\n"
	}
	if got.Err != nil {
		out += "error: " + got.Err.Error() + "\n"
	}
	return out
}

// forms are a secret and what charts make of one.
func forms(secret string) []string {
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(secret)))
	return []string{
		secret, strings.ToUpper(secret), base64.StdEncoding.EncodeToString([]byte(secret)), sum, sum[:12], "2retnuh",
	}
}
