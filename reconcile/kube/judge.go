package kube

import (
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/workspace-providers/reconcile/reconcile"
)

// groupKind is the kind of an object without its version.
func (r objectRef) groupKind() schema.GroupKind {
	return schema.GroupKind{Group: r.group, Kind: r.kind}
}

// defaultTimeout is how long a release may take to become healthy where no declaration says.
const defaultTimeout = 10 * time.Minute

// judge fills in what the objects of a release say: whether they are well, and whether somebody changed
// them.
func (c *Cluster) judge(key releaseKey, k *known, obs *reconcile.Observed) {
	if k.objects == nil || obs.State != reconcile.Deployed {
		return
	}
	obs.Health, k.moved = reconcile.Healthy, false
	for _, ref := range k.objects {
		obj, listed := c.session.object(ref)
		switch {
		case !listed:
			obs.Health, obs.Message = worse(obs, reconcile.HealthUnknown, "")
		case obj == nil:
			obs.Health, obs.Message = worse(obs, reconcile.Progressing, ref.String()+" is gone")
			if c.minds(key) {
				obs.Drift = append(obs.Drift, reconcile.Drift{Object: ref.String(), Message: "is gone"})
			}
		default:
			c.judgeObject(key, k, obs, ref, obj)
		}
	}
	c.evidence(key, k, obs)
	c.deadline(key, k, obs)
	k.stay(obs, time.Now())
}

// stay says since when a Ready release stays so. What is written down holds unless the release was seen not to be
// Ready after that; what is not written down yet, this process remembers.
func (k *known) stay(obs *reconcile.Observed, now time.Time) {
	switch {
	case obs.Message == notAsked: // which says nothing of how it is
	case obs.Health == reconcile.Progressing || obs.Health == reconcile.Unhealthy:
		k.lapsed, k.ready = now, time.Time{}
	case obs.Health == reconcile.Healthy:
		if obs.ReadySince.After(k.lapsed) {
			k.ready = obs.ReadySince
		}
		if k.ready.IsZero() {
			k.ready = now
		}
		obs.ReadySince = k.ready
	}
}

func (c *Cluster) judgeObject(key releaseKey, k *known, obs *reconcile.Observed, ref objectRef, obj *object) {
	message := obj.message
	if obj.health != reconcile.Healthy {
		message = ref.String() + ": " + obj.message
		if obj.selector != nil && !k.asking {
			k.asking = true
			delay := podsInterval
			if obj.health == reconcile.Progressing { // most of a large rollout is well when its turn comes
				delay = podsAgain(1, c.unwell())
			}
			if !k.asked && time.Since(k.began()) > c.timeout(key) { // it had its time before this process began
				delay = 0
			}
			c.session.jobs.AddAfter(job{key, askPods}, delay)
		}
		if obj.selector != nil && k.pods != "" {
			message = k.pods
		}
	}
	obs.Health, obs.Message = worse(obs, obj.health, message)
	if !c.minds(key) {
		return
	}
	if k.marks[ref] != obj.mark {
		k.moved = true
		c.session.jobs.Add(job{key, compareAll})
		return
	}
	obs.Drift = append(obs.Drift, k.drift[ref]...)
}

// minds says whether edits by hand of a release matter.
func (c *Cluster) minds(key releaseKey) bool {
	mode := c.items[key].Release.Drift
	return mode == reconcile.DriftRepair || mode == reconcile.DriftReport
}

// judged says whether the health of everything that is ours is known, and whether it was edited.
func (c *Cluster) judged() bool {
	for id, obs := range c.releases {
		key := releaseKey{id.Namespace, id.Name}
		if obs.Owner != c.owner || obs.State != reconcile.Deployed || c.hand[key] {
			continue
		}
		k := c.known[key]
		if obs.Health == reconcile.HealthUnknown || k != nil && k.open(obs.Health) {
			return false
		}
	}
	return !c.allDirty && len(c.dirty) == 0
}

// open says whether something is being found out about a release that decides how it is, or what is said of it.
func (k *known) open(health reconcile.Health) bool {
	return k.moved && !k.compared || k.asking && !k.asked && health == reconcile.Unhealthy
}

// worse is the worse of two healths, with its message.
func worse(obs *reconcile.Observed, health reconcile.Health, message string) (reconcile.Health, string) {
	if badness(health) > badness(obs.Health) {
		return health, message
	}
	return obs.Health, obs.Message
}

func badness(h reconcile.Health) int {
	switch h {
	case reconcile.Healthy:
		return 0
	case reconcile.HealthUnknown:
		return 1
	case reconcile.Progressing:
		return 2
	}
	return 3
}

// deadline turns progress that took longer than the timeout into a failure. A process that has just started
// knows from the record when that began.
func (c *Cluster) deadline(key releaseKey, k *known, obs *reconcile.Observed) {
	if obs.Health != reconcile.Progressing || obs.Message == notAsked {
		return
	}
	if !c.within(key, k, k.began(), c.timeout(key)) {
		obs.Health = reconcile.Unhealthy
	}
}

// began is when the release was made what it is, as far as that is known.
func (k *known) began() time.Time {
	if !k.applied.IsZero() && k.applied.Before(k.since) {
		return k.applied
	}
	return k.since
}

// respect leaves a revision alone that somebody else makes right now, with the stock helm: whoever that is
// holds no Lease, so that only time tells that he is gone.
func (c *Cluster) respect(key releaseKey, k *known, obs *reconcile.Observed, limit time.Duration) {
	if c.within(key, k, k.since, limit) {
		obs.State = reconcile.Locked
	}
}

// uninstallTime is how long an uninstall is left to whoever began it. It may be somebody with the stock
// helm, or a process of ours that was killed: both leave the same behind.
const uninstallTime = 10 * time.Second

// timeout is how long a release may take.
func (c *Cluster) timeout(key releaseKey) time.Duration {
	if timeout := c.items[key].Release.Timeout; timeout > 0 {
		return timeout
	}
	return defaultTimeout
}

// within says whether something began less than a limit ago, and sees to it that the release is looked at again
// when that is over.
func (c *Cluster) within(key releaseKey, k *known, began time.Time, limit time.Duration) bool {
	left := limit - time.Since(began)
	if left > 0 && !k.alarm {
		k.alarm = true
		time.AfterFunc(left, func() {
			c.mu.Lock()
			k.alarm = false
			c.mu.Unlock()
			c.touch(key)
		})
	}
	return left > 0
}

// hasPods are the kinds whose trouble is better told by their pods.
var hasPods = map[schema.GroupKind]bool{
	{Group: "apps", Kind: "Deployment"}: true, {Group: "apps", Kind: "StatefulSet"}: true,
	{Group: "apps", Kind: "DaemonSet"}: true, {Group: "batch", Kind: "Job"}: true,
}
