package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// foretoldKey says of what a preview is.
type foretoldKey struct {
	ID       reconcile.ID
	Op       reconcile.Op // with Would
	Digest   string
	Revision int
	InForce  int
}

func foretoldOf(a reconcile.Action) foretoldKey {
	op := a.Op
	if op == reconcile.OpHold {
		op = a.Would
	}
	return foretoldKey{a.ID, op, a.Digest, a.Have.Revision, a.Have.InForce}
}

// foretold is a preview as it is told.
type foretold struct {
	Key   foretoldKey
	Diff  string   `json:",omitempty"`
	Risks []string `json:",omitempty"`
	Err   string   `json:",omitempty"`
}

// What is told of actions: so many, and of each so much. A few are kept for the case that somebody comes who does not
// reach their cluster.
const (
	maxForetold = 500
	maxUntold   = 32
	maxDiffTold = 64 << 10
)

// foreteller is a previewer that asks the clusters that are reached from here, and takes from others what they tell of
// those that are not.
type foreteller struct {
	reconcile.Previewer
	hub *hub
}

// Foretelling is a previewer by which replicas tell each other what actions would do in clusters that not all of them
// reach. Where there is nobody else it is the one that was given.
func (f *Fleet) Foretelling(p reconcile.Previewer) reconcile.Previewer {
	if f.hub == nil {
		return p
	}
	return foreteller{p, f.hub}
}

// foretellWait is how long to wait for what somebody else has to say.
const foretellWait = 30 * time.Second

// Preview renders actions in one cluster, or waits until who reaches it has done so, for half a minute. What nobody
// told of is left out.
func (f foreteller) Preview(ctx context.Context, actions []reconcile.Action) map[reconcile.ID]reconcile.Preview {
	if len(actions) == 0 {
		return nil
	}
	cluster := actions[0].ID.Cluster
	live := f.hub.fleet.Real(cluster).Live()
	if live.Via == "" {
		out := f.Previewer.Preview(ctx, actions)
		f.hub.foretell(cluster, actions, out)
		return out
	}
	if !live.Reachable {
		out := map[reconcile.ID]reconcile.Preview{}
		for _, a := range actions {
			out[a.ID] = reconcile.Preview{Err: errors.New(live.Err)}
		}
		return out
	}
	ctx, cancel := context.WithTimeout(ctx, foretellWait)
	defer cancel()
	for {
		out, news := f.hub.foretold(cluster, actions)
		if len(out) == len(actions) {
			return out
		}
		select {
		case <-ctx.Done():
			return out
		case <-news:
		}
	}
}

// foretell has those who do not reach a cluster know what actions would do there.
func (h *hub) foretell(cluster string, actions []reconcile.Action, found map[reconcile.ID]reconcile.Preview) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.draft(cluster)
	for _, a := range actions {
		pre, there := found[a.ID]
		if !there || errors.Is(pre.Err, context.Canceled) {
			continue
		}
		key := foretoldOf(a)
		d.recent = append(slices.DeleteFunc(d.recent, func(k foretoldKey) bool { return k == key }), key)
		d.previews[key] = pre
	}
	keep := maxForetold
	if !d.told {
		keep = maxUntold
	}
	for len(d.recent) > keep {
		delete(d.previews, d.recent[0])
		d.recent = d.recent[1:]
	}
	if d.told {
		d.unsent[tellsPreviews] = true
		h.hasNews()
	}
}

// foretell packs the newest previews of a draft, as many as there is room for.
func foretell(d draft) ([]byte, error) {
	all := make([]foretold, 0, len(d.recent))
	for _, key := range slices.Backward(d.recent) {
		pre := d.previews[key]
		f := foretold{Key: key, Diff: pre.Diff, Risks: pre.Risks}
		if pre.Err != nil {
			f.Err = pre.Err.Error()
		}
		if len(f.Diff) > maxDiffTold {
			f.Diff = head(f.Diff, maxDiffTold) + "\n… the rest is too long to be told from a cluster that is not reached from here\n"
		}
		all = append(all, f)
	}
	for {
		data, err := zipped(all)
		if !errors.Is(err, errMuch) || len(all) == 1 {
			return data, err
		}
		all = all[:len(all)/2]
	}
}

// takePreviews notes what somebody tells of actions in a cluster.
func (h *hub) takePreviews(cluster string, data []byte) error {
	var all []foretold
	if err := unzipped(data, &all); err != nil {
		return err
	}
	previews := make(map[foretoldKey]reconcile.Preview, len(all))
	for _, f := range all {
		pre := reconcile.Preview{Diff: f.Diff, Risks: f.Risks}
		if f.Err != "" {
			pre.Err = fmt.Errorf("%s", f.Err)
		}
		previews[f.Key] = pre
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	o := h.other(cluster)
	o.previews = previews
	close(o.news)
	o.news = make(chan struct{})
	return nil
}

// foretold is what others told of actions in a cluster, and a channel that is closed when they told more.
func (h *hub) foretold(cluster string, actions []reconcile.Action) (map[reconcile.ID]reconcile.Preview, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	o, out := h.other(cluster), map[reconcile.ID]reconcile.Preview{}
	for _, a := range actions {
		if pre, there := o.previews[foretoldOf(a)]; there {
			out[a.ID] = pre
		}
	}
	return out, o.news
}
