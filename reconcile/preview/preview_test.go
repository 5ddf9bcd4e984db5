package preview

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
)

// bench is a previewer with real charts, which renders in this process, and clusters in memory.
type bench struct {
	*Previewer
	t        *testing.T
	store    *charts.Store
	clusters map[string]*memory
	batches  []charts.Batch // that the worker was given
	refuses  func(charts.Batch) error
}

// memory is a cluster.
type memory struct {
	manifests map[reconcile.ID]string
	err       error
	refuses   []string         // what it says beforehand
	asked     reconcile.Change // what it was last asked about
	rendered  map[string]bool  // releases: whether Helm need not render them
}

func (m *memory) Manifest(_ context.Context, id reconcile.ID) (string, error) {
	return m.manifests[id], nil
}

func (m *memory) Capabilities() (string, []string, error) {
	return "v1.37.2", []string{"v1", "apps/v1", "networking.k8s.io/v1", "policy/v1", "rbac.authorization.k8s.io/v1"}, m.err
}

func (m *memory) Rendered(a reconcile.Action, in charts.Capabilities, out charts.Rendered) {
	if m.rendered == nil {
		m.rendered = map[string]bool{}
	}
	m.rendered[a.ID.Name] = out.Text != nil && in.KubeVersion != "" && len(in.APIVersions) > 0
}

func (m *memory) Preflight(_ context.Context, _ reconcile.Action, change reconcile.Change) []string {
	m.asked = change
	return m.refuses
}

// newBench has the clusters eu and us.
func newBench(t *testing.T) *bench {
	b := &bench{t: t, store: charts.NewStore(charts.Config{}), clusters: map[string]*memory{
		"eu": {manifests: map[reconcile.ID]string{}}, "us": {manifests: map[reconcile.ID]string{}},
	}}
	b.Previewer = &Previewer{Archive: b.store.Archive, Worker: b.worker, Cluster: func(name string) (Cluster, error) {
		if c, there := b.clusters[name]; there {
			return c, nil
		}
		return nil, fmt.Errorf("cluster %s is not connected", name)
	}}
	return b
}

// worker renders in this process.
func (b *bench) worker(_ context.Context, in []byte) ([]byte, error) {
	var batch charts.Batch
	if err := json.Unmarshal(in, &batch); err != nil {
		b.t.Error(err)
	}
	b.batches = append(b.batches, batch)
	if b.refuses != nil {
		if err := b.refuses(batch); err != nil {
			return nil, err
		}
	}
	return charts.RenderJSON(in)
}

// action installs a release of a chart.
func (b *bench) action(name string, tree fs.FS, chart string, values charts.Values) reconcile.Action {
	b.t.Helper()
	found, err := b.store.Resolve(context.Background(), charts.Request{Ref: charts.Ref{Path: chart}, Tree: tree})
	if err != nil {
		b.t.Fatal(err)
	}
	id := reconcile.ID{Cluster: "eu", Kind: reconcile.KindRelease, Namespace: "coder", Name: name}
	return reconcile.Action{
		Op: reconcile.OpCreate, ID: id,
		Want: reconcile.Item{ID: id, Release: reconcile.Release{Chart: found, Values: values}},
	}
}

// provider installs the project's own chart.
func (b *bench) provider(name string, replicas int) reconcile.Action {
	b.t.Helper()
	return b.action(name, os.DirFS("../../examples/charts"), "workspace-provider", charts.Values{
		"cemanager": map[string]any{"accessURL": "https://coder.example.com"},
		"envproxy":  map[string]any{"clusterAddress": "https://eu.example.com:6443", "replicas": replicas},
		"ingress":   map[string]any{"host": name + ".coder.example.com"},
	})
}

// install makes what an action would install what is in force.
func (b *bench) install(a reconcile.Action, values charts.Values) {
	b.t.Helper()
	archive, err := b.store.Archive(context.Background(), a.Want.Release.Chart.Digest)
	if err != nil {
		b.t.Fatal(err)
	}
	out, err := charts.Render(charts.RenderInput{Archive: archive, Namespace: a.ID.Namespace, Name: a.ID.Name, Revision: 1, Values: values})
	if err != nil {
		b.t.Fatal(err)
	}
	var manifest strings.Builder
	for _, o := range out.Objects {
		fmt.Fprintf(&manifest, "---\n%s\n", o.Body)
	}
	b.clusters[a.ID.Cluster].manifests[a.ID] = manifest.String()
}

