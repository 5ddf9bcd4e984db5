package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	oldURL = "https://old.example.com"
	newURL = "https://new.example.com"
)

// changed makes the item one that is to get other inputs.
func (s *scene) changed() {
	s.have.Digest = another
	s.have.Past = []Past{{Digest: another, Commit: "0f0f0f", Ready: true, Kept: true}}
}

// beside adds another provider to the scene, in a wave, which is in place unless it is edited.
func (s *scene) beside(name string, wave int, edit func(obs *Observed)) {
	it := testItem("eu", name)
	it.Wave = wave
	s.want.Items = append(s.want.Items, it)
	obs := inPlace(it)
	if edit != nil {
		edit(&obs)
	}
	if s.others == nil {
		s.others = map[ID]Observed{}
	}
	s.others[it.ID] = obs
}

// bound says how changes go out in the scene's cluster, and everywhere.
func (s *scene) bound(r Rollout) {
	c := s.want.Clusters["eu"]
	c.Rollout, s.want.Rollout = r, r
	s.want.Clusters["eu"] = c
}

// never is a window that does not open at noon.
func never() Windows {
	return Windows{{Minutes: 1, Hours: 1 << 3, Days: ^Numbers(0), Months: ^Numbers(0), Weekdays: ^Numbers(0), For: time.Hour}}
}

// moves has the access URL change, with both of them as they should be until the scene says otherwise.
func (s *scene) moves(edit func(from, to *URLLive)) {
	s.changed()
	s.have.AccessURL, s.item.AccessURL = oldURL, newURL
	s.want.AccessURL = AccessURL{URL: newURL, Previous: oldURL}
	from := URLLive{At: noon(), Addresses: []string{"192.0.2.1"}, Status: "200 OK", ID: "one", Version: "2.30.0"}
	to := from
	to.Says = newURL
	if edit != nil {
		edit(&from, &to)
	}
	s.live.URLs = map[string]URLLive{oldURL: from, newURL: to}
}

// second puts the scene's provider into the second wave; the first has not moved either.
func (s *scene) second() {
	s.item.Wave = 1
	s.beside("boston", 0, func(obs *Observed) { obs.Digest, obs.AccessURL = another, oldURL })
	s.want.Items[0].AccessURL = newURL
}

func fails(obs *Observed) {
	obs.Health, obs.Message, obs.ReadySince = Unhealthy, "no image", time.Time{}
}

// rollouts are the rows for what goes out when.
func rollouts() []row {
	return []row{
		{"no window is open", OpHold, Windowed, Declared, func(s *scene) { s.changed(); s.bound(Rollout{Windows: never()}) }},
		{"its chart is too far from the deployment's version", OpHold, Guarded, Person, func(s *scene) {
			s.changed()
			s.item.Skew = "two minor versions"
		}},
		{"the new access URL was not looked at yet", OpHold, Settling, Progress, func(s *scene) {
			s.moves(func(_, to *URLLive) { *to = URLLive{} })
		}},
		{"the new access URL does not resolve", OpHold, URLNotReady, Person, func(s *scene) {
			s.moves(func(_, to *URLLive) { *to = URLLive{At: noon(), Err: "no such host"} })
		}},
		{"the new access URL does not answer", OpHold, URLNotReady, Person, func(s *scene) {
			s.moves(func(_, to *URLLive) { to.Err = "connection refused" })
		}},
		{"another deployment answers at the new access URL", OpHold, URLNotReady, Person, func(s *scene) {
			s.moves(func(_, to *URLLive) { to.ID = "two" })
		}},
		{"the deployment does not use the new access URL yet", OpHold, URLNotReady, Person, func(s *scene) {
			s.moves(func(_, to *URLLive) { to.Says = oldURL })
		}},
		{"the new access URL is not reached from its cluster", OpHold, URLNotReady, Person, func(s *scene) {
			s.moves(nil)
			s.want.AccessURL.Image = "curl"
			s.cluster.URLs = map[string]URLLive{newURL: {At: noon(), Err: "timed out"}}
		}},
		{"the previous access URL is lost, its wave not begun", OpHold, URLNotReady, Person, func(s *scene) {
			s.moves(func(from, _ *URLLive) { from.Err = "connection refused" })
			s.second()
		}},
		{"revert is declared, and something failed", OpHold, Halted, Person, func(s *scene) {
			s.changed()
			s.bound(Rollout{Revert: true})
			s.beside("boston", 0, fails)
		}},
		{"something in an earlier wave failed", OpHold, Halted, Person, func(s *scene) {
			s.changed()
			s.item.Wave = 1
			s.beside("boston", 0, fails)
		}},
		{"as many of its wave have failed as may be down", OpHold, Halted, Person, func(s *scene) {
			s.changed()
			s.bound(Rollout{MaxUnavailable: 1})
			s.beside("boston", 0, fails)
		}},
		{"something in an earlier wave is not Ready yet", OpUpdate, Changed, NoClass, func(s *scene) {
			s.changed()
			s.item.Wave = 1
			s.beside("boston", 0, func(obs *Observed) { obs.Health = Progressing })
		}},
		{"an earlier wave was not Ready for long enough", OpUpdate, Changed, NoClass, func(s *scene) {
			s.changed()
			s.item.Wave = 1
			s.bound(Rollout{Soak: 2 * time.Hour})
			s.beside("boston", 0, nil)
		}},
		{"a window is open, an override counts, or it is no change", OpKeep, InSync, NoClass, func(s *scene) {
			s.bound(Rollout{Windows: never(), Revert: true})
		}},
		{"it is in place, what brought it failed elsewhere", OpRollback, Halted, NoClass, func(s *scene) {
			s.changed()
			s.have.Digest = s.item.Base
			s.bound(Rollout{Revert: true})
			s.beside("boston", 0, fails)
		}},
		{"a previous access URL is needed and not declared", OpHold, URLNotReady, Person, func(s *scene) {
			s.moves(nil)
			s.want.AccessURL.Previous = ""
			s.about = ID{Cluster: "eu", Kind: KindAccessURL, Name: oldURL}
		}},
	}
}

