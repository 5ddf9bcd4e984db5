package kube

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Cluster is a real cluster: it watches what matters there, tells what it sees, and lets Helm act.
type Cluster struct {
	name   string
	owner  string // name of the deployment
	fleet  *Fleet
	lease  *lease
	Stats  Stats // requests since the start
	reach  reach
	events eventCache

	mu         sync.Mutex                    // guards what follows
	session    *session                      // nil: not connected
	config     *rest.Config                  // what session was begun with
	end        context.CancelFunc            // ends session
	looked     bool                          // everything was seen once
	wanted     *wanted                       // as it was said last; nil: it never was
	items      map[releaseKey]reconcile.Item // what is wanted there
	known      map[releaseKey]*known
	doors      map[string]reconcile.ProviderWant // providers that are guarded there, by name
	recognised reconcile.Recognition             // what is an environment, and whose, as declared
	doorLocks  map[string]*sync.Mutex            // one writer of each guard at a time; taken while mu is not
	heads      headcount
	inside     inside
	urls       map[string]string                 // access URLs that are known, by the hash of each
	unsure     map[releaseKey]bool               // releases of which some environments do not run yet that ran before
	gone       map[goneKey]time.Time             // since when environments that guards know are gone
	noting     map[releaseKey]bool               // whose record is being brought up to date
	hand       map[releaseKey]bool               // what an action is at: what is learned of it meanwhile would be half true
	bare       map[string]reconcile.ProviderWant // providers without release, by name
	proofs     map[subject]proof
	releases   map[reconcile.ID]reconcile.Observed // never edited: replaced
	dirty      map[releaseKey]bool
	allDirty   bool

	quotas map[string]map[string]float64 // how much is used, by namespace and resource; never edited: replaced
	full   map[string]map[string]float64 // likewise, by provider
	ends   map[string]time.Time          // until when our credentials count; never edited: replaced

	trials []trial           // what failed, as it is to be written down
	pools  map[string]string // likewise, by organization: what it may choose from

	acting  atomic.Int64 // actions in hand
	unknown atomic.Bool  // there are no credentials for it

	serverEnds atomic.Int64 // until when the certificate that it showed counts, in Unix time; zero: it showed none
}

var _ reconcile.Cluster = (*Cluster)(nil)

// Live says what is known of the cluster now: what is seen from here or, where it is not reached, what another replica
// tells of it.
func (c *Cluster) Live() reconcile.ClusterLive {
	live, h := c.seen(), c.fleet.hub
	if h == nil {
		return live
	}
	if told, there := h.told(c.name); there && !live.Reachable {
		return told
	}
	h.tell(c.name, live)
	return live
}

// seen is what is seen of the cluster from here.
func (c *Cluster) seen() reconcile.ClusterLive {
	c.mu.Lock()
	defer c.mu.Unlock()
	reachable, why, since := c.reach.state()
	well, _ := c.reach.health()
	live := reconcile.ClusterLive{
		Reachable: reachable, Err: why, Since: since, Well: well, Held: c.lease.free(), Holder: c.lease.holding(),
		Expires: c.expires(),
		Latency: c.Stats.latency.rounded(),
	}
	if c.session == nil { // it may have answered already, and yet nothing is known of what it holds
		live.Reachable, live.Releases = false, c.releases
		return live
	}
	listed := c.session.secrets.HasSynced() && c.session.records.HasSynced() && c.session.doorsListed()
	c.allDirty = c.allDirty || c.reach.returned()
	if reachable && listed {
		c.refresh()
	}
	c.looked = c.looked || c.session.looked() && c.judged() && c.asked()
	live.Looked, live.Releases, live.Version = c.looked, c.releases, c.session.version()
	live.Reachable, live.Noting = reachable && listed, len(c.noting) > 0
	live.Freezes, live.Trials = c.session.freezes(time.Now()), c.session.trials()
	live.URLs = c.inside.live
	live.Counted, live.Environments = c.session.counted(), c.count()
	live.Quotas = c.full
	live.Admissions, live.Unenforceable = c.session.admissions(c.owner), c.session.doors.why
	live.Lacking = c.bareEvidence()
	live.Refs, live.Unlisted = c.refStates()
	return live
}

// touch notes that something happened to a release, or to any, and wakes the loop.
func (c *Cluster) touch(key releaseKey) { c.stir(key, key == releaseKey{}) }

