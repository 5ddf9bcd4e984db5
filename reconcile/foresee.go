package reconcile

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"
)

// previewKey tells what a preview was made for.
type previewKey struct {
	id       ID
	digest   string
	revision int
	inForce  int // that it is compared with: while the newest is being applied, that is the one before
}

func keyOf(a *Action) previewKey { return previewKey{a.ID, a.Digest, a.Have.Revision, a.Have.InForce} }

// previewed is what came of a batch of actions in one cluster.
type previewed struct {
	cluster string
	batch   []Action
	found   map[ID]Preview
}

// errUntold says why it is not known what an action would do.
var errUntold = errors.New("the replica that reaches this cluster has not said yet what this would do there; " +
	"it says so a minute after it saw the pull request")

// previewBatch bounds how many actions are rendered by one worker: the first waits for all of them.
const previewBatch = 64

// renders says whether an action, or what it would be, renders a chart.
func renders(a *Action) bool {
	op := a.Op
	if op == OpHold {
		op = a.Would
	}
	return a.ID.Kind == KindRelease && (op == OpCreate || op == OpUpdate || op == OpAdopt)
}

// foreseen says whether somebody looks what an action would do before it is done: one that renders a
// chart, or deletes what was rendered. Of what cannot be seen now, there is nothing to look at.
func foreseen(a *Action) bool {
	takes := a.Op == OpDelete || a.Op == OpHold && a.Would == OpDelete && a.Reason != Unknown
	return renders(a) || a.ID.Kind == KindRelease && takes
}

// shown says whether an action was rendered, where that comes first.
func (r *running) shown(a *Action) bool {
	_, there := r.previews[keyOf(a)]
	return there || r.Previewer == nil || !foreseen(a)
}

// preview has the next actions of each cluster that were not rendered yet rendered, unless that is under
// way there; what may start before what is held. Clusters do not wait for each other: one may take long to
// say what it has.
func (r *running) preview(ctx context.Context, p Plan, now time.Time) {
	batches, enough := map[string][]Action{}, r.enough(p)
	for _, acts := range []bool{true, false} {
		for a := range p.each() {
			c := a.ID.Cluster
			wanted := a.Acts() == acts && !r.shown(a) && !r.tries.resting(a, now)
			if wanted && !r.previewing[c] && !enough[c] && len(batches[c]) < previewBatch {
				batches[c] = append(batches[c], *a)
			}
		}
	}
	for cluster, batch := range batches {
		r.render(ctx, cluster, batch)
	}
}

// enough are the clusters that are busy and have so much rendered that is about to begin that more can wait: what was
// read for a preview is kept for the action, and cannot be for very many. One in which nothing goes on has never enough,
// since what is not rendered may be what everything else waits for.
func (r *running) enough(p Plan) map[string]bool {
	busy, ahead := map[string]bool{}, map[string]int{}
	for id := range r.hand {
		busy[id.Cluster] = true
	}
	for a := range p.each() {
		if a.Acts() && a.Waits == "" && renders(a) && r.shown(a) {
			ahead[a.ID.Cluster]++
		}
	}
	maps.DeleteFunc(busy, func(name string, _ bool) bool { return ahead[name] < previewBatch })
	return busy
}

// keep remembers what a batch came to. One that cannot be rendered is a failed attempt. What was rendered may begin at
// once.
func (r *running) keep(p previewed) {
	delete(r.previewing, p.cluster)
	r.rested = time.Time{}
	for i := range p.batch {
		a := &p.batch[i]
		pre, there := p.found[a.ID]
		if !there {
			continue // it was not said yet what it would do
		}
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
	for a := range p.each() {
		if pre, there := r.previews[keyOf(a)]; there && foreseen(a) {
			a.Diff, a.Risks = pre.Diff, slices.Concat(a.Risks, pre.Risks)
			used[keyOf(a)] = true
		}
	}
	maps.DeleteFunc(r.previews, func(key previewKey, _ Preview) bool { return !used[key] })
}

// Rehearsal is what actions would do, as far as somebody looked, by what they were decided on.
type Rehearsal map[previewKey]Preview

// rehearsedAtOnce bounds how many actions are rendered in one go: what was not finished when the time was over is begun
// again.
const rehearsedAtOnce = 32

// Rehearse has everything of a plan rendered that its actions would install or take away, and lays that over it. What is
// known from another plan of the same, with the same inputs, is taken from there; what is found is added, and what the
// plan does not need is forgotten. failed are the actions that cannot be carried out as they are; what was not rendered
// before ctx ended is not in it and has no diff.
func (p Plan) Rehearse(ctx context.Context, with Previewer, known Rehearsal) (out Plan, failed map[ID]error) {
	batches, found := map[string][]Action{}, map[ID]Preview{}
	for a := range p.each() {
		pre, there := known[keyOf(a)]
		switch {
		case !foreseen(a):
		case there:
			found[a.ID] = pre
		default:
			batches[a.ID.Cluster] = append(batches[a.ID.Cluster], *a)
		}
	}
	var clusters sync.WaitGroup
	var mu sync.Mutex // guards found
	for _, batch := range batches {
		clusters.Go(func() {
			for part := range slices.Chunk(batch, rehearsedAtOnce) {
				news := with.Preview(ctx, part)
				if ctx.Err() != nil {
					return // some of it may have been given up
				}
				mu.Lock()
				maps.Copy(found, news)
				mu.Unlock()
			}
		})
	}
	clusters.Wait()
	return p.overlaid(found, known)
}

// overlaid is a plan with what its actions would do. What was seen to change something is what is known from now on.
func (p Plan) overlaid(found map[ID]Preview, known Rehearsal) (out Plan, failed map[ID]error) {
	out, failed = p, map[ID]error{}
	out.Actions = slices.Clone(p.Actions)
	clear(known)
	for a := range out.each() {
		pre, there := found[a.ID]
		if !there && foreseen(a) {
			pre.Err = errUntold
		}
		a.Diff, a.Risks = pre.Diff, slices.Concat(a.Risks, pre.Risks)
		switch {
		case pre.Err != nil:
			failed[a.ID] = pre.Err
		case pre.Diff != "":
			known[keyOf(a)] = pre
		}
	}
	return out, failed
}
