package reconcile

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// law checks something that always holds, in a thousand worlds.
func law(t *testing.T, holds func(t *rapid.T)) {
	t.Helper()
	for range 10 {
		rapid.Check(t, holds)
		if t.Failed() || testing.Short() {
			return
		}
	}
}

// drawn picks one of several values.
func drawn[T any](t *rapid.T, label string, from ...T) T {
	return rapid.SampledFrom(from).Draw(t, label)
}

// often is true most of the time.
func often(t *rapid.T, label string) bool { return rapid.IntRange(0, 9).Draw(t, label) < 8 }

// drawItem is any item that may be declared, of few providers, so that they meet.
func drawItem(t *rapid.T) Item {
	it := testItem(drawn(t, "cluster", "eu", "us"), drawn(t, "provider", "frankfurt", "paris", "boston"))
	it.ID.Name = drawn(t, "name", "a", "b", "c", "d")
	it.Organization = drawn(t, "organization", "", "red")
	it.Wave = rapid.IntRange(0, 2).Draw(t, "wave")
	rel := &it.Release
	rel.Values = map[string]any{"n": rapid.IntRange(0, 2).Draw(t, "value")}
	rel.Adopt = rapid.Bool().Draw(t, "adopt")
	rel.OnFailure = drawn(t, "onFailure", Keep, Rollback)
	rel.Deletion = drawn(t, "policy", Block, Uninstall, Orphan)
	rel.Drift = drawn(t, "drift", DriftRepair, DriftReport)
	if !often(t, "free") {
		it.Suspended = "audit"
	}
	if !often(t, "known") {
		it.Broken = "no such chart"
	}
	if !often(t, "self-contained") {
		rel.References = []Reference{{Kind: "Secret", Name: drawn(t, "secret", "there", "missing")}}
	}
	it.Seal()
	return it
}

// drawObserved is any state that a release may be found in.
func drawObserved(t *rapid.T, it Item, refs map[RefID]RefState) Observed {
	states, _, _ := refStates(it, ClusterLive{Refs: refs})
	digests := []string{Digest(it, states), "other", ""}
	obs := Observed{
		Owner: drawn(t, "owner", "acme", "acme", "acme", "", "other"), Manager: drawn(t, "manager", "", "", "", "Flux"),
		Provider: drawn(t, "of provider", it.Provider, it.Provider, "paris"), Organization: it.Organization,
		Digest: drawn(t, "digest", digests...), Attempted: drawn(t, "attempted", "", "", digests[0], "other"),
		Policy: drawn(t, "recorded", Block, Uninstall, Orphan, ""), Stray: !often(t, "related"),
		State:    drawn(t, "state", Deployed, Deployed, Deployed, Failed, Pending, Uninstalling, Corrupt, Locked),
		Revision: rapid.IntRange(1, 3).Draw(t, "revision"), Health: drawn(t, "health", Healthy, Unhealthy, Progressing, HealthUnknown),
	}
	if !often(t, "as applied") {
		obs.Drift = []Drift{{Object: "Deployment/a", Field: "/spec/replicas", Message: "3, declared 2", Contested: !often(t, "undisputed")}}
	}
	if rapid.Bool().Draw(t, "was ready") {
		obs.ReadySince = noon().Add(-time.Hour)
	}
	if !often(t, "untried") {
		obs.Tries, obs.Tried, obs.RetryAt = 1, digests[0], noon().Add(time.Minute)
	}
	return obs
}

