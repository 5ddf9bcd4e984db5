package kube

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/workspace-providers/reconcile/reconcile"
)

// remember has the record brought up to date when the release has become ready, its objects were compared since
// it was written, or it is about another revision: it was lost, or whoever made the newest was stopped before he
// wrote it. Who does not hold the Lease leaves that to the one who does.
func (c *Cluster) remember(key releaseKey, k *known, obs reconcile.Observed, rec record) {
	if c.fleet.ReadOnly || !c.lease.held() || obs.Health != reconcile.Healthy || len(obs.Drift) > 0 {
		return
	}
	if k.moved && !k.compared || !c.outdated(key, k, obs, rec) { // else it would be written twice
		return
	}
	if c.noting == nil {
		c.noting = map[releaseKey]bool{}
	}
	c.noting[key] = true
	c.session.jobs.Add(job{key, noteReady})
}

// outdated says whether more is known of a release that is Ready than its record says.
func (c *Cluster) outdated(key releaseKey, k *known, obs reconcile.Observed, rec record) bool {
	switch {
	case rec.Revision != obs.Revision:
		return obs.Digest != "" // else somebody else made it
	case rec.ReadySince == nil || !rec.ReadySince.Equal(obs.ReadySince):
		return true
	case !rec.Survived && (c.survives(obs, rec) || c.pardoned(key, obs)):
		return true
	case !slices.Equal(rec.Ignored, ignored(c.items[key].Release)):
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
	if seen, _ := s.record(key); seen.Revision != rec.Revision {
		if err := s.unrecorded(ctx, key, rec.Revision); err != nil {
			return err
		}
	}
	return s.writeRecord(ctx, key, rec)
}

// unrecorded makes sure that there is no record of a revision: a watch that lags behind does not show one that
// tells more than what would replace it.
func (s *session) unrecorded(ctx context.Context, key releaseKey, revision int) error {
	cm, err := s.kube.CoreV1().ConfigMaps(key.namespace).Get(ctx, recordName(key.name), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("record of %s: %w", key, err)
	}
	if got, _ := parseRecord(cm); got.(*recordObject).Revision == revision {
		return fmt.Errorf("record of %s: %w", key, errChanged)
	}
	return nil
}

// readyRecord is what is to be written down of a release that is Ready.
func (c *Cluster) readyRecord(s *session, key releaseKey) (rec record, ready bool) {
	k, obs := c.known[key], c.releases[c.id(key)]
	if k == nil || c.hand[key] || obs.Health != reconcile.Healthy || len(obs.Drift) > 0 || !c.lease.held() {
		return record{}, false
	}
	if rec, ready = c.currentRecord(s, key, obs); !ready || rec.Revision != k.revision {
		return record{}, false
	}
	rec.Survived = rec.Survived || c.survives(obs, rec)
	rec.Objects, rec.Ignored = nil, ignored(c.items[key].Release)
	for _, ref := range k.objects {
		rec.Objects = append(rec.Objects, recorded{ref.group, ref.kind, ref.namespace, ref.name, k.marks[ref]})
	}
	rec.isReady(obs.ReadySince)
	return rec, true
}

// currentRecord is the record of a release's newest revision, made from its marks where there is none.
func (c *Cluster) currentRecord(s *session, key releaseKey, obs reconcile.Observed) (rec record, ok bool) {
	rec, _ = s.record(key)
	now := running(c.heads.environments[obs.Provider], obs.Organization)
	if rec.Revision == obs.Revision {
		if !rec.Survived && c.pardoned(key, obs) {
			rec.baseline(now)
		}
		return rec, true
	}
	revs := s.revisions(key)
	if len(revs) == 0 || revs[len(revs)-1].number != obs.Revision || !revs[len(revs)-1].ours() {
		return record{}, false
	}
	rec = rec.found(revs[len(revs)-1])
	rec.baseline(now)
	return rec, true
}

// found is the record of a revision that none was written of: what its marks tell. One that went back from what
// failed is no new try, as in the records of rollbacks.
func (r record) found(rev revision) record {
	step := transition{
		At: rev.made, Op: "found", Reason: "not recorded", Revision: rev.number,
		Commit: commitOf(rev.labels[markCommit]), Digest: rev.labels[markDigest],
	}
	if rev.labels[markAttempted] != "" {
		step.Digest, step.Error = "", r.last().Error
	}
	r.Revision, r.Digest, r.Applied = rev.number, rev.labels[markDigest], rev.made
	r.Commit, r.Author = step.Commit, ""
	r.History = append([]transition{step}, r.History...)
	return r
}

// noted notes that writing the record was tried: whoever waits for that goes on.
func (c *Cluster) noted(key releaseKey) {
	c.mu.Lock()
	delete(c.noting, key)
	c.mu.Unlock()
	c.fleet.wake()
}
