// Package preview renders what actions would do, before any of them is done: the differences, field by
// field, and the risks.
//
// Charts and values are somebody else's and can run for ever, so they are rendered in the limited worker,
// many releases in one go. Only what it finished is applied at all. Values that come from a Secret or
// ConfigMap of the target cluster are not read here: a placeholder stands for each, so that no plan shows
// one.
package preview

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
)

// Cluster tells what rendering depends on.
type Cluster interface {
	// Manifest is what the release in force holds, as Helm stored it; empty where there is none.
	Manifest(ctx context.Context, id reconcile.ID) (string, error)

	// Capabilities are what the cluster can do.
	Capabilities() (version string, kinds []string, err error)
}

// Previewer renders in a worker. All fields are needed.
type Previewer struct {
	Archive func(ctx context.Context, digest string) ([]byte, error)
	Worker  func(ctx context.Context, in []byte) ([]byte, error) // runs charts.RenderJSON
	Cluster func(name string) (Cluster, error)
}

var _ reconcile.Previewer = (*Previewer)(nil)

// Preview renders the actions in one go. When the worker gives up on all of them together, each is
// rendered by itself, so that one cannot spoil the others.
func (p *Previewer) Preview(ctx context.Context, actions []reconcile.Action) map[reconcile.ID]reconcile.Preview {
	out := make(map[reconcile.ID]reconcile.Preview, len(actions))
	batch := charts.Batch{Charts: map[string][]byte{}, Clusters: map[string]charts.Capabilities{}}
	var in []reconcile.Action
	for _, a := range actions {
		if err := p.add(ctx, &batch, a); err != nil {
			out[a.ID] = reconcile.Preview{Err: err}
			continue
		}
		in = append(in, a)
	}
	results, err := p.render(ctx, batch)
	switch {
	case err != nil && len(in) > 1 && ctx.Err() == nil:
		for _, a := range in {
			for id, one := range p.Preview(ctx, []reconcile.Action{a}) {
				out[id] = one
			}
		}
		return out
	case err != nil:
		for _, a := range in {
			out[a.ID] = reconcile.Preview{Err: fmt.Errorf("rendering %s: %w", a.ID.Name, err)}
		}
		return out
	}
	for i, a := range in {
		out[a.ID] = p.finish(ctx, a, results[i])
	}
	return out
}

// add puts one release into a batch.
func (p *Previewer) add(ctx context.Context, batch *charts.Batch, a reconcile.Action) error {
	rel := a.Want.Release
	if _, there := batch.Charts[rel.Chart.Digest]; !there {
		archive, err := p.Archive(ctx, rel.Chart.Digest)
		if err != nil {
			return fmt.Errorf("chart %s: %w", rel.Chart.Name, err)
		}
		batch.Charts[rel.Chart.Digest] = archive
	}
	if _, there := batch.Clusters[a.ID.Cluster]; !there {
		cluster, err := p.Cluster(a.ID.Cluster)
		if err != nil {
			return err
		}
		version, kinds, err := cluster.Capabilities()
		if err != nil {
			return err
		}
		batch.Clusters[a.ID.Cluster] = charts.Capabilities{KubeVersion: version, APIVersions: kinds}
	}
	batch.Releases = append(batch.Releases, charts.BatchRelease{
		Chart: rel.Chart.Digest, Cluster: a.ID.Cluster, Namespace: a.ID.Namespace, Name: a.ID.Name,
		Revision: a.Have.Revision + 1, Upgrade: a.Have.State != reconcile.Absent, Values: placeholders(a.ID, rel),
	})
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

// finish compares what was rendered with what is in force.
func (p *Previewer) finish(ctx context.Context, a reconcile.Action, res charts.Result) reconcile.Preview {
	if res.Error != "" {
		return reconcile.Preview{Err: errors.New(res.Error)}
	}
	out := reconcile.Preview{Risks: res.Risks}
	cluster, err := p.Cluster(a.ID.Cluster)
	if err != nil {
		return reconcile.Preview{Err: err}
	}
	manifest, err := cluster.Manifest(ctx, a.ID)
	if err != nil {
		return reconcile.Preview{Err: err}
	}
	before, err := charts.ReadManifest(manifest, a.ID.Namespace)
	if err != nil {
		out.Diff = "what is in force cannot be compared: " + err.Error()
		return out
	}
	out.Diff = charts.Diff(before, res.Objects)
	return out
}

// placeholders are the values of a release with a placeholder for each that only its cluster knows.
func placeholders(id reconcile.ID, rel reconcile.Release) charts.Values {
	out := rel.Values
	for _, ref := range rel.References {
		if ref.Path != "" {
			text := fmt.Sprintf("(from %s %s/%s)", ref.Kind, id.Namespace, ref.Name)
			out = with(out, strings.Split(ref.Path, "."), text)
		}
	}
	return out
}

// with is a copy of values that has text at a path.
func with(values map[string]any, path []string, text string) map[string]any {
	out := make(map[string]any, len(values)+1)
	for k, v := range values {
		out[k] = v
	}
	if len(path) == 1 {
		out[path[0]] = text
		return out
	}
	below, _ := values[path[0]].(map[string]any) // what is no map there is replaced; Helm would refuse it
	out[path[0]] = with(below, path[1:], text)
	return out
}