// drawWorld is any declaration and any world that it may meet.
func drawWorld(t *rapid.T) (Desired, Live) {
	want := newScene().want
	want.Clusters = map[string]ClusterWant{"eu": {MaxConcurrent: 2}, "us": {MaxConcurrent: 1}}
	want.Limits = Limits{MaxDelete: rapid.IntRange(0, 4).Draw(t, "max"), MaxDeletePercent: drawn(t, "percent", 10, 50, 100)}
	want.Empty = !often(t, "something")
	for name, c := range want.Clusters {
		c.Rollout = Rollout{
			Revert: rapid.Bool().Draw(t, "revert"), MaxUnavailable: rapid.IntRange(0, 2).Draw(t, "unavailable"),
			Soak: drawn(t, "soak", 0, 0, time.Minute),
		}
		want.Clusters[name], want.Rollout = c, c.Rollout
	}
	live := Live{At: noon(), Clusters: map[string]ClusterLive{}}
	for _, name := range []string{"eu", "us"} {
		c := ClusterLive{Reachable: often(t, "reachable"), Looked: often(t, "looked"), Held: often(t, "held")}
		if !c.Reachable {
			c.Err = drawn(t, "error", "connection refused", "")
		}
		c.Releases, c.Refs = map[ID]Observed{}, map[RefID]RefState{{"coder", "Secret", "there"}: {"1", "7"}}
		live.Clusters[name] = c
	}
	for _, it := range rapid.SliceOfNDistinct(rapid.Custom(drawItem), 0, 6, func(it Item) ID { return it.ID }).Draw(t, "items") {
		if rapid.Bool().Draw(t, "wanted") {
			want.Items = append(want.Items, it)
		}
		if rapid.Bool().Draw(t, "there") {
			c := live.Clusters[it.ID.Cluster]
			c.Releases[it.ID] = drawObserved(t, it, c.Refs)
		}
	}
	for _, provider := range []string{"frankfurt", "paris"} {
		if !often(t, "not removed") {
			policy := drawn(t, "end", Uninstall, Orphan, Policy("forget"))
			want.Removed[provider] = Removal{Policy: policy, Forget: policy == "forget", Reason: "moved"}
		}
	}
	if !often(t, "nothing went") {
		live.Gone = []Gone{{Provider: drawn(t, "gone", "frankfurt", "rome"), At: noon().Add(-time.Minute)}}
	}
	return want, live
}

// calm makes a world one in which everything can be seen and done, and nobody is at anything.
func calm(live Live) {
	for name, c := range live.Clusters {
		c.Reachable, c.Looked, c.Held, c.Err = true, true, true, ""
		for id, obs := range c.Releases {
			obs.Tries = 0
			if obs.State == Locked {
				obs.State = Deployed
			}
			c.Releases[id] = obs
		}
		live.Clusters[name] = c
	}
}

func TestItConverges(t *testing.T) {
	law(t, func(t *rapid.T) {
		want, live := drawWorld(t)
		calm(live)
		for name, c := range want.Clusters { // time stands still
			c.Rollout.Soak = 0
			want.Clusters[name] = c
		}
		releases := len(want.Items)
		for _, c := range live.Clusters {
			releases += len(c.Releases)
		}
		// A release takes three turns at most: it is applied, rolled back, and repaired.
		if most := 3*releases + 1; converge(want, &live, most) == most {
			t.Fatalf("still at work after %d rounds: %v", most, started(Decide(want, live), want, live))
		}
		for _, a := range Decide(want, live).Actions {
			if a.Class == Progress || a.Acts() && len(a.After) == 0 && a.Waits == "" {
				t.Errorf("%s %s (%s) is left", a.Op, a.ID, a.Reason)
			}
		}
	})
}

func TestWhatIsInPlaceIsLeftAlone(t *testing.T) {
	law(t, func(t *rapid.T) {
		want, live := drawWorld(t)
		calm(live)
		converge(want, &live, 100)
		before, hash := fmt.Sprintf("%+v", live), Decide(want, live).Hash()
		if round(want, &live) || fmt.Sprintf("%+v", live) != before || Decide(want, live).Hash() != hash {
			t.Error("the plan of a world in place changes it")
		}
	})
}

func TestAPlanDoesNotDependOnAnyOrder(t *testing.T) {
	law(t, func(t *rapid.T) {
		want, live := drawWorld(t)
		other, items := copyLive(live), rapid.Permutation(want.Items).Draw(t, "order") // maps have another order each time
		one := Decide(want, live)
		want.Items = items
		two := Decide(want, other)
		if diff := cmp.Diff(one, two); diff != "" {
			t.Fatalf("-one +two:\n%s", diff)
		}
		if a, b := bytesOf(t, one), bytesOf(t, two); a != b {
			t.Errorf("%s\n%s", a, b)
		}
		if one.Hash() != two.Hash() {
			t.Error("hashes differ")
		}
	})
}

