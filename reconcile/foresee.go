package reconcile

import (
	"context"
	"maps"
	"slices"
	"time"
)

// previewKey tells what a preview was made for.
type previewKey struct {
	id       ID
	digest   string
	revision int
}

func keyOf(a Action) previewKey { return previewKey{a.ID, a.Digest, a.Have.Revision} }

// previewed is what came of a batch of actions in one cluster.
type previewed struct {
	cluster string
	batch   []Action
	found   map[ID]Preview
}

// previewBatch bounds how many actions are rendered by one worker.
const previewBatch = 64

// renders says whether an action, or what it would be, renders a chart.
func renders(a Action) bool {
	op := a.Op
	if op == OpHold {
		op = a.Would
	}
	return a.ID.Kind == KindRelease && (op == OpCreate || op == OpUpdate || op == OpAdopt)
}

// foreseen says whether somebody looks what an action would do before it is done: one that renders a
// chart, or deletes what was rendered. Of what cannot be seen now, there is nothing to look at.
func foreseen(a Action) bool {
	takes := a.Op == OpDelete || a.Op == OpHold && a.Would == OpDelete && a.Reason != Unknown
	return renders(a) || a.ID.Kind == KindRelease && takes
}

// shown says whether an action was rendered, where that comes first.
func (r *running) shown(a Action) bool {
	_, there := r.previews[keyOf(a)]
	return there || r.Previewer == nil || !foreseen(a)
}

// preview has the next actions of each cluster that were not rendered yet rendered, unless that is under
// way there; what may start before what is held. Clusters do not wait for each other: one may take long to
// say what it has.
func (r *running) preview(ctx context.Context, p Plan, now time.Time) {
	batches := map[string][]Action{}
	for _, acts := range []bool{true, false} {
		for _, a := range p.Actions {
			c := a.ID.Cluster
			wanted := a.Acts() == acts && !r.shown(a) && !r.tries.resting(a, now)
			if wanted && !r.previewing[c] && len(batches[c]) < previewBatch {
				batches[c] = append(batches[c], a)
			}
		}
	}
	for cluster, batch := range batches {
		r.render(ctx, cluster, batch)
	}
}

// keep remembers what a batch came to. One that cannot be rendered is a failed attempt.
func (r *running) keep(p previewed) {
	delete(r.previewing, p.cluster)
	for _, a := range p.batch {
		pre := p.found[a.ID]
		if pre.Err != nil {
			r.tries.unrendered(a, pre.Err, time.Now())
			continue
		}
		r.tries.rendered(a)
		r.previews[keyOf(a)] = pre
	}
}

// describe lays the previews that are there over a plan, and forgets those of anything else.
func (r *running) describe(p Plan) {
	used := make(map[previewKey]bool, len(r.previews))
	for i, a := range p.Actions {
		if pre, there := r.previews[keyOf(a)]; there && foreseen(a) {
			p.Actions[i].Diff, p.Actions[i].Risks = pre.Diff, slices.Concat(a.Risks, pre.Risks)
			used[keyOf(a)] = true
		}
	}
	maps.DeleteFunc(r.previews, func(key previewKey, _ Preview) bool { return !used[key] })
}

// Rehearse has everything of a plan rendered that its actions would install or take away, and lays that over it. What
// was rendered for another plan of the same, with the same inputs, is taken from there. failed are the actions that
// cannot be carried out as they are; what was not rendered before ctx ended is not in it and has no diff.
func (p Plan) Rehearse(ctx context.Context, with Previewer, was Plan) (out Plan, failed map[ID]error) {
	known := make(map[previewKey]Action, len(was.Actions))
	for _, a := range was.Actions {
		known[keyOf(a)] = a
	}
	batches, found := map[string][]Action{}, map[ID]Preview{}
	for _, a := range p.Actions {
		before, there := known[keyOf(a)]
		switch {
		case !foreseen(a):
		case there && foreseen(before) && before.Diff != "":
			found[a.ID] = Preview{Diff: before.Diff, Risks: slices.DeleteFunc(slices.Clone(before.Risks), func(risk string) bool {
				return slices.Contains(a.Risks, risk)
			})}
		default:
			batches[a.ID.Cluster] = append(batches[a.ID.Cluster], a)
		}
	}
	for _, batch := range batches {
		for part := range slices.Chunk(batch, previewBatch) {
			if ctx.Err() == nil {
				maps.Copy(found, with.Preview(ctx, part))
			}
		}
	}
	out, failed = p, map[ID]error{}
	out.Actions = slices.Clone(p.Actions)
	for i, a := range out.Actions {
		pre := found[a.ID]
		out.Actions[i].Diff, out.Actions[i].Risks = pre.Diff, slices.Concat(a.Risks, pre.Risks)
		if pre.Err != nil {
			failed[a.ID] = pre.Err
		}
	}
	return out, failed
}