// decide is the action of the scene's item.
func (s *scene) decide(t *testing.T) Action {
	t.Helper()
	for _, a := range s.plan().Actions {
		if a.ID == s.item.ID {
			return a
		}
	}
	t.Fatal("nothing is decided")
	return Action{}
}

// What may go out does: the same as in the table, but for one thing.
func TestWhatMayGoOutGoesOut(t *testing.T) {
	urgent := Override{Reason: "incident", Until: noon().Add(time.Hour)}
	for _, test := range []struct {
		name  string
		given func(s *scene)
	}{
		{"a window is open", func(s *scene) {
			open := never()
			open[0].Hours = 1 << 12
			s.changed()
			s.bound(Rollout{Windows: open})
		}},
		{"outside of windows, with an override", func(s *scene) {
			s.changed()
			s.bound(Rollout{Windows: never(), Override: urgent})
		}},
		{"the URL is ready", func(s *scene) { s.moves(nil) }},
		{"its URL is its own", func(s *scene) {
			s.moves(func(_, to *URLLive) { *to = URLLive{At: noon(), Err: "no such host"} })
			s.item.OwnURL = true
		}},
		{"it has the new URL, and changes otherwise", func(s *scene) {
			s.moves(func(_, to *URLLive) { to.Err = "connection refused" })
			s.have.AccessURL = newURL
		}},
		{"somebody declared that the deployment uses the new URL", func(s *scene) {
			s.moves(func(_, to *URLLive) { to.Says = "" })
			s.want.AccessURL.Confirmed = newURL
		}},
		{"the previous URL is lost, and it is in the first wave", func(s *scene) {
			s.moves(func(from, _ *URLLive) { from.Err = "connection refused" })
		}},
		{"the URL that it goes back from is lost", func(s *scene) {
			s.moves(func(from, _ *URLLive) { from.Err = "connection refused" })
			s.second()
			s.bound(Rollout{Override: Override{}})
			s.have.FormerURL = newURL
			s.item.Wave = 0
		}},
		{"the previous URL is lost, and its wave has begun", func(s *scene) {
			s.moves(func(from, _ *URLLive) { from.Err = "connection refused" })
			s.beside("boston", 0, func(obs *Observed) { obs.AccessURL = newURL })
			s.want.Items[0].AccessURL = newURL
		}},
		{"an earlier wave failed, with an override", func(s *scene) {
			s.changed()
			s.item.Wave = 1
			s.bound(Rollout{Override: urgent, Soak: 2 * time.Hour})
			s.beside("boston", 0, fails)
		}},
		{"what is in an earlier wave and not Ready is suspended", func(s *scene) {
			s.changed()
			s.item.Wave = 1
			s.beside("boston", 0, func(obs *Observed) { obs.Digest = another })
			s.want.Items[0].Suspended = "it moves"
		}},
		{"a later wave failed", func(s *scene) {
			s.changed()
			s.beside("boston", 1, fails)
		}},
		{"it is down itself", func(s *scene) {
			s.changed()
			s.have.Health = Unhealthy
			s.bound(Rollout{MaxUnavailable: 1})
			s.beside("boston", 0, fails)
		}},
		{"the soak time is over", func(s *scene) {
			s.changed()
			s.item.Wave = 1
			s.bound(Rollout{Soak: time.Hour})
			s.beside("boston", 0, nil)
		}},
		{"what failed was Ready for long before", func(s *scene) {
			s.changed()
			s.bound(Rollout{Revert: true, Soak: time.Hour})
			s.beside("boston", 0, func(obs *Observed) { obs.Health = Unhealthy })
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene()
			test.given(s)
			if a := s.decide(t); a.Op != OpUpdate || a.Waits != "" {
				t.Errorf("%s (%s), waits for %q: %s", a.Op, a.Reason, a.Waits, a.Message)
			}
		})
	}
}