func bytesOf(t *rapid.T, p Plan) string {
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDecidingWritesNowhere(t *testing.T) {
	law(t, func(t *rapid.T) {
		want, live := drawWorld(t)
		before := fmt.Sprintf("%+v %+v", want, live)
		Ready(Decide(want, live), want, live)
		if after := fmt.Sprintf("%+v %+v", want, live); after != before {
			t.Errorf("before: %s\nafter:  %s", before, after)
		}
	})
}

// TestWhatIsNeverDone holds for every plan in every world.
func TestWhatIsNeverDone(t *testing.T) {
	law(t, func(t *rapid.T) {
		want, live := drawWorld(t)
		want.Narrowed = !often(t, "everything")
		going := map[string]bool{}
		for _, a := range Decide(want, live).Actions {
			c := live.Clusters[a.ID.Cluster]
			what := fmt.Sprintf("%s %s (%s): have %+v", a.Op, a.ID, a.Reason, a.Have)
			switch mine := a.Have.Owner == want.Owner; {
			case !a.Acts():
				continue
			case !c.Reachable:
				t.Errorf("in a cluster that cannot be seen: %s", what)
			case a.Have.State == Locked || a.Have.State == Corrupt:
				t.Errorf("to what is in hand or unknown: %s", what)
			case a.Have.State != Absent && !mine && (a.Op != OpAdopt || a.Have.Owner+a.Have.Manager != "" || !a.Want.Release.Adopt):
				t.Errorf("to what is not ours: %s", what)
			case a.Want.Broken != "" || a.Want.Suspended != "":
				t.Errorf("to what must stay as it is: %s", what)
			}
			if takes(a.Op) {
				going[a.Provider+"/"+a.Organization] = true
				checkDeletion(t, a, want, live)
			}
		}
		if limit := max(1, want.Limits.MaxDelete); len(going) > limit {
			t.Errorf("%d go, %d may", len(going), limit)
		}
	})
}

// checkDeletion says what must be known before anything is taken away.
func checkDeletion(t *rapid.T, a Action, want Desired, live Live) {
	_, named := want.Removed[a.Provider]
	switch {
	case want.Narrowed:
		t.Errorf("%s goes although not everything was looked at", a.ID)
	case want.Empty && !named:
		t.Errorf("%s goes although nothing is declared", a.ID)
	case a.Have.Stray:
		t.Errorf("%s goes although nobody here knew of it", a.ID)
	case !named && a.Have.Policy != Uninstall && a.Have.Policy != Orphan:
		t.Errorf("%s goes although it is blocked", a.ID)
	case slices.ContainsFunc(want.Items, func(it Item) bool { return it.ID == a.ID }):
		t.Errorf("%s goes although it is wanted", a.ID)
	}
	for name, c := range live.Clusters {
		if !c.Looked && (c.Reachable || c.Err == "") {
			t.Errorf("%s goes although %s was not looked at", a.ID, name)
		}
	}
}

func TestWhatNeverStarts(t *testing.T) {
	law(t, func(t *rapid.T) {
		want, live := drawWorld(t)
		p := Decide(want, live)
		busy, left := inHand(live), p.giving()
		deleting := map[string]int{}
		now, next := Ready(p, want, live)
		for i, a := range slices.Concat(now, next) {
			name, most := a.ID.Cluster, want.Clusters[a.ID.Cluster].MaxConcurrent
			if i >= len(now) {
				most *= workerGoesOn
			}
			busy[name]++
			if takes(a.Op) {
				deleting[name]++
			}
			if c := live.Clusters[name]; !c.Held || !c.Reachable || !a.Acts() {
				t.Errorf("%s %s starts", a.Op, a.ID)
			}
			if busy[name] > most || deleting[name] > 1 || deleting[name] > 0 && left[name] > 0 {
				t.Errorf("too much starts in %s: %d in hand, %d deletions, %d to give", name, busy[name], deleting[name], left[name])
			}
			for _, id := range a.After {
				if p.open()[id] {
					t.Errorf("%s starts before %s is in place", a.ID, id)
				}
			}
		}
	})
}

// TestWavesAndLimitsHold: no change starts before the waves before it are Ready, and none that would take down more
// of its wave than may be.
func TestWavesAndLimitsHold(t *testing.T) {
	law(t, func(t *rapid.T) {
		want, live := drawWorld(t)
		p := Decide(want, live)
		down := map[int]int{}
		for _, a := range p.Actions {
			if a.staged() && a.down(live) {
				down[a.Wave]++
			}
		}
		now, next := Ready(p, want, live)
		for _, a := range slices.Concat(now, next) {
			if !a.rolls() {
				continue
			}
			for _, b := range p.Actions {
				if b.staged() && b.Wave < a.Wave && !b.ready() && !a.failed(live) {
					t.Errorf("%s of wave %d starts, and %s of wave %d is %s (%s)", a.ID, a.Wave, b.ID, b.Wave, b.Op, b.Reason)
				}
			}
			if a.down(live) {
				continue
			}
			down[a.Wave]++
			if limit := want.Rollout.MaxUnavailable; limit > 0 && down[a.Wave] > limit {
				t.Errorf("%d of wave %d are down, %d may be", down[a.Wave], a.Wave, limit)
			}
		}
	})
}
