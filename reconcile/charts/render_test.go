package charts

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"helm.sh/helm/v3/pkg/action"
)

func TestRender(t *testing.T) {
	golden(t, "testdata/render/*.txtar", func(t *testing.T, files map[string]string) string {
		tree := fstest.MapFS{"chart/Chart.yaml": &fstest.MapFile{Data: []byte(demoChart)}}
		for name, text := range files {
			if strings.HasPrefix(name, "chart/") {
				tree[path.Clean(name)] = &fstest.MapFile{Data: []byte(text)}
			}
		}
		var in struct {
			BatchRelease
			Capabilities
		}
		if text := files["input.json"]; text != "" {
			if err := json.Unmarshal([]byte(text), &in); err != nil {
				return "error: " + err.Error() + "\n"
			}
		}
		given := RenderInput{Archive: mustPack(t, tree, "chart"), Namespace: "coder", Name: "demo",
			Revision: in.Revision, Upgrade: in.Upgrade, Values: in.Values, Capabilities: in.Capabilities}
		out, err := Render(given)
		if err != nil {
			return "error: " + err.Error() + "\n"
		}
		// Helm alone takes Annotations for annotations, and without a cluster every release is a first revision.
		if out.Text != nil && !strings.HasSuffix(t.Name(), "/letters-count") && in.Revision < 2 {
			asHelm(t, given, out.Text)
		}
		return renderedText(out)
	})
}

// renderedText is a Rendered for a golden file.
func renderedText(r Rendered) string {
	var out strings.Builder
	for _, o := range r.CRDs {
		fmt.Fprintf(&out, "crd %s\n", o)
	}
	for _, o := range r.Objects {
		fmt.Fprintf(&out, "%s %s\n", o, o.Body)
	}
	for _, h := range r.Hooks {
		fmt.Fprintf(&out, "hook %s %v %d\n", h.Object, h.Events, h.Weight)
	}
	for _, risk := range r.Risks {
		fmt.Fprintf(&out, "risk %s\n", risk)
	}
	return out.String()
}

// Our own charts, from their directory through a Store.
func TestOurOwnChartsRender(t *testing.T) {
	s := NewStore(Config{})
	tree := os.DirFS("../../examples")
	for name, values := range map[string]Values{
		"workspace-provider": ownValues(),
		"provisioner": {"coder": map[string]any{"env": []any{map[string]any{"name": "CODER_URL", "value": "https://coder.example.com"}}},
			"provisionerDaemon": map[string]any{"keySecretName": "key"}},
	} {
		c := resolve(t, s, Request{Ref: Ref{Path: "./charts/" + name}, Tree: tree})
		in := RenderInput{Archive: archive(t, s, c.Digest), Namespace: "coder", Name: "frankfurt", Values: values,
			Capabilities: Capabilities{KubeVersion: "v1.37.2"}}
		out, err := Render(in)
		if err != nil {
			t.Error(err)
			continue
		}
		if len(out.Objects) < 4 || len(out.Risks) > 0 {
			t.Errorf("%s: %d objects, risks %q", name, len(out.Objects), out.Risks)
		}
	}
}

