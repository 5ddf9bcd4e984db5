package preview

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
)

// unreadable is the risk where nobody can say what an action replaces or takes away.
const unreadable = "not shown: what is in force cannot be read"

// finish says what was rendered. A chart may insist on values that only its cluster knows: what it says
// without them is a risk, and no error.
func (p *Previewer) finish(ctx context.Context, e entry, in charts.Capabilities, results []charts.Result) reconcile.Preview {
	refs, res := e.Want.Release.References, results[e.at]
	failed := cmp.Or(res.Error, results[e.twin].Error)
	switch {
	case failed != "" && len(refs) == 0:
		return reconcile.Preview{Err: errors.New(failed)}
	case failed != "":
		return reconcile.Preview{Risks: []string{"not shown: without the values from " + sources(e.Action) + " it says: " + failed}}
	}
	cluster, err := p.Cluster(e.ID.Cluster)
	if err != nil {
		return reconcile.Preview{Err: err}
	}
	manifest, err := cluster.Manifest(ctx, e.ID)
	if err != nil {
		return reconcile.Preview{Err: fmt.Errorf("what is in force of %s: %w", e.ID, err)}
	}
	after := res.Rendered
	if len(refs) == 0 {
		cluster.Rendered(e.Action, in, after)
	} else {
		after.Objects = charts.Blur(res.Objects, results[e.twin].Objects, placeholders(e.Action))
	}
	out, before := compare(e.Action, manifest, after.Objects)
	out.Risks = slices.Concat(res.Risks, out.Risks, charts.Losses(before, after.Objects),
		cluster.Preflight(ctx, e.Action, charts.ChangeOf(before, after)))
	return out
}

// compare says what changes, and returns what is in force as far as that is certain: where it is not,
// everything counts as in force already.
func compare(a reconcile.Action, manifest string, after []charts.Object) (reconcile.Preview, []charts.Object) {
	refs := a.Want.Release.References
	before, err := charts.ReadManifest(manifest, a.ID.Namespace, after...)
	switch {
	case err != nil: // which may quote what nobody should see
		return reconcile.Preview{Risks: []string{unreadable}}, after
	case slices.ContainsFunc(refs, isDocument) && len(before) > 0:
		return reconcile.Preview{Risks: []string{"not shown: values are in " + sources(a)}}, after
	}
	after = spare(before, after, a.Want.Release.Ignore)
	if len(refs) > 0 {
		return reconcile.Preview{Diff: charts.DiffBlind(before, after)}, before
	}
	return reconcile.Preview{Diff: charts.Diff(before, after)}, before
}

// deletes says whether an action, or what it would be, takes a release away.
func deletes(a reconcile.Action) bool {
	return a.Op == reconcile.OpDelete || a.Op == reconcile.OpHold && a.Would == reconcile.OpDelete
}

// removal says what goes with a release. It never has an error: what cannot be foreseen may be removed all
// the same.
func (p *Previewer) removal(ctx context.Context, a reconcile.Action) reconcile.Preview {
	cluster, err := p.Cluster(a.ID.Cluster)
	if err != nil {
		return reconcile.Preview{Risks: []string{unreadable}}
	}
	manifest, err := cluster.Manifest(ctx, a.ID)
	if err != nil {
		return reconcile.Preview{Risks: []string{unreadable}}
	}
	before, err := charts.ReadManifest(manifest, a.ID.Namespace)
	if err != nil {
		return reconcile.Preview{Risks: []string{unreadable}}
	}
	return reconcile.Preview{Risks: charts.Losses(before, nil)}
}