// stir is touch, and says whether it may have to be answered soon: not while an action is at the release, whose work it is.
func (c *Cluster) stir(key releaseKey, soon bool) {
	c.mu.Lock()
	soon = soon && !c.hand[key]
	if key == (releaseKey{}) {
		c.allDirty = true
	} else {
		c.note(key)
	}
	c.mu.Unlock()
	c.fleet.rouse(soon)
}

// note has a release looked at anew.
func (c *Cluster) note(key releaseKey) {
	if c.dirty == nil {
		c.dirty = map[releaseKey]bool{}
	}
	c.dirty[key] = true
}

// heard is told of each request's outcome. It takes no lock of the cluster: whoever made the request may hold one.
func (c *Cluster) heard(err error) {
	why := ""
	if err != nil {
		why = unreachable(c.name, err)
	}
	if c.reach.heard(why, errors.Is(err, errBusy)) {
		c.fleet.rouse(true)
	}
}

// refresh brings the observations up to date with what happened since the last time.
func (c *Cluster) refresh() {
	keys := c.dirty
	if c.allDirty {
		keys = c.allKeys()
	}
	c.dirty, c.allDirty = nil, false
	if len(keys) == 0 {
		return
	}
	next := maps.Clone(c.releases)
	if next == nil {
		next = map[reconcile.ID]reconcile.Observed{}
	}
	for key := range keys {
		id := reconcile.ID{Cluster: c.name, Kind: reconcile.KindRelease, Namespace: key.namespace, Name: key.name}
		if obs, there := c.look(key); there {
			next[id] = obs
		} else {
			delete(next, id)
			delete(c.known, key)
		}
	}
	c.releases = next
}

// allKeys are all releases that are there, wanted, or were there.
func (c *Cluster) allKeys() map[releaseKey]bool {
	out := map[releaseKey]bool{}
	for _, key := range c.session.secrets.GetIndexer().ListIndexFuncValues(byRelease) {
		out[ownerKey(key)] = true
	}
	for id := range c.releases {
		out[releaseKey{id.Namespace, id.Name}] = true
	}
	for key := range c.items {
		out[key] = true
	}
	return out
}

// look observes one release; there is false where there is none, and nobody asked to try again to install it.
func (c *Cluster) look(key releaseKey) (obs reconcile.Observed, there bool) {
	revs := c.session.revisions(key)
	rec, retry := c.session.record(key)
	if len(revs) == 0 {
		return reconcile.Observed{RetryAsked: retry}, retry
	}
	obs = observe(revs)
	obs.RetryAsked, obs.Commit = retry, cmp.Or(obs.Commit, rec.Commit)
	urls := urlsAlso(c.urls, rec)
	obs.AccessURL, obs.FormerURL = urlOf(obs.AccessURL, urls), urlOf(obs.FormerURL, urls)
	if obs.Owner != c.owner {
		return obs, true
	}
	if c.hand[key] {
		return c.meanwhile(key, obs), true
	}
	k := c.knowledge(key, obs, rec)
	obs.Since = k.since
	switch {
	case obs.State == reconcile.Pending && !revs[len(revs)-1].ours():
		c.respect(key, k, &obs, c.timeout(key))
	case obs.State == reconcile.Uninstalling:
		c.respect(key, k, &obs, uninstallTime)
	}
	rec.tell(&obs)
	obs.Past, obs.History = rec.past(revs, urls), rec.steps()
	if k.corrupt != "" {
		obs.State, obs.Failure = reconcile.Corrupt, k.corrupt
	}
	c.judge(key, k, &obs)
	c.hearsay(&obs, rec)
	c.missing(key, &obs, rec)
	c.remember(key, k, obs, rec)
	return obs, true
}

// hearsay has a release count as Ready only when whoever acts there has noted that it is: he waited until he saw what
// he had done, and others' watches may show one object of a new revision before another.
func (c *Cluster) hearsay(obs *reconcile.Observed, rec record) {
	noted := rec.Revision == obs.Revision && rec.ReadySince != nil
	if obs.Health == reconcile.Healthy && len(obs.Drift) == 0 && !noted && !c.fleet.ReadOnly && !c.lease.held() {
		obs.Health, obs.Message = reconcile.Progressing, "whoever acts on the cluster has not noted yet that it is Ready"
	}
}

// ownerKey reads "namespace/name".
func ownerKey(text string) releaseKey {
	namespace, name, err := cache.SplitMetaNamespaceKey(text)
	if err != nil {
		return releaseKey{}
	}
	return releaseKey{namespace, name}
}