func TestABatchSharesChartsAndKeepsFailuresApart(t *testing.T) {
	tree := chartFS(map[string]string{"templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ required \"name it\" .Values.n }}}\ndata: {v: {{ .Capabilities.KubeVersion.Version }}}\n"})
	in, err := json.Marshal(map[string]any{
		"charts":   map[string][]byte{"sha256:1": mustPack(t, tree, "chart"), "sha256:2": []byte("junk")},
		"clusters": map[string]any{"eu": map[string]any{"kubeVersion": "v1.30.1"}},
		"releases": []any{
			map[string]any{"chart": "sha256:1", "cluster": "eu", "namespace": "coder", "name": "a", "values": map[string]any{"n": 1000000}},
			map[string]any{"chart": "sha256:1", "cluster": "us", "namespace": "coder", "name": "b"},
			map[string]any{"chart": "sha256:2", "namespace": "coder", "name": "c"},
			map[string]any{"chart": "sha256:3", "namespace": "coder", "name": "d"},
			map[string]any{"chart": "sha256:1", "cluster": "us", "namespace": "coder", "name": "e", "values": map[string]any{"n": "e"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := RenderJSON(in)
	if err != nil {
		t.Fatal(err)
	}
	var out BatchResult
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, r := range out.Releases {
		text := r.Error
		for _, o := range r.Objects {
			text += string(o.Body)
		}
		have = append(have, text)
	}
	want := []string{
		`ConfigMap "": name is no text; quote it in the template`,
		`render chart demo as coder/b: execution error at (demo/templates/a.yaml:3:20): name it`,
		`chart archive: it is not a gzipped tar file: unexpected EOF`,
		`render coder/d: its chart sha256:3 is not in the batch`,
		`{"apiVersion":"v1","data":{"v":"v1.37.0"},"kind":"ConfigMap","metadata":{"name":"e"}}`,
	}
	want[0] = "render chart demo as coder/a: demo/templates/a.yaml: " + want[0]
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
	if _, err := RenderJSON([]byte("[")); err == nil {
		t.Error("junk is accepted")
	}
}

// Whatever a schema refers to, nobody is called.
func TestRenderingCallsNobody(t *testing.T) {
	var calls atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		w.Write([]byte("{}"))
	}))
	defer srv.Close()
	tree := chartFS(map[string]string{
		"values.schema.json": `{"properties": {"a": {"$ref": "` + srv.URL + `/x.json"}}}`,
		"templates/a.yaml":   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
	})
	_, err := Render(RenderInput{Archive: mustPack(t, tree, "chart"), Namespace: "coder", Name: "demo", Values: Values{"a": int64(1)}})
	if err == nil || !strings.Contains(err.Error(), "which is not fetched; put what is needed into the schema") || calls.Load() > 0 {
		t.Errorf("have %v after %d calls", err, calls.Load())
	}
}

func TestWhatIsTooMuchIsRefused(t *testing.T) {
	one := "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a%s}\n"
	for name, c := range map[string]struct{ template, want string }{
		"objects":    {"{{ range $i := until 2001 }}" + fmt.Sprintf(one, "{{ $i }}") + "{{ end }}", "more than 2000 objects"},
		"manifests":  {fmt.Sprintf(one, "") + "data: {x: {{ repeat 9000000 \"x\" }}}\n", "MB of manifests, more than 8"},
		"too large":  {fmt.Sprintf(one, "") + "data: {x: {{ range until 30000 }}{{ sha256sum (print .) }}{{ end }}}\n", "release too large: Helm's record of it has"},
		"just below": {fmt.Sprintf(one, "") + "data: {x: {{ range until 20000 }}{{ sha256sum (print .) }}{{ end }}}\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := mustPack(t, chartFS(map[string]string{"templates/a.yaml": c.template}), "chart")
			out, err := Render(RenderInput{Archive: b, Namespace: "coder", Name: "demo"})
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) || c.want == "" && err != nil {
				t.Errorf("have %v, want %q", err, c.want)
			}
			if c.want == "" && (len(out.Risks) != 1 || !strings.HasPrefix(out.Risks[0], "large release: ")) {
				t.Errorf("size %d, risks %q", out.Size, out.Risks)
			}
		})
	}
}

func TestAStoredManifestIsReadBack(t *testing.T) {
	have, err := ReadManifest("---\n# Source: demo/templates/a.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", "coder")
	want := []Object{{APIVersion: "v1", Kind: "ConfigMap", Namespace: "coder", Name: "a",
		Document: digestOf([]byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}")),
		Body:     []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}`)}}
	if diff := cmp.Diff(want, have); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if _, err := ReadManifest("a: [", "coder"); err == nil {
		t.Error("junk is accepted")
	}
}

// What Helm stores of a release is not read where it says what is rendered now: its documents are recognised.
func TestWhatIsStoredIsRecognised(t *testing.T) {
	chart := mustPack(t, chartFS(map[string]string{"templates/some.yaml": `{{- range list "a" "b" }}
---
# for {{ . }}
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ . }}}
data: {greeting: {{ $.Values.greeting | quote }}}
{{ end }}`, "templates/other.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: c}\n\n",
		"templates/hook.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: d, annotations: {helm.sh/hook: test}}",
		"templates/list.yaml": "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Secret, metadata: {name: e}}]\n",
	}), "chart")
	values := map[string]any{"greeting": "one"}
	loaded, err := Load(chart)
	if err != nil {
		t.Fatal(err)
	}
	install := action.NewInstall(&action.Configuration{})
	install.DryRun, install.ClientOnly, install.ReleaseName, install.Namespace = true, true, "demo", "coder"
	stored, err := install.Run(loaded, values)
	if err != nil {
		t.Fatal(err)
	}
	out, err := Render(RenderInput{Archive: chart, Namespace: "coder", Name: "demo", Values: values})
	if err != nil {
		t.Fatal(err)
	}
	known := slices.Clone(out.Objects)
	for i := range known {
		known[i].Body = []byte("recognised")
	}
	have, err := ReadManifest(stored.Manifest, "coder", known...)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range have {
		got = append(got, fmt.Sprintf("%s %t", o, string(o.Body) == "recognised"))
	}
	want := []string{"Secret coder/e false", "ConfigMap coder/a true", "ConfigMap coder/b true", "Service coder/c true"}
	if diff := cmp.Diff(want, got, cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Error(diff)
	}
}