// preview previews one action.
func (b *bench) preview(a reconcile.Action) reconcile.Preview {
	return b.Preview(context.Background(), []reconcile.Action{a})[a.ID]
}

func TestAnInstallShowsWhatItMakes(t *testing.T) {
	b := newBench(t)
	got := b.preview(b.provider("frankfurt", 1))
	if got.Err != nil || !strings.Contains(got.Diff, "+ Deployment coder/") || strings.Contains(got.Diff, "~") {
		t.Errorf("%v\n%s", got.Err, got.Diff)
	}
	if caps := b.batches[0].Clusters["eu"]; caps.KubeVersion != "v1.37.2" || len(caps.APIVersions) != 5 {
		t.Errorf("rendered for %+v", caps)
	}
}

// The cluster is told what was rendered, but where values of its own are missing.
func TestTheClusterIsToldWhatWasRendered(t *testing.T) {
	b := newBench(t)
	plain, given := b.provider("plain", 1), b.provider("given", 1)
	given.Want.Release.References = []reconcile.Reference{{Kind: "Secret", Name: "some", Key: "host", Path: "ingress.host"}}
	b.Preview(t.Context(), []reconcile.Action{plain, given})
	if got := b.clusters["eu"].rendered; !got["plain"] || got["given"] {
		t.Errorf("it is told %v", got)
	}
}

func TestAnUpdateShowsWhatItChanges(t *testing.T) {
	b := newBench(t)
	b.install(b.provider("frankfurt", 1), b.provider("frankfurt", 1).Want.Release.Values)
	next := b.provider("frankfurt", 2)
	next.Have = reconcile.Observed{State: reconcile.Deployed, Revision: 4}
	got := b.preview(next)
	if !strings.Contains(got.Diff, "spec.replicas: 1 → 2\n") || strings.Contains(got.Diff, "Service coder/") {
		t.Errorf("%v\n%s", got.Err, got.Diff)
	}
	if rel := b.batches[0].Releases[0]; rel.Revision != 5 || !rel.Upgrade {
		t.Errorf("rendered as %+v", rel)
	}
	if same := b.preview(b.provider("frankfurt", 1)); same.Diff != "" || same.Err != nil {
		t.Errorf("nothing changed: %v\n%s", same.Err, same.Diff)
	}
}

func TestManyAreRenderedInOneGo(t *testing.T) {
	b := newBench(t)
	var actions []reconcile.Action
	for i := range 20 {
		a := b.provider(fmt.Sprintf("p%d", i), 1)
		a.ID.Cluster = []string{"eu", "us"}[i%2]
		actions = append(actions, a)
	}
	archives := 0
	b.Archive = func(ctx context.Context, digest string) ([]byte, error) {
		archives++
		return b.store.Archive(ctx, digest)
	}
	out := b.Preview(context.Background(), actions)
	for _, a := range actions {
		if out[a.ID].Err != nil || !strings.Contains(out[a.ID].Diff, "+ Ingress coder/") {
			t.Errorf("%s: %v\n%s", a.ID, out[a.ID].Err, out[a.ID].Diff)
		}
	}
	if len(b.batches) != 1 || archives != 1 || len(b.batches[0].Clusters) != 2 {
		t.Errorf("%d batches, %d archives, %d clusters", len(b.batches), archives, len(b.batches[0].Clusters))
	}
}

func TestOneSpoilsNobodyElse(t *testing.T) {
	errMemory := errors.New("rendering charts needed more than 768 MiB of memory")
	for _, test := range []struct {
		name   string
		spoil  func(b *bench, a *reconcile.Action)
		want   string
		rounds int
	}{
		{"it breaks the worker", func(b *bench, a *reconcile.Action) {
			b.refuses = func(batch charts.Batch) error {
				if slices.ContainsFunc(batch.Releases, func(r charts.BatchRelease) bool { return r.Name == a.ID.Name }) {
					return errMemory
				}
				return nil
			}
		}, "rendering bad: " + errMemory.Error(), 4},
		{"its chart refuses its values", func(_ *bench, a *reconcile.Action) { a.Want.Release.Values = nil },
			"cemanager.accessURL must be set", 1},
		{"its chart is lost", func(_ *bench, a *reconcile.Action) { a.Want.Release.Chart.Digest = "sha256:lost" },
			"chart workspace-provider: ", 1},
		{"its cluster is not connected", func(_ *bench, a *reconcile.Action) { a.ID.Cluster = "ap" }, "cluster ap is not connected", 1},
		{"its cluster does not say what it can", func(b *bench, a *reconcile.Action) {
			a.ID.Cluster, b.clusters["us"].err = "us", errors.New("no answer")
		}, "cluster us: no answer", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			good, bad, other := b.provider("good", 1), b.provider("bad", 1), b.provider("other", 1)
			test.spoil(b, &bad)
			out := b.Preview(context.Background(), []reconcile.Action{good, bad, other})
			if err := out[bad.ID].Err; err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %s", err, test.want)
			}
			for _, a := range []reconcile.Action{good, other} {
				if out[a.ID].Err != nil || out[a.ID].Diff == "" {
					t.Errorf("%s: %v", a.ID.Name, out[a.ID].Err)
				}
			}
			if len(b.batches) != test.rounds {
				t.Errorf("%d rounds, want %d", len(b.batches), test.rounds)
			}
		})
	}
}

