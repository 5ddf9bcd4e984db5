package reconcile

import (
	"fmt"
	"testing"
	"time"
)

// fleetOf is a scene with so many releases of ours, all wanted, each of a provider of its own.
func fleetOf(n int) *scene {
	s := newScene()
	s.wanted, s.have = false, Observed{}
	s.cluster.Releases = map[ID]Observed{}
	s.live.Clusters["eu"] = s.cluster
	for i := range n {
		it := testItem("eu", fmt.Sprintf("p%02d", i))
		s.want.Items = append(s.want.Items, it)
		s.cluster.Releases[it.ID] = inPlace(it)
	}
	return s
}

// drop takes the first n items out of the declarations.
func (s *scene) drop(n int) { s.want.Items = s.want.Items[n:] }

// outcome counts what becomes of deletions.
func (s *scene) outcome() (deleted, guarded int) {
	for _, a := range Decide(s.want, s.live).Actions {
		switch {
		case takes(a.Op):
			deleted++
		case a.Reason == Guarded:
			guarded++
		}
	}
	return deleted, guarded
}

// edit changes every release.
func (s *scene) edit(change func(id ID, obs *Observed)) {
	for id, obs := range s.live.Clusters["eu"].Releases {
		change(id, &obs)
		s.live.Clusters["eu"].Releases[id] = obs
	}
}

func TestTheLimitOnDeletions(t *testing.T) {
	hour := noon().Add(time.Hour)
	for _, test := range []struct {
		name            string
		managed, gone   int
		given           func(s *scene)
		deleted, guards int
	}{
		{"a tenth of many is more than three", 40, 3, nil, 3, 0},
		{"three of many is the most", 40, 4, nil, 0, 4},
		{"a tenth, rounded down", 29, 2, nil, 2, 0},
		{"more than a tenth", 29, 3, nil, 0, 3},
		{"one may always go", 2, 1, nil, 1, 0},
		{"but not two of two", 2, 2, nil, 0, 2},
		{"a limit of nothing still lets one go", 2, 1, func(s *scene) { s.want.Limits = Limits{} }, 1, 0},
		{"declared for so many", 20, 9, func(s *scene) { s.want.Limits = Limits{MaxDelete: 9, MaxDeletePercent: 50} }, 9, 0},
		{"raised", 10, 10, func(s *scene) { s.want.Limits.Raised, s.want.Limits.RaisedUntil = 10, hour }, 10, 0},
		{"raised for fewer", 10, 10, func(s *scene) { s.want.Limits.Raised, s.want.Limits.RaisedUntil = 9, hour }, 0, 10},
		{"raised until now", 10, 10, func(s *scene) { s.want.Limits.Raised, s.want.Limits.RaisedUntil = 10, noon() }, 0, 10},
		{"new declarations are not among the managed", 2, 2, func(s *scene) {
			for i := range 100 {
				s.want.Items = append(s.want.Items, testItem("eu", fmt.Sprintf("new%d", i)))
			}
		}, 0, 2},
		{"what others installed is not among the managed", 22, 2, func(s *scene) {
			s.edit(func(id ID, obs *Observed) {
				if id.Name > "p02" {
					obs.Owner = ""
				}
			})
		}, 0, 2},
		{"what is blocked does not go, and does not count", 10, 2, func(s *scene) {
			s.edit(func(id ID, obs *Observed) {
				if id.Name == "p00" {
					obs.Policy = Block
				}
			})
		}, 1, 0},
		{"what is held by something that ends counts", 10, 2, func(s *scene) {
			s.edit(func(id ID, obs *Observed) {
				if id.Name == "p00" {
					obs.State = Locked
				}
			})
		}, 0, 1},
		{"orphaning counts too", 10, 2, func(s *scene) { s.edit(func(_ ID, obs *Observed) { obs.Policy = Orphan }) }, 0, 2},
		{"releases of one provider and organization count once", 10, 2, func(s *scene) {
			s.edit(func(id ID, obs *Observed) {
				if id.Name < "p02" {
					obs.Provider, obs.Organization = "p00", "red"
				}
			})
		}, 2, 0},
		{"a provider's organizations count each", 10, 2, func(s *scene) {
			s.edit(func(id ID, obs *Observed) {
				if id.Name < "p02" {
					obs.Provider, obs.Organization = "p00", id.Name
				}
			})
		}, 0, 2},
		{"what went within the hour counts", 10, 1, gone("x", "older", time.Minute), 0, 1},
		{"what went before does not", 10, 1, gone("x", "older", time.Hour), 1, 0},
		{"unless it was for the same revision", 10, 1, gone("x", "1a2b3c4d5e6f", 24*time.Hour), 0, 1},
		{"what went is still among the managed", 19, 1, gone("x", "1a2b3c4d5e6f", time.Minute), 1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := fleetOf(test.managed)
			s.drop(test.gone)
			if test.given != nil {
				test.given(s)
			}
			if deleted, guarded := s.outcome(); deleted != test.deleted || guarded != test.guards {
				t.Errorf("%d deleted, %d guarded; want %d and %d", deleted, guarded, test.deleted, test.guards)
			}
		})
	}
}

