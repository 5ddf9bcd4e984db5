package reconcile

import (
	"maps"
	"slices"
)

// effect is what an action makes of its release, in a world where everything works: what it applies comes
// up at the next tick.
func effect(releases map[ID]Observed, a Action, owner string) {
	obs := releases[a.ID]
	switch a.Op {
	case OpCreate, OpUpdate, OpAdopt:
		obs = Observed{
			Owner: owner, Provider: a.Provider, Organization: a.Organization, Digest: a.Digest, Commit: a.Commit.SHA,
			Policy: a.Want.Release.Deletion, State: Deployed, Revision: obs.Revision + 1, Health: Progressing,
			RetryAsked: obs.RetryAsked, // stands beside the release
			AccessURL:  a.Want.AccessURL, FormerURL: obs.AccessURL,
			Past: append([]Past{{Digest: a.Digest, Commit: a.Commit.SHA, URL: a.Want.AccessURL, Kept: true}}, obs.Past...),
		}
	case OpRepair:
		obs.Drift = nil
	case OpRollback:
		obs.State, obs.Digest = Deployed, "of the revision before"
		if a.Reason == HasFailed {
			obs.Attempted = a.Digest
		}
		obs.Revision, obs.Health, obs.Message = obs.Revision+1, Healthy, ""
	case OpDelete:
		delete(releases, a.ID)
		return
	case OpOrphan:
		obs.Owner = ""
	}
	releases[a.ID] = obs
}

// tick lets what was applied come up, and says whether anything did.
func tick(live Live) bool {
	came := false
	for _, c := range live.Clusters {
		for id, obs := range c.Releases {
			if obs.Health == Progressing || obs.Health == HealthUnknown {
				obs.Health, obs.ReadySince, obs.Survived, came = Healthy, live.At, true, true
				if len(obs.Past) > 0 {
					obs.Past = slices.Clone(obs.Past)
					obs.Past[0].Ready = true
				}
				c.Releases[id] = obs
			}
		}
	}
	return came
}

// round does everything that may start now, and says whether anything happened.
func round(want Desired, live *Live) bool {
	ready, _ := Ready(Decide(want, *live), want, *live)
	for _, a := range ready {
		effect(live.Clusters[a.ID.Cluster].Releases, a, want.Owner)
		if takes(a.Op) {
			live.Gone = append(live.Gone, Gone{a.Provider, a.Organization, a.Commit.SHA, live.At})
		}
	}
	return tick(*live) || len(ready) > 0
}

// converge does rounds until nothing happens any more, and counts them; at most so many.
func converge(want Desired, live *Live, most int) int {
	for n := range most {
		if !round(want, live) {
			return n
		}
	}
	return most
}

// copyLive is a snapshot that can be changed without changing the other.
func copyLive(live Live) Live {
	live.Clusters, live.Gone = maps.Clone(live.Clusters), slices.Clone(live.Gone)
	for name, c := range live.Clusters {
		c.Releases = maps.Clone(c.Releases)
		live.Clusters[name] = c
	}
	return live
}