// Whoever waits, or is held, is told for what.
func TestWhatWaitsSaysForWhat(t *testing.T) {
	for _, test := range []struct {
		want  string
		due   time.Time
		given func(s *scene)
	}{
		{"the next window opens at 2026-10-10T03:00:00Z", time.Date(2026, 10, 10, 3, 0, 0, 0, time.UTC), func(s *scene) {
			s.changed()
			s.bound(Rollout{Windows: never()})
		}},
		{"wave 0: 1 of 2 are Ready", time.Time{}, func(s *scene) {
			s.changed()
			s.item.Wave = 1
			s.beside("boston", 0, nil)
			s.beside("paris", 0, func(obs *Observed) { obs.Health = Progressing })
		}},
		{"wave 0: all are Ready, and must stay so until 2026-10-09T13:00:00Z", noon().Add(time.Hour), func(s *scene) {
			s.changed()
			s.item.Wave = 1
			s.bound(Rollout{Soak: 2 * time.Hour})
			s.beside("boston", 0, nil)
		}},
		{"eu/boston: no image", time.Time{}, func(s *scene) {
			s.changed()
			s.item.Wave = 1
			s.beside("boston", 0, fails)
		}},
		{"1 of wave 0 may be unavailable, and 1 are: eu/boston: no image", time.Time{}, func(s *scene) {
			s.changed()
			s.bound(Rollout{MaxUnavailable: 1})
			s.beside("boston", 0, fails)
		}},
		{"https://old.example.com does not answer any more, and is used by eu/boston, eu/frankfurt: refused", time.Time{}, func(s *scene) {
			s.moves(func(from, _ *URLLive) { from.Err = "refused" })
			s.second()
		}},
		{"1 of wave 0 may be unavailable, and 1 are: eu/boston: it comes up", time.Time{}, func(s *scene) {
			s.changed()
			s.bound(Rollout{MaxUnavailable: 1})
			s.beside("boston", 0, func(obs *Observed) { obs.Health, obs.Message = Progressing, "it comes up" })
		}},
		{"1 of wave 0 may be unavailable, and 1 are: eu/boston: it comes down", time.Time{}, func(s *scene) { // it went back, and is well
			s.changed()
			s.have.Attempted, s.have.RetryAsked = Digest(s.item, nil), true
			s.bound(Rollout{MaxUnavailable: 1})
			s.beside("boston", 0, func(obs *Observed) { obs.Health, obs.Message = Progressing, "it comes down" })
		}},
		{"1 of wave 0 may be unavailable, and 1 are: eu/boston: Secret coder/token", time.Time{}, func(s *scene) {
			s.changed()
			s.bound(Rollout{MaxUnavailable: 1})
			s.beside("boston", 0, func(obs *Observed) { obs.Health, obs.Digest = Unhealthy, another })
			s.want.Items[0].Release.References = []Reference{{Kind: "Secret", Name: "token"}}
		}},
		{"its environments are being counted", time.Time{}, func(s *scene) { s.moves(nil); s.cluster.Counted = false }},
		{"whoever acts on cluster eu looks at https://new.example.com from inside", time.Time{}, func(s *scene) {
			s.moves(nil)
			s.want.AccessURL.Image, s.cluster.Held = "curl", false
		}},
		{"the deployment says that it uses https://old.example.com", time.Time{}, func(s *scene) {
			s.moves(func(_, to *URLLive) { to.Says = oldURL })
		}},
		{`declare deployment: health: confirmed: "https://new.example.com"`, time.Time{}, func(s *scene) {
			s.moves(func(_, to *URLLive) { to.Says = "" })
		}},
	} {
		t.Run(test.want, func(t *testing.T) {
			s := newScene()
			test.given(s)
			a := s.decide(t)
			if got := a.Message + a.Waits; !strings.Contains(got, test.want) || !a.Due.Equal(test.due) {
				t.Errorf("says %q, due %s", got, a.Due)
			}
		})
	}
}

