package kube

import (
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
)

// render tells the cluster what an action's release was rendered to, but for what change makes of it.
func (w *world) render(a reconcile.Action, change func(*charts.Capabilities, *charts.Rendered)) {
	w.Helper()
	version, kinds, err := w.cluster.Capabilities()
	if err != nil {
		w.Fatal(err)
	}
	caps := charts.Capabilities{KubeVersion: version, APIVersions: kinds}
	rel := a.Want.Release
	out, err := charts.Render(charts.RenderInput{
		Archive: w.charts[rel.Chart.Digest], Namespace: a.ID.Namespace, Name: a.ID.Name, Values: rel.Values, Capabilities: caps,
		Revision: a.Have.Revision + 1, Upgrade: a.Have.State != reconcile.Absent,
	})
	if err != nil {
		w.Fatal(err)
	}
	change(&caps, &out)
	w.cluster.Rendered(a, caps, out)
}

// stored is the newest revision of a release as it stands in its Secret.
func (w *world) stored(name string) *release.Release {
	w.Helper()
	list, err := w.kube.CoreV1().Secrets(w.space).List(w.Context(), metav1.ListOptions{LabelSelector: "owner=helm,status=deployed,name=" + name})
	if err != nil || len(list.Items) != 1 {
		w.Fatalf("%d revisions in force, %v", len(list.Items), err)
	}
	rel, err := unpack(list.Items[0].Data["release"])
	if err != nil {
		w.Fatal(err)
	}
	return rel
}

// asShown marks what was rendered, so that it can be told from what Helm renders.
func asShown(_ *charts.Capabilities, out *charts.Rendered) {
	out.Text.Manifest = strings.Replace(out.Text.Manifest, `: "yes"`, `: "as shown"`, 1)
}

// What a preview showed is what is applied, with its hooks and notes, once, and the release is stored with its chart.
func TestWhatWasShownIsApplied(t *testing.T) {
	w := newWorld(t)
	hook := strings.Replace(configMap, "{{ .Release.Name }}", "hooked, annotations: {helm.sh/hook: 'pre-install,pre-upgrade'}", 1)
	c := w.chart("1.0.0", map[string]string{"c.yaml": configMap, "h.yaml": hook, "NOTES.txt": "size {{ .Values.size }}"})
	it := w.item("web", c, map[string]any{"size": int64(1)})
	for revision, op := range []reconcile.Op{reconcile.OpCreate, reconcile.OpUpdate, reconcile.OpUpdate} {
		it.Release.Values = map[string]any{"size": int64(revision)}
		want := "yes"
		if revision < 2 {
			w.render(w.planned(it.ID, op), asShown)
			want = "as shown"
		}
		w.do(it.ID, op)
		w.inSync(it.ID)
		size := string(rune('0' + revision))
		if got := w.data("web"); got["fixed"] != want || got["size"] != size {
			t.Errorf("revision %d holds %v, want %q", revision+1, got, want)
		}
		if got := w.data("hooked")["size"]; got != size {
			t.Errorf("the hook of revision %d has size %s", revision+1, got)
		}
		rel := w.stored("web")
		if got := rel.Info.Notes; got != "size "+size {
			t.Errorf("the notes of revision %d are %q", revision+1, got)
		}
		if len(rel.Chart.Templates) != 3 || len(rel.Hooks) != 1 || strings.Contains(rel.Manifest, "as shown") != (revision < 2) {
			t.Errorf("revision %d is stored with %d templates, %d hooks and\n%s", revision+1, len(rel.Chart.Templates), len(rel.Hooks), rel.Manifest)
		}
	}
}

// Helm renders what was rendered for another cluster than this one is now, for other inputs, or with values that only the
// cluster has, what is large, and what cannot be known before.
func TestWhatIsNotKnownBeforeIsRenderedByHelm(t *testing.T) {
	w := newWorld(t)
	c := w.chart("1.0.0", map[string]string{"c.yaml": configMap})
	for name, change := range map[string]func(*reconcile.Action, *charts.Capabilities, *charts.Rendered){
		"version": func(_ *reconcile.Action, in *charts.Capabilities, _ *charts.Rendered) { in.KubeVersion += "+other" },
		"kinds": func(_ *reconcile.Action, in *charts.Capabilities, _ *charts.Rendered) {
			in.APIVersions = append([]string{"example.com/v1"}, in.APIVersions...)
		},
		"inputs": func(a *reconcile.Action, _ *charts.Capabilities, _ *charts.Rendered) { a.Digest = "other" },
		"secret": func(a *reconcile.Action, _ *charts.Capabilities, _ *charts.Rendered) {
			a.Want.Release.References = []reconcile.Reference{{Kind: "Secret", Name: "some", Key: "some", Path: "extra"}}
		},
		"large": func(_ *reconcile.Action, _ *charts.Capabilities, out *charts.Rendered) {
			out.Text.Manifest += "# " + strings.Repeat("x", maxRendering)
		},
		"random": func(_ *reconcile.Action, _ *charts.Capabilities, out *charts.Rendered) { out.Text = nil },
	} {
		it := w.item(name, c, map[string]any{"size": int64(1)})
		a := w.planned(it.ID, reconcile.OpCreate)
		w.render(a, func(in *charts.Capabilities, out *charts.Rendered) {
			asShown(in, out)
			change(&a, in, out)
			w.cluster.Rendered(a, *in, *out)
			out.Text = nil // and not once more with the action as it was
		})
		w.do(it.ID, reconcile.OpCreate)
		if got := w.data(name)["fixed"]; got != "yes" {
			t.Errorf("%s: it holds %q", name, got)
		}
	}
}