func TestNothingIsRenderedAfterTheEnd(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(context.Background())
	b.refuses = func(charts.Batch) error { cancel(); return ctx.Err() }
	one, two := b.provider("one", 1), b.provider("two", 1)
	out := b.Preview(ctx, []reconcile.Action{one, two})
	if len(b.batches) != 1 || !errors.Is(out[one.ID].Err, context.Canceled) || !errors.Is(out[two.ID].Err, context.Canceled) {
		t.Errorf("%d rounds, %v", len(b.batches), out)
	}
}

func TestWhatIsInForceAndCannotBeReadIsARisk(t *testing.T) {
	b := newBench(t)
	a := b.provider("frankfurt", 1)
	b.clusters["eu"].manifests[a.ID] = "password: [hunter2"
	got := b.preview(a)
	if want := []string{"not shown: what is in force cannot be read"}; got.Err != nil || got.Diff != "" || !slices.Equal(got.Risks, want) {
		t.Errorf("%+v", got)
	}
}

// What only the cluster can tell is asked with what changes, and where nothing is known of that, with nothing.
func TestTheClusterIsAskedBeforehand(t *testing.T) {
	b := newBench(t)
	next := b.provider("frankfurt", 2)
	b.install(next, b.provider("frankfurt", 1).Want.Release.Values)
	eu := b.clusters["eu"]
	eu.refuses = []string{"missing permission: patch deployments.apps in namespace coder"}
	if got := b.preview(next); !slices.Equal(got.Risks, eu.refuses) {
		t.Errorf("risks %q", got.Risks)
	}
	if c := eu.asked; len(c.Adds) != 1 || len(c.Edits) != 1 || len(c.Keeps) != 7 || len(c.Removes) != 0 {
		t.Errorf("asked about %d, %d, %d and %d objects", len(c.Adds), len(c.Edits), len(c.Keeps), len(c.Removes))
	}
	next.Want.Release.References = []reconcile.Reference{{Kind: "Secret", Name: "values", Key: "values.yaml"}}
	b.preview(next)
	if c := eu.asked; len(c.Keeps) != 9 || len(c.Edits) != 0 {
		t.Errorf("asked about %d and %d objects", len(c.Keeps), len(c.Edits))
	}
}

func TestADeletionSaysWhatGoesWithIt(t *testing.T) {
	b := newBench(t)
	a := b.provider("frankfurt", 1)
	b.clusters["eu"].manifests[a.ID] = "apiVersion: v1\nkind: Namespace\nmetadata: {name: extra}\n"
	for name, test := range map[string]struct {
		spoil func(a *reconcile.Action)
		want  string
	}{
		"deleted":             {func(a *reconcile.Action) {}, "removes namespace extra, with everything in it"},
		"held":                {func(a *reconcile.Action) { a.Op, a.Would = reconcile.OpHold, reconcile.OpDelete }, "removes namespace extra, with everything in it"},
		"not there":           {func(a *reconcile.Action) { a.ID.Name = "other" }, ""},
		"its cluster is gone": {func(a *reconcile.Action) { a.ID.Cluster = "ap" }, unreadable},
	} {
		t.Run(name, func(t *testing.T) {
			gone := reconcile.Action{Op: reconcile.OpDelete, ID: a.ID}
			test.spoil(&gone)
			if got := b.preview(gone); got.Err != nil || got.Diff != "" || strings.Join(got.Risks, "\n") != test.want {
				t.Errorf("%+v, want %q", got, test.want)
			}
		})
	}
	if len(b.batches) > 0 {
		t.Error("something was rendered for it")
	}
}
