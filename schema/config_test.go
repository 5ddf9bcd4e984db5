package schema

import (
	"encoding/json"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// archive is the declarations of an archive in testdata.
func archive(t *testing.T, name string) fstest.MapFS {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	tree, _ := split(t, a)
	return tree
}

// mustLoad loads what must be valid.
func mustLoad(t *testing.T, tree fs.FS) Config {
	t.Helper()
	cfg, err := Load(tree)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// TestRoundTrip: a Config and Errors pass from the worker to the daemon as JSON, unchanged.
func TestRoundTrip(t *testing.T) {
	valid, err := filepath.Glob("testdata/valid/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range valid {
		want := mustLoad(t, archive(t, "valid/"+strings.TrimSuffix(filepath.Base(file), ".txtar")))
		var have Config
		if err := json.Unmarshal([]byte(indented(t, want)), &have); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("%s: -want +got:\n%s", file, diff)
		}
	}
	_, err = Load(archive(t, "invalid/syntax_in_two_files"))
	var have Errors
	if err := json.Unmarshal([]byte(indented(t, err)), &have); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(err, error(have)); diff != "" {
		t.Errorf("errors: -want +got:\n%s", diff)
	}
}

// TestNumbers: what type a number in values has; a template prints it accordingly.
func TestNumbers(t *testing.T) {
	values := mustLoad(t, archive(t, "valid/numbers")).Providers["frankfurt"].Values
	want := Values{
		"million": int64(1000000), "large": int64(9007199254740993), "smallest": int64(-9223372036854775808),
		"whole": int64(2), "exponent": int64(1000000), "fraction": 0.1, "kibi": int64(65536),
		"list": []any{int64(1), 2.5, map[string]any{"n": int64(3)}},
	}
	if diff := cmp.Diff(want, values); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestSchemaAlone: an editor with schema.cue and nothing else says the same of what it can see.
func TestSchemaAlone(t *testing.T) {
	ctx := cuecontext.New()
	config := ctx.CompileString(Schema()).LookupPath(cue.ParsePath("#Config"))
	holds := func(name string) bool {
		v := ctx.CompileString(strings.Join(cueTexts(archive(t, name)), "\n"))
		return config.Unify(v).Validate(cue.Concrete(true)) == nil
	}
	for _, name := range []string{"everything", "minimal", "defaults_levels", "chart_of_its_own"} {
		if !holds("valid/" + name) {
			t.Errorf("schema.cue refuses valid/%s", name)
		}
	}
	for _, name := range []string{"deployment_missing", "deployment_name_capital", "access_url_scheme"} {
		if holds("invalid/" + name) {
			t.Errorf("schema.cue takes invalid/%s", name)
		}
	}
}

// cueTexts are the CUE files of a tree, without their package clauses.
func cueTexts(tree fstest.MapFS) []string {
	var texts []string
	for _, name := range names(tree) {
		if strings.HasSuffix(name, ".cue") {
			texts = append(texts, strings.Replace(string(tree[name].Data), "package providers", "", 1))
		}
	}
	return texts
}

// TestOwnMapping: shapes.cue can be kept beside the declarations and used by hand, with the same result.
func TestOwnMapping(t *testing.T) {
	want := mustLoad(t, archive(t, "valid/shape_v2")).Providers["frankfurt"].Values
	tree := archive(t, "valid/defaults_of_ours")
	tree["shapes.cue"] = &fstest.MapFile{Data: []byte(Shapes())}
	tree["own.cue"] = &fstest.MapFile{Data: []byte(`package providers

providers: frankfurt: values: (#V2 & {from: {
	release:   "frankfurt"
	accessURL: deployment.accessURL
	tokenRef: {name: "provisioner", key: "key"}
}}).values
`)}
	have := mustLoad(t, tree).Providers["frankfurt"].Values
	env := have.at("coder").(map[string]any)
	env["env"] = append([]any{map[string]any{"name": "CODER_LOG", "value": "info"}}, env["env"].([]any)...)
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestAccessURL: one change of deployment.accessURL reaches every provider.
func TestAccessURL(t *testing.T) {
	tree := archive(t, "valid/shape_v1")
	base := tree["base.cue"]
	tree["base.cue"] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(base.Data), "coder.example.com", "new.coder.example.com"))}
	tree["case.cue"] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(tree["case.cue"].Data), "frankfurt.coder", "frankfurt.new.coder"))}
	values := mustLoad(t, tree).Providers["frankfurt"].Values
	if have := values.at("cemanager", "accessURL"); have != "https://new.coder.example.com" {
		t.Errorf("got %v", have)
	}
}

