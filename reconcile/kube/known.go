package kube

import (
	"slices"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// known is what we found out about a release beyond what the watches hold.
type known struct {
	revision int                  // that objects and marks are about
	objects  []objectRef          // what the release holds
	marks    map[objectRef]string // as they were when the object was last as declared
	drift    map[objectRef][]reconcile.Drift
	pods     string // why its pods are not ready, in their own words
	newest   int    // revision, which objects and marks are not about while it is pending
	state    reconcile.State
	since    time.Time // when newest and state were first seen
	applied  time.Time // when that revision was made; zero: not known
	corrupt  string
	sound    bool      // its objects are healthy
	moved    bool      // objects are not as they were when they were last compared with what was applied
	compared bool      // they were compared once, or could not be
	ready    time.Time // since when it stays Ready; zero: it is not
	lapsed   time.Time // when it was last seen not to be Ready; zero: it never was
	asking   bool      // its pods are being asked why they are not ready
	unwell   int       // how often in a row they were asked
	asked    bool      // they were asked once
	alarm    bool      // it is looked at again when its timeout is over
}

// meanwhile is a release that an action is at: as well as it was before, as long as it is the same revision.
func (c *Cluster) meanwhile(key releaseKey, obs reconcile.Observed) reconcile.Observed {
	if was := c.releases[c.id(key)]; was.Revision == obs.Revision && was.State == obs.State {
		obs.Health, obs.Message, obs.ReadySince, obs.Since = was.Health, was.Message, was.ReadySince, was.Since
	}
	return obs
}

// knowledge is what we know beyond the watches of the release's newest revision, taken from its record
// where there is one, and asked for where there is not.
func (c *Cluster) knowledge(key releaseKey, obs reconcile.Observed, rec record) *known {
	if c.known == nil {
		c.known = map[releaseKey]*known{}
	}
	k := c.known[key]
	if k == nil {
		k = &known{}
		c.known[key] = k
	}
	if k.state != obs.State || k.newest != obs.Revision {
		k.newest, k.state, k.since, k.alarm = obs.Revision, obs.State, time.Now(), false
	}
	if k.revision == obs.Revision || obs.State == reconcile.Pending {
		return k
	}
	k.revision, k.objects, k.marks, k.drift, k.corrupt = obs.Revision, nil, map[objectRef]string{}, nil, ""
	k.asking, k.unwell = false, 0 // it is asked anew, and soon
	k.ready, k.lapsed = time.Time{}, time.Time{}
	if rec.Revision != obs.Revision {
		c.session.jobs.Add(job{key, readRelease})
		return k
	}
	k.recall(rec)
	if !slices.Equal(rec.Ignored, ignored(c.items[key].Release)) {
		k.marks = map[objectRef]string{} // as for want
	}
	c.session.jobs.Add(job{key, followObjects})
	return k
}

// recall takes over what a record says.
func (k *known) recall(rec record) {
	k.objects, k.applied = []objectRef{}, rec.made()
	for _, o := range rec.Objects {
		k.objects = append(k.objects, o.ref())
		if o.Mark != "" {
			k.marks[o.ref()] = o.Mark
		}
	}
}
