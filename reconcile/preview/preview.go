// Package preview renders what actions would do, before any of them is done: the differences, field by
// field, and the risks. Some of these only the target cluster can tell, which is asked.
//
// Charts and values are somebody else's and can run for ever, so they are rendered in the limited worker,
// many releases in one go. Only what it finished is applied at all, and where nothing depends on the moment or on what only
// the cluster knows, it is applied as it was rendered and shown.
//
// Values that come from a Secret or ConfigMap of the target cluster are not read here. A placeholder stands
// for each, and such a release is rendered twice, with two texts: where the results differ, a value depends
// on what only the cluster knows, and neither it nor what is in force there is shown.
package preview

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
)

// Cluster tells what rendering depends on.
type Cluster interface {
	// Manifest is what the release in force holds, as Helm stored it; empty where there is none.
	Manifest(ctx context.Context, id reconcile.ID) (string, error)

	// Capabilities are what the cluster can do.
	Capabilities() (version string, kinds []string, err error)

	// Rendered is told what the release of an action was rendered to, with what the cluster can do, so that it need
	// not be rendered once more to carry that out.
	Rendered(a reconcile.Action, in charts.Capabilities, out charts.Rendered)

	// Preflight says what the cluster would refuse of an action, or do otherwise than somebody may expect.
	// It changes nothing; what the cluster does not tell is left out.
	Preflight(ctx context.Context, a reconcile.Action, change reconcile.Change) []string
}

// Previewer renders in a worker. All fields are needed.
type Previewer struct {
	Archive func(ctx context.Context, digest string) ([]byte, error)
	Worker  func(ctx context.Context, in []byte) ([]byte, error) // runs charts.RenderJSON
	Cluster func(name string) (Cluster, error)
}

var _ reconcile.Previewer = (*Previewer)(nil)

// Preview renders the actions in one go; of one that deletes it says what goes with it. When the worker gives up on all of them together, each is
// rendered by itself, so that one cannot spoil the others.
func (p *Previewer) Preview(ctx context.Context, actions []reconcile.Action) map[reconcile.ID]reconcile.Preview {
	out := make(map[reconcile.ID]reconcile.Preview, len(actions))
	b := batch{Batch: charts.Batch{Charts: map[string][]byte{}, Clusters: map[string]charts.Capabilities{}}}
	for _, a := range actions {
		if deletes(a) {
			out[a.ID] = p.removal(ctx, a)
		} else if err := p.add(ctx, &b, a); err != nil {
			out[a.ID] = reconcile.Preview{Err: err}
		}
	}
	results, err := p.render(ctx, b.Batch)
	for _, e := range b.entries {
		switch {
		case err == nil:
			out[e.ID] = p.finish(ctx, e, b.Clusters[e.ID.Cluster], results)
		case len(b.entries) > 1 && ctx.Err() == nil:
			out[e.ID] = p.Preview(ctx, []reconcile.Action{e.Action})[e.ID]
		default:
			out[e.ID] = reconcile.Preview{Err: fmt.Errorf("rendering %s: %w", e.ID.Name, err)}
		}
	}
	return out
}

// batch is what the worker is given, and whose it is.
type batch struct {
	charts.Batch
	entries []entry
}

// entry is an action and where in a batch its renderings are.
type entry struct {
	reconcile.Action
	at   int // with placeholders
	twin int // with other texts in their place; at where there are none
}

// add puts one release into a batch.
func (p *Previewer) add(ctx context.Context, b *batch, a reconcile.Action) error {
	rel := a.Want.Release
	if err := p.addChart(ctx, b, rel.Chart); err != nil {
		return err
	}
	if err := p.addCluster(b, a.ID.Cluster); err != nil {
		return err
	}
	one := release(a)
	e := entry{Action: a, at: len(b.Releases), twin: len(b.Releases)}
	b.Releases = append(b.Releases, one)
	if len(rel.References) > 0 {
		e.twin++
		one.Values = filled(a, other)
		b.Releases = append(b.Releases, one)
	}
	b.entries = append(b.entries, e)
	return nil
}

// release is a release of a batch, with placeholders.
func release(a reconcile.Action) charts.BatchRelease {
	return charts.BatchRelease{
		Chart: a.Want.Release.Chart.Digest, Cluster: a.ID.Cluster, Namespace: a.ID.Namespace, Name: a.ID.Name,
		Revision: a.Have.Revision + 1, Upgrade: a.Have.State != reconcile.Absent,
		Values: filled(a, func(placeholder string) string { return placeholder }),
	}
}

// Objects renders what releases would put, hooks included, into a cluster that is not asked. One of which it is not
// known what it should be, or that cannot be rendered, is an error.
func (p *Previewer) Objects(ctx context.Context, items []reconcile.Item) ([]charts.Object, error) {
	b := batch{Batch: charts.Batch{Charts: map[string][]byte{}}}
	for _, it := range items {
		if it.Broken != "" {
			return nil, fmt.Errorf("provider %s: %s", it.Provider, it.Broken)
		}
		if err := p.addChart(ctx, &b, it.Release.Chart); err != nil {
			return nil, err
		}
		b.Releases = append(b.Releases, release(reconcile.Action{ID: it.ID, Want: it}))
	}
	results, err := p.render(ctx, b.Batch)
	if err != nil {
		return nil, err
	}
	var out []charts.Object
	for i, r := range results {
		if r.Error != "" {
			return nil, fmt.Errorf("provider %s: %s", items[i].Provider, r.Error)
		}
		out = append(out, r.Objects...)
		for _, hook := range r.Hooks {
			out = append(out, hook.Object)
		}
	}
	return out, nil
}

func (p *Previewer) addChart(ctx context.Context, b *batch, chart reconcile.Chart) error {
	if _, there := b.Charts[chart.Digest]; there {
		return nil
	}
	archive, err := p.Archive(ctx, chart.Digest)
	if err != nil {
		return fmt.Errorf("chart %s: %w", chart.Name, err)
	}
	b.Charts[chart.Digest] = archive
	return nil
}

func (p *Previewer) addCluster(b *batch, name string) error {
	if _, there := b.Clusters[name]; there {
		return nil
	}
	cluster, err := p.Cluster(name)
	if err != nil {
		return err
	}
	version, kinds, err := cluster.Capabilities()
	if err != nil {
		return fmt.Errorf("cluster %s: %w", name, err)
	}
	b.Clusters[name] = charts.Capabilities{KubeVersion: version, APIVersions: kinds}
	return nil
}

// render has a batch rendered by the worker.
func (p *Previewer) render(ctx context.Context, batch charts.Batch) ([]charts.Result, error) {
	if len(batch.Releases) == 0 {
		return nil, nil
	}
	in, err := json.Marshal(batch)
	if err != nil {
		return nil, err
	}
	raw, err := p.Worker(ctx, in)
	if err != nil {
		return nil, err
	}
	var out charts.BatchResult
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, fmt.Errorf("the worker answered something else: %w", err)
	}
	if len(out.Releases) != len(batch.Releases) {
		return nil, fmt.Errorf("the worker rendered %d of %d releases", len(out.Releases), len(batch.Releases))
	}
	return out.Releases, nil
}
