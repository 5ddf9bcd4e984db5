package kube

import (
	"context"
	"maps"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// How often guards are told which environments exist, and for how long one that is gone is still known: it
// may only be restarting.
const (
	rosterTick = time.Second
	rosterKeep = 10 * time.Minute
)

// roster is what a guard should know to exist: what does, and what did until shortly ago.
func (c *Cluster) roster(provider string, known map[string]string) map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, out := time.Now(), map[string]string{}
	for _, env := range c.heads.environments[provider] {
		out[env.ID] = env.Organization
		delete(c.gone, goneKey{provider, env.ID})
	}
	for id, organization := range known {
		if _, there := out[id]; there {
			continue
		}
		key := goneKey{provider, id}
		since, noted := c.gone[key]
		switch {
		case !noted:
			if c.gone == nil {
				c.gone = map[goneKey]time.Time{}
			}
			c.gone[key] = now
			out[id] = organization
		case now.Sub(since) < rosterKeep:
			out[id] = organization
		default:
			delete(c.gone, key)
		}
	}
	return out
}

// goneKey names an environment that a guard knows and that is not there any more.
type goneKey struct{ provider, id string }

// keepRosters tells guards which environments exist until the session ends.
func (c *Cluster) keepRosters(s *session) {
	tick := time.NewTicker(rosterTick)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		if c.fence() != nil || !s.counted() || !s.doorsListed() {
			continue
		}
		for provider, seen := range s.seenDoors(c.owner) {
			if seen.live.Mode == reconcile.EnforceOff || seen.live.Digest == "" || len(seen.live.Drift) > 0 {
				continue
			}
			if !maps.Equal(c.roster(provider, seen.guard.Known), seen.guard.Known) {
				c.writeRoster(s, provider) // where that fails, the next tick tries again
			}
		}
	}
}

// writeRoster tells one guard which environments exist.
func (c *Cluster) writeRoster(s *session, provider string) {
	ctx, cancel := context.WithTimeout(s.ctx, requestTimeout)
	defer cancel()
	defer c.lockDoor(provider)()
	w := &doorwork{Cluster: c, session: s}
	w.action.Provider = provider
	w.seen, w.there = s.seenDoors(c.owner)[provider]
	if w.there {
		w.action.Commit.SHA = w.seen.live.Commit
		_ = w.put(ctx, w.guard(w.seen.live.Admission), w.leaving())
	}
}
