package kube

import (
	"context"
	"slices"

	"github.com/workspace-providers/reconcile/reconcile"
)

// remember has the record brought up to date when the release has become ready, or its objects were
// compared since it was written. Whoever does not hold the Lease leaves that to the one who does.
func (c *Cluster) remember(key releaseKey, k *known, obs *reconcile.Observed, rec record) {
	if c.fleet.ReadOnly || !c.lease.held() {
		return
	}
	if obs.Health != reconcile.Healthy || len(obs.Drift) > 0 || rec.Revision != obs.Revision {
		return
	}
	if !c.outdated(key, k, obs, rec) {
		return
	}
	if c.noting == nil {
		c.noting = map[releaseKey]bool{}
	}
	c.noting[key] = true
	c.session.jobs.Add(job{key, noteReady})
}

// outdated says whether more is known of a release that is Ready than its record says.
func (c *Cluster) outdated(key releaseKey, k *known, obs *reconcile.Observed, rec record) bool {
	if rec.ReadySince == nil || !rec.ReadySince.Equal(obs.ReadySince) {
		return true
	}
	if !rec.Survived && c.survives(key, rec) {
		return true
	}
	return slices.ContainsFunc(rec.Objects, func(o recorded) bool { return k.marks[o.ref()] != o.Mark })
}

// noteReady writes down since when a release is ready and how its objects were then, so that a restarted
// process need not compare them all.
func (c *Cluster) noteReady(ctx context.Context, s *session, key releaseKey) error {
	c.mu.Lock()
	rec, ready := c.readyRecord(s, key)
	c.mu.Unlock()
	if !ready {
		return nil
	}
	return s.writeRecord(ctx, key, rec)
}

// readyRecord is what is to be written down of a release that is Ready.
func (c *Cluster) readyRecord(s *session, key releaseKey) (rec record, ready bool) {
	rec, _ = s.record(key)
	k, obs := c.known[key], c.releases[c.id(key)]
	if k == nil || obs.Health != reconcile.Healthy || len(obs.Drift) > 0 || !c.lease.held() || rec.Revision != k.revision {
		return record{}, false
	}
	rec.Survived = rec.Survived || c.survives(key, rec)
	rec.Objects = nil
	for _, ref := range k.objects {
		rec.Objects = append(rec.Objects, recorded{ref.group, ref.kind, ref.namespace, ref.name, k.marks[ref]})
	}
	rec.isReady(obs.ReadySince)
	return rec, true
}

// noted notes that writing the record was tried: whoever waits for that goes on.
func (c *Cluster) noted(key releaseKey) {
	c.mu.Lock()
	delete(c.noting, key)
	c.mu.Unlock()
	c.fleet.wake()
}