// gone notes that a release was taken away.
func gone(provider, commit string, ago time.Duration) func(s *scene) {
	return func(s *scene) { s.live.Gone = []Gone{{Provider: provider, Commit: commit, At: noon().Add(-ago)}} }
}

func TestGuardsLetGoWhatIsMeant(t *testing.T) {
	for _, test := range []struct {
		name  string
		goes  bool
		given func(s *scene)
	}{
		{"nothing declared, but removed names it", true, func(s *scene) {
			s.want.Empty, s.want.Removed["frankfurt"] = true, Removal{Policy: Uninstall, Reason: "moved"}
		}},
		{"another history, and a raised limit", true, func(s *scene) {
			s.have.Stray, s.want.Limits.Raised, s.want.Limits.RaisedUntil = true, 1, noon().Add(time.Hour)
		}},
		{"another history, and removed names it", false, func(s *scene) {
			s.have.Stray, s.want.Removed["frankfurt"] = true, Removal{Policy: Uninstall, Reason: "moved"}
		}},
		{"a cluster that does not answer", true, func(s *scene) {
			s.want.Clusters["us"], s.live.Clusters["us"] = ClusterWant{}, ClusterLive{Err: "no such host"}
		}},
		{"a cluster that answers and was not listed yet", false, func(s *scene) {
			s.want.Clusters["us"], s.live.Clusters["us"] = ClusterWant{}, ClusterLive{Reachable: true}
		}},
		{"a cluster of which nothing was heard yet", false, func(s *scene) {
			s.want.Clusters["us"], s.live.Clusters["us"] = ClusterWant{}, ClusterLive{}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene()
			s.orphaned(Uninstall)
			test.given(s)
			if op, _, _ := s.decided(); (op == OpDelete) != test.goes {
				t.Errorf("op %s", op)
			}
		})
	}
}

// guards are the rows for what no single item gives a reason for.
func guards() []row {
	return []row{
		{"a cluster was not looked at yet", OpHold, Unknown, Person, func(s *scene) {
			s.orphaned(Uninstall)
			s.want.Clusters["us"] = ClusterWant{}
		}},
		{"nothing is declared any more, removed does not name it", OpHold, Guarded, Person, func(s *scene) {
			s.orphaned(Uninstall)
			s.want.Empty = true
		}},
		{"it was last changed by a revision not in our history", OpHold, Guarded, Person, func(s *scene) {
			s.orphaned(Uninstall)
			s.have.Stray = true
		}},
		{"more would go than may", OpHold, Guarded, Person, func(s *scene) {
			s.orphaned(Uninstall)
			s.live.Gone = []Gone{{Provider: "paris", At: noon().Add(-time.Minute)}}
		}},
	}
}
