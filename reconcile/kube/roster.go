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
		doors := s.seenDoors(c.owner)
		for provider := range c.dueRosters(s, doors) {
			if c.lags(provider, doors[provider]) && c.writeRoster(s, provider) != nil {
				s.rosterMoved(provider) // the next tick tries again
			}
		}
	}
}

// lags says whether a guard does not know what exists. One that is not in place or not as it was written is put
// right by an action, and has moved then.
func (c *Cluster) lags(provider string, seen doorSeen) bool {
	if seen.live.Mode == reconcile.EnforceOff || seen.live.Digest == "" || len(seen.live.Drift) > 0 {
		return false
	}
	return !maps.Equal(c.roster(provider, seen.guard.Known), seen.guard.Known)
}

// rosterMoved notes that a guard may have to be told which environments exist.
func (s *session) rosterMoved(provider string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.doors.rosters == nil {
		s.doors.rosters = map[string]bool{}
	}
	s.doors.rosters[provider] = true
}

// dueRosters takes the providers whose environments or guards moved since the last time, and those that know
// somebody who is gone for long enough.
func (c *Cluster) dueRosters(s *session, doors map[string]doorSeen) map[string]bool {
	c.mu.Lock()
	for key, since := range c.gone {
		if time.Since(since) < rosterKeep {
			continue
		}
		if _, known := doors[key.provider].guard.Known[key.id]; known {
			s.rosterMoved(key.provider)
		} else {
			delete(c.gone, key)
		}
	}
	c.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	due := s.doors.rosters
	s.doors.rosters = nil
	return due
}

// writeRoster tells one guard which environments exist.
func (c *Cluster) writeRoster(s *session, provider string) error {
	ctx, cancel := context.WithTimeout(s.ctx, requestTimeout)
	defer cancel()
	defer c.lockDoor(provider)()
	w := &doorwork{Cluster: c, session: s}
	w.action.Provider = provider
	w.seen, w.there = s.seenDoors(c.owner)[provider]
	if !w.there {
		return nil
	}
	w.action.Commit.SHA = w.seen.live.Commit
	return w.put(ctx, w.guard(w.seen.live.Admission), w.leaving())
}
