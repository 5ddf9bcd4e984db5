package charts

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/postrender"
	helm "helm.sh/helm/v3/pkg/release"
)

// helmRenders is what Helm makes of a chart without a cluster.
func helmRenders(t *testing.T, ch *chart.Chart, in RenderInput, with postrender.PostRenderer) *helm.Release {
	t.Helper()
	install := action.NewInstall(&action.Configuration{})
	install.DryRun, install.ClientOnly, install.IsUpgrade, install.SkipSchemaValidation = true, true, in.Upgrade, true
	install.ReleaseName, install.Namespace, install.PostRenderer = in.Name, in.Namespace, with
	caps, err := in.Capabilities.helm()
	if err != nil {
		t.Fatal(err)
	}
	install.KubeVersion, install.APIVersions = &caps.KubeVersion, in.Capabilities.APIVersions
	rel, err := install.Run(ch, CopyValue(map[string]any(in.Values)).(map[string]any))
	if err != nil {
		t.Fatal(err)
	}
	return rel
}

// asHelm sees that what was rendered is what Helm renders itself, and that Helm takes it in place of the chart.
func asHelm(t *testing.T, in RenderInput, text *Text) {
	t.Helper()
	ch, err := Load(in.Archive)
	if err != nil {
		t.Fatal(err)
	}
	want := helmRenders(t, Copy(ch), in, nil)
	if err := chartutil.ProcessDependenciesWithMerge(ch, chartutil.Values(in.Values)); err != nil {
		t.Fatal(err)
	}
	have := helmRenders(t, text.Chart(ch), in, text)
	if d := cmp.Diff(want.Manifest, have.Manifest); d != "" {
		t.Error("manifest", d)
	}
	if d := cmp.Diff(want.Hooks, have.Hooks); d != "" {
		t.Error("hooks", d)
	}
	if d := cmp.Diff(want.Info.Notes, have.Info.Notes); d != "" {
		t.Error("notes", d)
	}
	if have, want := definitions(text.Chart(ch)), definitions(ch); have != want {
		t.Errorf("it defines %q, the chart %q", have, want)
	}
}

// definitions are the kinds that a chart defines, and the charts in it.
func definitions(ch *chart.Chart) string {
	var out []string
	for _, crd := range ch.CRDObjects() {
		out = append(out, crd.Name+" "+string(crd.File.Data))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// Everything that Helm does with what templates make: hooks and lists, several in a file, comments, what looks like a
// template afterwards, notes, kinds, and charts in the chart.
func TestHelmTakesTheTextForTheChart(t *testing.T) {
	tree := chartFS(map[string]string{
		"Chart.yaml":           demoChart + "dependencies: [{name: db, version: 1.x.x, repository: \"\"}]\n",
		"templates/some.yaml":  "# two\n{{ range list \"b\" \"a\" }}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ . }}}\ndata:\n  x: |\n    {{ \"{{ .Values.y }} {{`}}\" }}\n{{ end }}",
		"templates/a.yaml":     "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: d, annotations: {x: \"1\"}}\n---\n# nothing\n---\nkind: ServiceAccount\napiVersion: v1\nmetadata: {name: s}\n",
		"templates/list.yaml":  "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Secret, metadata: {name: e}}]\n",
		"templates/other.yaml": "apiVersion: example.com/v1\nkind: Zebra\nmetadata: {name: z}\n---\napiVersion: example.com/v1\nkind: Ape\nmetadata: {name: p}\n",
		"templates/hook.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: one, annotations: {helm.sh/hook: \"pre-install, post-upgrade\", helm.sh/hook-weight: \"3\"}}\n" +
			"---\napiVersion: v1\nkind: Pod\nmetadata: {name: '{{ \"{{\" }}', annotations: {helm.sh/hook: test, helm.sh/hook-delete-policy: hook-failed}}\n" +
			"---\napiVersion: v1\nkind: Service\nmetadata: {name: between}\n",
		"templates/NOTES.txt":            "See {{ .Release.Name }}, and {{ \"{{\" }}.\n",
		"templates/empty.yaml":           "{{ if false }}\n{{ end }}",
		"crds/a.yaml":                    "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: apes.example.com}\n",
		"charts/db/Chart.yaml":           "apiVersion: v2\nname: db\nversion: 1.0.0\n",
		"charts/db/templates/a.yaml":     "apiVersion: v1\nkind: Role\nmetadata: {name: {{ .Chart.Name }}}\n",
		"charts/db/templates/hook.yaml":  "apiVersion: batch/v1\nkind: Job\nmetadata: {name: below, annotations: {helm.sh/hook: post-install}}\n",
		"charts/db/templates/NOTES.txt":  "not shown\n",
		"charts/db/crds/a.yaml":          "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: zebras.example.com}\n",
		"charts/db/templates/_part.yaml": "{{ define \"part\" }}x{{ end }}",
	})
	in := RenderInput{Archive: mustPack(t, tree, "chart"), Namespace: "coder", Name: "demo"}
	out, err := Render(in)
	if err != nil {
		t.Fatal(err)
	}
	if out.Text == nil || len(out.Text.Hooks) != 2 || out.Text.Notes == "" {
		t.Fatalf("rendered to %+v", out.Text)
	}
	asHelm(t, in, out.Text)
}

// What would come out otherwise in the cluster, or another time, is left to Helm.
func TestWhatIsNotRepeatableHasNoText(t *testing.T) {
	for template, want := range map[string]bool{
		"{{ .Release.Name }}":                        true,
		"{{ randAlpha 8 }}":                          false,
		"{{ lookup \"v1\" \"Secret\" \"a\" \"b\" }}": false,
		"{{ tpl \"x\" . }}":                          true,
		"{{ tpl .Values.given . }}":                  false,
		"{{ range $i := until 9 }}{{ keys (dict 1 2 3 4 5 6) }}{{ end }}":      false,
		"{{ keys (dict \"a\" 1) | sortAlpha }}{{ .Capabilities.HelmVersion }}": true,
	} {
		in := RenderInput{Archive: mustPack(t, chartFS(map[string]string{
			"templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: " + "'" + template + "'}\n",
		}), "chart"), Namespace: "coder", Name: "demo", Values: Values{}}
		if strings.Contains(template, ".given") {
			in.Values["given"] = "{{ now }}"
		}
		out, err := Render(in)
		if err != nil {
			t.Fatalf("%s: %v", template, err)
		}
		if have := out.Text != nil; have != want {
			t.Errorf("%s has a text: %t, risks %q", template, have, out.Risks)
		}
	}
}

// Our own charts, too.
func TestHelmTakesTheTextOfOurOwnCharts(t *testing.T) {
	s := NewStore(Config{})
	c := resolve(t, s, Request{Ref: Ref{Path: "./charts/workspace-provider"}, Tree: os.DirFS("../../examples")})
	in := RenderInput{Archive: archive(t, s, c.Digest), Namespace: "coder", Name: "frankfurt", Values: ownValues(),
		Capabilities: Capabilities{KubeVersion: "v1.37.2"}}
	out, err := Render(in)
	if err != nil || out.Text == nil {
		t.Fatal(out.Text, err)
	}
	asHelm(t, in, out.Text)
}
