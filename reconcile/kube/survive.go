package kube

import (
	"cmp"
	"context"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/workspace-providers/reconcile/reconcile"
)

// ran is an environment that ran when its release was applied.
type ran struct {
	ID   string `json:"id"`
	Name string `json:"name"` // for people
}

// maxRan bounds how many of them a record holds.
const maxRan = 500

// running are the environments that run in a release's provider, of its organization where it has one.
func running(envs []reconcile.Environment, organization string) (out []ran) {
	for _, e := range envs {
		if e.Running && !e.Prebuilt && (organization == "" || e.Organization == organization) {
			out = append(out, ran{e.ID, e.String()})
		}
	}
	return out
}

// baseline makes these the environments that a release has to leave alone, which it has yet to show.
func (r *record) baseline(envs []ran) {
	r.Ran, r.MoreRan, r.Survived = envs, 0, false
	if len(envs) > maxRan {
		r.Ran, r.MoreRan = envs[:maxRan], len(envs)-maxRan
	}
}

// lost are those of the environments that ran of which nothing is there any more, as people call them. One that
// is stopped is not: its developer may have stopped it.
func (r record) lost(there []reconcile.Environment) (names []string) {
	have := make(map[string]bool, len(there))
	for _, e := range there {
		have[e.ID] = true
	}
	for _, was := range r.Ran {
		if !have[was.ID] {
			names = append(names, was.Name)
		}
	}
	return names
}

// countTime is how long an action waits for environments to be counted that it may take away. Where they
// cannot be listed, it goes on without.
const countTime = 3 * time.Second

// ranBefore are the environments that run before an action.
func (c *Cluster) ranBefore(s *session, a reconcile.Action) []ran {
	if a.Have.Revision > 0 {
		_ = wait.PollUntilContextTimeout(s.ctx, 5*time.Millisecond, countTime, true, func(context.Context) (bool, error) {
			return s.counted(), nil
		})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session != s {
		return nil // what is there now is of the past
	}
	provider := cmp.Or(a.Have.Provider, a.Provider)
	found, there := c.heads.still(provider)
	if !there {
		found = c.count()[provider]
	}
	return running(found, a.Organization)
}

// survives says whether nothing is gone of what ran when a release was applied. Not knowing is a no.
func (c *Cluster) survives(obs reconcile.Observed, rec record) bool {
	lost, known := c.lost(obs, rec)
	return known && len(lost) == 0
}

// lost is what a record says is gone; known is false where that was not counted yet.
func (c *Cluster) lost(obs reconcile.Observed, rec record) (names []string, known bool) {
	there, counted := c.heads.environments[obs.Provider]
	if len(rec.Ran) == 0 {
		return nil, c.session.counted()
	}
	if !counted || !c.heads.complete {
		return nil, false
	}
	return rec.lost(there), true
}

// missing says what a release did not leave alone, until it has shown that it leaves everything, and has it
// looked at again when environments move.
func (c *Cluster) missing(key releaseKey, obs *reconcile.Observed, rec record) {
	if c.unsure == nil {
		c.unsure = map[releaseKey]bool{}
	}
	if delete(c.unsure, key); obs.Survived {
		return
	}
	c.unsure[key] = true
	if rec.Revision == obs.Revision {
		obs.Lost, _ = c.lost(*obs, rec)
	}
}

// pardoned says whether somebody asked to try a release again that is as declared: there is nothing to try but
// whether it leaves alone what is there now.
func (c *Cluster) pardoned(key releaseKey, obs reconcile.Observed) bool {
	it, wanted := c.items[key]
	if !wanted || !obs.RetryAsked || !c.heads.complete {
		return false
	}
	var refs []reconcile.RefState
	for _, ref := range it.Release.References {
		obj, _ := c.session.reference(ref.Kind, key.namespace, ref.Name)
		if obj == nil {
			return false
		}
		refs = append(refs, reconcile.RefState{UID: string(obj.UID), Version: obj.ResourceVersion})
	}
	return obs.Digest == reconcile.Digest(it, refs)
}
