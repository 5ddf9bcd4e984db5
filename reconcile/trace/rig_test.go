package trace

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
	"github.com/workspace-providers/reconcile/reconcile/source"
	"github.com/workspace-providers/reconcile/reconcile/trace/tracetest"
	"github.com/workspace-providers/reconcile/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a loop over one cluster in memory, traced to a real collector.
type rig struct {
	*testing.T
	*Tracer
	loop      *reconcile.Loop
	source    *source.Source
	declared  *declared
	cluster   *memory
	collector *tracetest.Collector
	log       bytes.Buffer
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, collector: tracetest.New(t)}
	r.Tracer = r.tracer(map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": r.collector.URL})
	r.cluster = &memory{changed: make(chan bool, 1), live: reconcile.ClusterLive{
		Reachable: true, Looked: true, Counted: true, Held: true, Releases: map[reconcile.ID]reconcile.Observed{},
	}}
	r.source = &source.Source{Reader: source.Reader{
		Origin: source.Dir(t.TempDir()), Resolver: everyChart{},
		Evaluate: func(context.Context, fs.FS) (schema.Config, error) { return schema.Config{}, r.declared.invalid },
	}}
	r.declared = &declared{Source: r.source}
	r.loop = &reconcile.Loop{Source: r.declared, Fleet: r.cluster, Previewer: r.cluster, Once: true}
	r.Wrap(r.loop, r.source)
	return r
}

// tracer makes a Tracer that logs to the rig.
func (r *rig) tracer(env map[string]string) *Tracer {
	r.Helper()
	tracer, err := New(Options{
		Env: func(name string) string { return env[name] }, Version: "v1.2.3",
		Log: slog.New(slog.NewTextHandler(&r.log, nil)),
	})
	if err != nil || tracer == nil {
		r.Fatalf("there is no tracer: %v", err)
	}
	return tracer
}

// want puts a revision in force, with releases of these names.
func (r *rig) want(sha string, names ...string) {
	want := reconcile.Desired{
		Owner: "acme", Commit: reconcile.Commit{SHA: sha}, Clusters: map[string]reconcile.ClusterWant{"eu": {MaxConcurrent: 1}},
		Limits: reconcile.Limits{MaxDelete: 3, MaxDeletePercent: 10},
	}
	for _, name := range names {
		it := reconcile.Item{
			ID:       reconcile.ID{Cluster: "eu", Kind: reconcile.KindRelease, Namespace: "coder", Name: name},
			Provider: name, Release: reconcile.Release{Chart: reconcile.Chart{Digest: "sha256:c0ffee"}},
		}
		it.Seal()
		want.Items = append(want.Items, it)
	}
	r.declared.target = reconcile.Target{Head: want.Commit, Commit: want.Commit, Want: want}
}

// spans ends the tracing and returns what arrived, but for what ran longer than the tracer.
func (r *rig) spans() []tracetest.Span {
	r.Close()
	return r.collector.Spans()
}

// declared is a source that does with its parts what a source does.
type declared struct {
	*source.Source
	target  reconcile.Target
	invalid error
	read    string
}

func (d *declared) Latest(ctx context.Context) reconcile.Target {
	d.Fetched(d.target.FetchErr)
	if d.target.FetchErr != nil || ctx.Err() != nil {
		return d.target
	}
	if d.read != d.target.Head.SHA { // what was read is remembered
		d.read = d.target.Head.SHA
		_, d.target.HeadErr = d.Evaluate(ctx, nil)
	}
	_, _ = d.Resolver.Resolve(ctx, charts.Request{Ref: charts.Ref{Name: "envs"}})
	return d.target
}

func (d *declared) Descends(string, string) bool { return true }

// everyChart finds every chart.
type everyChart struct{}

func (everyChart) Resolve(context.Context, charts.Request) (reconcile.Chart, error) {
	return reconcile.Chart{Name: "envs", Version: "1.0.0"}, nil
}

// memory is a fleet of one cluster, which does everything at once, and renders.
type memory struct {
	changed chan bool
	fails   func(reconcile.Action) error // of actions; nil: none does
	spoils  error                        // what is wrong with each preview

	mu   sync.Mutex // guards live
	live reconcile.ClusterLive
}

func (m *memory) Cluster(string) reconcile.Cluster   { return m }
func (m *memory) Use(reconcile.Desired)              {}
func (m *memory) Inside(reconcile.AccessURL, string) {}
func (m *memory) Changed() <-chan bool               { return m.changed }
func (m *memory) Clusters() map[string]reconcile.Cluster {
	return map[string]reconcile.Cluster{"eu": m}
}

func (m *memory) Live() reconcile.ClusterLive {
	m.mu.Lock()
	defer m.mu.Unlock()
	live := m.live
	live.Releases = maps.Clone(live.Releases)
	return live
}

func (m *memory) Note(map[reconcile.ID]reconcile.Trial) {}

func (m *memory) Do(_ context.Context, a reconcile.Action) error {
	if m.fails != nil {
		if err := m.fails(a); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.live.Releases[a.ID] = reconcile.Observed{
		Owner: "acme", Provider: a.Provider, Digest: a.Digest, Commit: a.Commit.SHA, State: reconcile.Deployed,
		Revision: 1, Health: reconcile.Healthy, ReadySince: time.Now(),
	}
	return nil
}

func (m *memory) Preview(_ context.Context, actions []reconcile.Action) map[reconcile.ID]reconcile.Preview {
	out := map[reconcile.ID]reconcile.Preview{}
	for _, a := range actions {
		out[a.ID] = reconcile.Preview{Diff: "+ hunter2", Err: m.spoils}
	}
	return out
}