// What is released at noon in waves of one, and what may be down at a time.
func TestNoMoreThanMayBeDown(t *testing.T) {
	for _, test := range []struct {
		name    string
		all, in int // may be down, over all clusters and in each
		want    []string
	}{
		{"any number", 0, 0, []string{"update eu/a", "update eu/b", "update us/c"}},
		{"two of all", 2, 0, []string{"update eu/a", "update eu/b"}},
		{"one in each cluster", 0, 1, []string{"update eu/a", "update us/c"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			want, live := newScene().want, Live{At: noon(), Clusters: map[string]ClusterLive{}}
			want.Rollout.MaxUnavailable = test.all
			want.Clusters = map[string]ClusterWant{}
			for i, name := range []string{"a", "b", "c"} {
				it := testItem([]string{"eu", "eu", "us"}[i], name)
				c := live.Clusters[it.ID.Cluster]
				c.Reachable, c.Looked, c.Counted, c.Held = true, true, true, true
				if c.Releases == nil {
					c.Releases = map[ID]Observed{}
				}
				obs := inPlace(it)
				obs.Digest = another
				c.Releases[it.ID] = obs
				live.Clusters[it.ID.Cluster] = c
				want.Items = append(want.Items, it)
				want.Clusters[it.ID.Cluster] = ClusterWant{MaxConcurrent: 4, Rollout: Rollout{MaxUnavailable: test.in}}
			}
			if diff := cmp.Diff(test.want, started(Decide(want, live), want, live)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// What is taken back goes to what it was when all was Ready, and not to what failed elsewhere.
func TestWhatIsTakenBackWasGood(t *testing.T) {
	s := newScene()
	s.have.Digest, s.have.Commit = s.item.Base, "three"
	s.have.Past = []Past{
		{Digest: s.item.Base, Commit: "three", Ready: true, Kept: true},
		{Digest: "of two", Commit: "two", Ready: true, Kept: true},
		{Digest: "of one", Commit: "one", Ready: true, Kept: true},
	}
	s.bound(Rollout{Revert: true})
	s.beside("boston", 0, func(obs *Observed) {
		fails(obs)
		obs.Commit = "three"
		obs.Past = []Past{{Digest: obs.Digest, Commit: "three"}, {Digest: "bad", Commit: "two"}, {Digest: "good", Commit: "one", Ready: true, Kept: true}}
	})
	var got []string
	for _, a := range s.plan().Actions {
		got = append(got, fmt.Sprintf("%s %s (%s) to %s", a.Op, a.Provider, a.Reason, a.Back))
	}
	slices.Sort(got)
	want := []string{"rollback boston (failed) to good", "rollback frankfurt (halted) to of one"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The change of the access URL, phase by phase.
func TestPhasesOfTheAccessURL(t *testing.T) {
	moved := func(s *scene) { s.have.Digest, s.have.AccessURL, s.have.Survived = s.item.Base, newURL, true }
	for _, test := range []struct {
		want  Phase
		given func(s *scene)
	}{
		{PhaseResolving, func(s *scene) { s.live.URLs[newURL] = URLLive{At: noon(), Err: "no such host"} }},
		{PhaseAnswering, func(s *scene) {
			s.live.URLs[newURL] = URLLive{At: noon(), Addresses: []string{"192.0.2.1"}, Err: "refused"}
		}},
		{PhaseSwitching, func(s *scene) {
			s.live.URLs[newURL] = URLLive{At: noon(), Addresses: []string{"192.0.2.1"}, Says: oldURL}
		}},
		{PhaseRedeploying, func(*scene) {}},
		{PhaseConfirming, func(s *scene) { moved(s); s.have.Health = Progressing }},
		{PhaseConfirming, func(s *scene) { moved(s); s.have.Lost, s.have.Survived = []string{"dev"}, false }},
		{PhaseConfirming, func(s *scene) { moved(s); s.have.ReadySince = time.Time{} }},
		{PhaseConfirming, func(s *scene) {
			moved(s)
			s.want.Providers = map[string]ProviderWant{"built-in": {
				Cluster: "eu", BuiltIn: true, Ready: ReadyCheck{HTTP: newURL + "/healthz"},
			}}
			s.cluster.Lacking = map[string]string{"built-in": "answers 503"}
		}},
		{PhaseRetirable, moved},
	} {
		t.Run(string(test.want), func(t *testing.T) {
			s := newScene()
			s.moves(nil)
			s.item.Seal()
			test.given(s)
			c := s.plan().URL
			if c == nil || c.Phase != test.want {
				t.Fatalf("%+v", c)
			}
			done := true
			for _, step := range c.Steps[:slices.Index(Phases, test.want)] {
				done = done && step.Done
			}
			if !done || c.Steps[len(c.Steps)-1].Done != (test.want == PhaseRetirable) {
				t.Errorf("steps %+v", c.Steps)
			}
		})
	}
}

// A previous URL that nobody declares is taken from what releases carry, for as long as it is needed.
func TestAPreviousURLIsFoundWhereItIsUsed(t *testing.T) {
	for _, test := range []struct {
		name  string
		want  string // the URL that is changed from; empty: nothing is under way
		given func(s *scene)
	}{
		{"a release still has it", oldURL, func(*scene) {}},
		{"one has left it and is not Ready yet", oldURL, func(s *scene) {
			s.have.Digest, s.have.AccessURL, s.have.FormerURL, s.have.ReadySince = s.item.Base, newURL, oldURL, time.Time{}
		}},
		{"all have left it", "", func(s *scene) {
			s.have.Digest, s.have.AccessURL, s.have.FormerURL, s.have.Survived = s.item.Base, newURL, oldURL, true
		}},
		{"nothing was ever installed", "", func(s *scene) { s.have = Observed{} }},
		{"its inputs have nothing of the URL", "", func(s *scene) { s.have.Digest = s.item.Base }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene()
			s.moves(nil)
			s.want.AccessURL.Previous = ""
			test.given(s)
			switch c := s.plan().URL; {
			case c == nil && test.want != "":
				t.Error("no change is under way")
			case c != nil && (c.From != test.want || !c.Withdrawn):
				t.Errorf("a change from %s, withdrawn %t", c.From, c.Withdrawn)
			}
		})
	}
}

// What a process left half done that is gone is finished when it is what is declared, and goes back when that must
// not go out yet: it never stays pending.
func TestWhatIsLeftPendingIsEnded(t *testing.T) {
	for _, test := range []struct {
		name  string
		op    Op
		given func(s *scene)
	}{
		{"it is what is declared, and no window is open", OpUpdate, func(s *scene) {
			s.have.Begun = s.item.Base
			s.bound(Rollout{Windows: never()})
		}},
		{"it is something else, which may go out", OpUpdate, func(s *scene) { s.have.Begun = "yet another" }},
		{"it is something else, and no window is open", OpRollback, func(s *scene) {
			s.have.Begun = "yet another"
			s.bound(Rollout{Windows: never()})
		}},
		{"going back was begun, and a URL is not ready", OpRollback, func(s *scene) {
			s.moves(func(_, to *URLLive) { to.Err = "connection refused" })
		}},
		{"nothing is there to go back to", OpHold, func(s *scene) {
			s.have.Begun = "yet another"
			s.have.Digest = ""
			s.bound(Rollout{Windows: never()})
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene()
			s.changed()
			test.given(s)
			s.have.State = Pending
			if a := s.decide(t); a.Op != test.op {
				t.Errorf("%s (%s): %s", a.Op, a.Reason, a.Message)
			}
		})
	}
}

// The previous URL is needed for as long as anybody has it, and whoever does not see all cannot say that nobody has.
func TestAURLThatIsUsedMayNotGo(t *testing.T) {
	for _, test := range []struct {
		name  string
		given func(s *scene)
	}{
		{"a release that is not declared any more has it", func(s *scene) {
			s.others = map[ID]Observed{at("eu", "gone"): {Owner: "acme", Provider: "gone", AccessURL: oldURL, State: Deployed}}
		}},
		{"a provider declares it as its own", func(s *scene) {
			s.beside("boston", 0, nil)
			s.want.Items[0].AccessURL, s.want.Items[0].OwnURL = oldURL, true
		}},
		{"only a part is looked at", func(s *scene) { s.want.Narrowed = true }},
		{"the cluster of one cannot be reached", func(s *scene) { s.lose() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene()
			s.moves(nil)
			s.have.Digest, s.have.AccessURL, s.have.Survived = s.item.Base, newURL, true
			test.given(s)
			c := s.plan().URL
			if last := c.Steps[len(c.Steps)-1]; last.Done || strings.Contains(last.Evidence, "nobody needs it") {
				t.Errorf("%+v", last)
			}
		})
	}
}

// What was taken back stays so until it is known that nothing fails any more; one failure that may pass takes
// nothing back.
func TestWhatIsTakenBackStaysSo(t *testing.T) {
	taken := func(s *scene) {
		s.have.Digest = another
		s.have.Past = []Past{{Digest: s.item.Base, Commit: "two", Kept: true}, {Digest: another, Commit: "one", Ready: true, Kept: true}}
		s.bound(Rollout{Revert: true})
	}
	elsewhere := func(s *scene, c ClusterLive) {
		it := testItem("us", "boston")
		s.want.Items = append(s.want.Items, it)
		s.want.Clusters["us"] = s.want.Clusters["eu"]
		s.live.Clusters["us"] = c
	}
	tried := func(n int) func(obs *Observed) {
		return func(obs *Observed) {
			obs.Digest, obs.Tries, obs.Tried, obs.Failure = another, n, testItem("eu", "boston").Base, "no registry"
		}
	}
	for _, test := range []struct {
		name  string
		op    Op
		given func(s *scene)
	}{
		{"the cluster of another was not looked at yet", OpHold, func(s *scene) { taken(s); elsewhere(s, ClusterLive{}) }},
		{"the cluster of another cannot be reached", OpHold, func(s *scene) {
			taken(s)
			elsewhere(s, ClusterLive{Looked: true, Err: "connection refused"})
		}},
		{"another fails for a moment", OpHold, func(s *scene) { taken(s); s.beside("boston", 0, tried(1)) }},
		{"all is well again", OpUpdate, func(s *scene) { taken(s); s.beside("boston", 0, nil) }},
		{"what never was taken back goes on while another fails for a moment", OpUpdate, func(s *scene) {
			s.changed()
			s.bound(Rollout{Revert: true})
			s.beside("boston", 0, tried(1))
		}},
		{"in place, while another fails for a moment", OpKeep, func(s *scene) {
			taken(s)
			s.have.Digest, s.have.Commit = s.item.Base, "1a2b3c4d5e6f"
			s.beside("boston", 0, tried(1))
		}},
		{"in place, when another failed for good", OpRollback, func(s *scene) {
			taken(s)
			s.have.Digest, s.have.Past[0].Commit = s.item.Base, "1a2b3c4d5e6f"
			s.beside("boston", 0, tried(3))
		}},
		{"in place, and only marked by what failed elsewhere", OpKeep, func(s *scene) {
			taken(s)
			s.have.Digest, s.have.Commit, s.have.Past[0].Commit = s.item.Base, "1a2b3c4d5e6f", "zero"
			s.beside("boston", 0, tried(3))
		}},
		{"in place, what it would go back to cannot be reached", OpHold, func(s *scene) {
			taken(s)
			s.have.Digest, s.have.Past[0].Commit, s.have.AccessURL = s.item.Base, "1a2b3c4d5e6f", newURL
			s.have.Past[1].URL = oldURL
			s.live.URLs = map[string]URLLive{oldURL: {At: noon(), Err: "connection refused"}}
			s.beside("boston", 0, tried(3))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene()
			test.given(s)
			if a := s.decide(t); a.Op != test.op {
				t.Errorf("%s (%s): %s", a.Op, a.Reason, a.Message)
			}
		})
	}
}

// A provider that is suspended is left out of the rollout, however it is.
func TestWhatIsSuspendedHaltsNobody(t *testing.T) {
	for name, how := range map[string]func(obs *Observed){"it is not well": fails, "it comes up": func(obs *Observed) { obs.Health = Progressing }} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			s.changed()
			s.item.Wave = 1
			s.beside("boston", 0, how)
			s.want.Items[0].Suspended = "it moves"
			if a := s.decide(t); a.Op != OpUpdate || a.Waits != "" {
				t.Errorf("%s (%s), waits for %q", a.Op, a.Reason, a.Waits)
			}
		})
	}
}
