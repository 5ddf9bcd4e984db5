package render

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/schema"
)

var update = flag.Bool("update", false, "write what the tests find into their golden files")

// TestRender renders the declarations of each archive in testdata, and compares what all clusters should
// hold with its section "want": those parts that the comment asks for with "show", or all. Where it has none
// of its own, base.cue is one of the declarations. Charts under missing/ are not found; of each other one the
// digest is its name.
func TestRender(t *testing.T) {
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
			want, have := "", shown(t, a)
			for _, f := range a.Files {
				if f.Name == "want" {
					want = string(f.Data)
				}
			}
			if *update {
				golden := txtar.File{Name: "want", Data: []byte(have)}
				a.Files = append(slices.DeleteFunc(a.Files, func(f txtar.File) bool { return f.Name == "want" }), golden)
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(want, have); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// load reads the declarations of an archive.
func load(t *testing.T, a *txtar.Archive) schema.Config {
	t.Helper()
	base, err := os.ReadFile("testdata/base.cue")
	if err != nil {
		t.Fatal(err)
	}
	tree := fstest.MapFS{"base.cue": {Data: base}}
	for _, f := range a.Files {
		if f.Name != "want" {
			tree[f.Name] = &fstest.MapFile{Data: f.Data}
		}
	}
	cfg, err := schema.Load(tree)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// found are the charts of a configuration.
func found(cfg schema.Config) Charts {
	out := Charts{}
	for _, c := range Wanted(cfg) {
		where := strings.TrimSuffix(c.Path+c.Repo+c.OCI, "/")
		if strings.HasPrefix(where, "missing/") {
			out[c] = Chart{Err: errors.New(where + " is not there")}
			continue
		}
		name := filepath.Base(where)
		out[c] = Chart{Chart: reconcile.Chart{Name: name, Version: "1.0.0", Source: where, Digest: "sha256:" + name}}
	}
	return out
}

// shown is what all clusters should hold, as YAML without what is empty.
func shown(t *testing.T, a *txtar.Archive) string {
	t.Helper()
	cfg := load(t, a)
	want, err := Render(cfg, found(cfg), reconcile.Commit{SHA: "1a2b3c4"})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	var all map[string]any
	if err := d.Decode(&all); err != nil {
		t.Fatal(err)
	}
	tidy("", all)
	part := map[string]any{}
	for line := range strings.Lines(string(a.Comment)) {
		if key, ok := strings.CutPrefix(strings.TrimSpace(line), "show "); ok {
			part[key] = all[key]
		}
	}
	if len(part) == 0 {
		part = all
	}
	text, err := yaml.Marshal(part)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// tidy leaves out what is empty, but in values, and writes durations as people do.
func tidy(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, below := range v {
			if k == "Values" && below != nil {
				continue
			}
			if v[k] = tidy(k, below); v[k] == nil {
				delete(v, k)
			}
		}
		if len(v) == 0 && key != "" {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = tidy(key, v[i])
		}
		if len(v) == 0 {
			return nil
		}
	case json.Number:
		if n, err := v.Int64(); err == nil && key == "Timeout" {
			return time.Duration(n).String()
		}
		if v == "0" {
			return nil
		}
	case string:
		if v == "" || v == "0001-01-01T00:00:00Z" {
			return nil
		}
	case bool:
		if !v {
			return nil
		}
	}
	return v
}

func TestWantedNamesEachChartOnceSorted(t *testing.T) {
	cfg := load(t, txtar.Parse([]byte(`
-- more.cue --
package providers

providers: {
	paris: cluster: "eu"
	rome: {cluster: "eu", chart: {oci: "oci://charts.example.com/a", name: "b", version: "1.0.0"}}
	oslo: {cluster: "eu", chart: {repo: "https://charts.example.com", name: "b", version: "1.0.0"}}
	bonn: {cluster: "eu", chart: {repo: "https://charts.example.com", name: "a", version: "2.0.0"}}
	graz: {cluster: "eu", chart: {repo: "https://charts.example.com", name: "a", version: "1.0.0"}}
}
allowlists: {paris: blue: true, rome: blue: true, oslo: blue: true, bonn: blue: true, graz: blue: true}
`)))
	var got []string
	for _, c := range Wanted(cfg) {
		got = append(got, c.Path+c.Repo+c.OCI+" "+c.Name+" "+c.Version)
	}
	want := []string{
		"oci://charts.example.com/a b 1.0.0", "https://charts.example.com a 1.0.0", "https://charts.example.com a 2.0.0",
		"https://charts.example.com b 1.0.0", "charts/demo  ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRenderDoesNotDependOnTheOrderOfMaps(t *testing.T) {
	cfg := load(t, txtar.Parse([]byte("-- more.cue --\npackage providers\n\nproviders: {a: cluster: \"eu\", b: cluster: \"eu\", c: cluster: \"eu\"}\n")))
	first, err := Render(cfg, found(cfg), reconcile.Commit{})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		again, err := Render(cfg, found(cfg), reconcile.Commit{})
		if diff := cmp.Diff(first, again); err != nil || diff != "" {
			t.Fatalf("%v, -first +again:\n%s", err, diff)
		}
	}
}

func TestRenderRefuses(t *testing.T) {
	twin := schema.Provider{Cluster: "eu", Namespace: "coder", Release: schema.Release{Name: "same"}, Chart: schema.Chart{Path: "a"}}
	for _, test := range []struct {
		name, want string
		charts     Charts
	}{
		{"two releases at one place", "release eu/Release/coder/same is declared by provider a and by provider b: " +
			"give one of them another release name or namespace", Charts{twin.Chart: {}}},
		{"charts that were not looked for", "providers.", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := schema.Config{Providers: map[string]schema.Provider{"a": twin, "b": twin}}
			if _, err := Render(cfg, test.charts, reconcile.Commit{}); err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("error %v, want %s", err, test.want)
			}
		})
	}
}