// TestRootDeclarations: the project's own declarations are valid, and nothing in them is doubtful.
func TestRootDeclarations(t *testing.T) {
	cfg := mustLoad(t, os.DirFS(".."))
	if len(cfg.Warnings) > 0 {
		t.Error(cfg.Warnings)
	}
	if have := names(cfg.Providers); !reflect.DeepEqual(have, []string{"built-in", "frankfurt"}) {
		t.Errorf("providers are %v", have)
	}
}

// TestNoNetwork: a module file and an import of a module make nobody call anywhere.
func TestNoNetwork(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	called := make(chan bool, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			conn.Close()
		}
		called <- err == nil
	}()
	t.Setenv("CUE_REGISTRY", l.Addr().String()+"+insecure")
	for _, name := range []string{"valid/files_of_others", "invalid/import_module"} {
		tree := archive(t, name)
		tree["cue.mod/module.cue"] = &fstest.MapFile{Data: []byte(`module: "example.com/x@v0"
language: version: "v0.17.0"
deps: "example.com/charts@v0": v: "v0.1.0"
`)}
		_, _ = Load(tree)
	}
	l.Close()
	if <-called {
		t.Error("somebody called the registry")
	}
}

// TestMemory: what one load has used, the next does not keep.
func TestMemory(t *testing.T) {
	tree := many(5)
	live := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	mustLoad(t, tree)
	before := live()
	for range 50 {
		mustLoad(t, tree)
	}
	if after := live(); after > before+4<<20 {
		t.Errorf("50 loads keep %d KiB", (after-before)>>10)
	}
}

// TestPositions: every entry is found again in its file.
func TestPositions(t *testing.T) {
	cfg := mustLoad(t, archive(t, "valid/data_files"))
	want := map[string]string{
		"deployment": "base.cue:3:1", "clusters": "base.cue:9:1", "clusters.eu": "base.cue:9:11", "clusters.us": "clusters/us.json:1:3",
		"organizations": "base.cue:11:1", "organizations.sales": "base.cue:11:16", "organizations.research": "organizations/all.yaml:1:1",
		"providers": "base.cue:13:1", "providers.frankfurt": "base.cue:13:12", "providers.munich": "case.cue:4:12",
		"allowlists": "base.cue:15:1", "allowlists.frankfurt": "base.cue:15:13", "allowlists.frankfurt.sales": "base.cue:15:24",
		"allowlists.munich": "allowlists/munich.yaml:1:1", "allowlists.munich.research": "allowlists/munich.yaml:2:3",
		"allowlists.munich.sales": "allowlists/munich.yaml:3:3", "removed": "removed/old.yaml:1:1", "removed.bonn": "removed/old.yaml:1:1",
	}
	have := map[string]string{}
	for path, p := range cfg.Positions {
		have[path] = p.String()
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestExplain: each value of a provider says where it comes from.
func TestExplain(t *testing.T) {
	cfg := mustLoad(t, archive(t, "valid/defaults_levels"))
	want := []Line{
		{"chart.name", `"provider"`, "deployment.defaults (base.cue:7)"},
		{"chart.repo", `"https://charts.example.com"`, "deployment.defaults (base.cue:7)"},
		{"chart.shape", `"none"`, "built in"},
		{"chart.version", `"1.1.0"`, "clusters.us.defaults (base.cue:18)"},
		{"cluster", `"us"`, "base.cue:26"},
		{"deletion.policy", `"block"`, "built in"},
		{"drift.mode", `"off"`, "clusters.us.defaults (base.cue:21)"},
		{"enforcement", `"audit"`, "deployment.defaults (base.cue:11)"},
		{"namespace", `"cluster"`, "clusters.us.defaults (base.cue:19)"},
		{"ready.http", `"https://coder.example.com/healthz"`, "deployment.defaults (base.cue:12)"},
		{"release.maxHistory", "10", "deployment.defaults (base.cue:9)"},
		{"release.name", `"boston"`, "built in"},
		{"release.onFailure", `"rollback"`, "deployment.defaults (base.cue:9)"},
		{"release.timeout", `"2m0s"`, "clusters.us.defaults (base.cue:20)"},
		{"wave", "0", "built in"},
	}
	if diff := cmp.Diff(want, Explain(cfg, "boston")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if lines := Explain(cfg, "nobody"); lines != nil {
		t.Errorf("got %v", lines)
	}
}

// TestSecrets: no value of a broken repository is repeated in what is said about it.
func TestSecrets(t *testing.T) {
	files, err := filepath.Glob("testdata/invalid/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		_, err := Load(archive(t, "invalid/"+strings.TrimSuffix(filepath.Base(file), ".txtar")))
		if strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: %v", file, err)
		}
	}
}
