package reconcile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var errRefused = errors.New("admission webhook denied the request")

// bubble runs a test in a bubble of synctest. It fails when a goroutine is left over.
func bubble(t *testing.T, name string, test func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

// revised is an item with other values.
func revised(it Item, values string) Item {
	it.Release.Values = map[string]any{"v": values}
	it.Seal()
	return it
}

func TestTheLoopBringsEverythingInPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		frankfurt, boston := testItem("eu", "frankfurt"), testItem("us", "boston")
		r := newRig(frankfurt, boston)
		r.start()
		if a := r.action(t, frankfurt.ID); a.Reason != Settling {
			t.Errorf("right after it was applied: %s (%s)", a.Op, a.Reason)
		}
		time.Sleep(2 * time.Second)
		r.want("two", revised(frankfurt, "new"), boston)
		r.edit("us", boston.ID, func(obs *Observed) { obs.Drift = []Drift{{Object: "Deployment/a"}} })
		r.poke()
		time.Sleep(2 * time.Second)
		rep := r.stop()
		for _, a := range rep.Plan.Actions {
			if a.Op != OpKeep || a.Reason != InSync {
				t.Errorf("%s %s (%s) is left", a.Op, a.ID, a.Reason)
			}
		}
		if diff := cmp.Diff([]string{"create frankfurt for one", "update frankfurt for two"}, words(r.begun("eu"))); diff != "" {
			t.Errorf("in eu, -want +got:\n%s", diff)
		}
		if diff := cmp.Diff([]string{"create boston for one", "repair boston for one"}, words(r.begun("us"))); diff != "" {
			t.Errorf("in us, -want +got:\n%s", diff)
		}
	})
}

// words tell what was begun.
func words(deeds []deed) []string {
	out := []string{}
	for _, d := range deeds {
		out = append(out, fmt.Sprintf("%s %s for %s", d.Op, d.ID.Name, d.Commit.SHA))
	}
	return out
}

func TestAFailureIsTriedAgainLaterAndLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(testItem("eu", "frankfurt"))
		r.fleet.clusters["eu"].do = func(context.Context, Action) error { return errRefused }
		r.start()
		time.Sleep(time.Hour)
		r.stop()
		tries := r.begun("eu")
		for i, wait := range []time.Duration{5, 10, 20, 40, 80, 160, 300, 300, 300} {
			wait *= time.Second
			if got := tries[i+1].at.Sub(tries[i].at); got < wait*8/10 || got > wait*12/10+time.Millisecond {
				t.Errorf("wait %d was %v, want %v, a fifth more or less", i+1, got, wait)
			}
		}
	})
}

func TestManyFailuresDoNotComeBackAtOnce(t *testing.T) {
	now, waits := noon(), map[time.Time]bool{}
	for i := range 20 {
		tries := attempts{}
		a := todo(OpCreate, "eu", fmt.Sprint(i))
		tries.failed(a, errRefused, now)
		waits[tries[a.ID].next] = true
	}
	if len(waits) < 15 {
		t.Errorf("%d different waits of 20", len(waits))
	}
}

func TestAFailure(t *testing.T) {
	it := testItem("eu", "frankfurt")
	failing := func() *rig {
		r := newRig(it, testItem("eu", "paris"), testItem("us", "boston"))
		r.fleet.clusters["eu"].do = func(_ context.Context, a Action) error {
			if a.Digest == it.Base {
				return errRefused
			}
			return nil
		}
		return r
	}
	bubble(t, "is reported with what it was about", func(t *testing.T) {
		r := failing()
		r.start()
		rep := r.last(t)
		a := r.action(t, it.ID)
		if rep.Failed[it.ID] != errRefused || len(rep.Failed) != 1 || a.Reason != BackingOff || a.Message != errRefused.Error() {
			t.Errorf("failed %v, %s (%s) %s", rep.Failed, a.Op, a.Reason, a.Message)
		}
		r.stop()
	})
	bubble(t, "stops nobody else", func(t *testing.T) {
		r := failing()
		r.start()
		time.Sleep(2 * time.Second)
		for _, id := range []ID{at("eu", "paris"), at("us", "boston")} {
			if a := r.action(t, id); a.Reason != InSync {
				t.Errorf("%s: %s", id, a.Reason)
			}
		}
		r.stop()
	})
	bubble(t, "of other inputs does not keep new ones waiting", func(t *testing.T) {
		r := failing()
		r.start()
		r.want("two", revised(it, "new"))
		r.poke()
		if a := r.action(t, it.ID); a.Reason != Settling || len(r.last(t).Failed) > 0 {
			t.Errorf("%s (%s), failed %v", a.Op, a.Reason, r.last(t).Failed)
		}
		r.stop()
	})
	bubble(t, "is over when it is in place anyway", func(t *testing.T) {
		r := failing()
		r.start()
		r.edit("eu", it.ID, func(obs *Observed) { *obs = inPlace(it) })
		if a := r.action(t, it.ID); a.Reason != InSync || len(r.last(t).Failed) > 0 {
			t.Errorf("%s (%s), failed %v", a.Op, a.Reason, r.last(t).Failed)
		}
		r.stop()
	})
	bubble(t, "by panic is one like any other", func(t *testing.T) {
		r := failing()
		r.fleet.clusters["eu"].do = func(context.Context, Action) error { panic("nil map") }
		r.start()
		if err := r.last(t).Failed[it.ID]; err == nil || !strings.Contains(err.Error(), "panic: nil map") {
			t.Errorf("failed %v", err)
		}
		r.stop()
	})
	bubble(t, "is tried again when somebody asks, once", func(t *testing.T) {
		r := failing()
		r.start()
		r.edit("eu", it.ID, func(obs *Observed) { obs.RetryAsked = true })
		synctest.Wait()
		if n := len(r.deedsOf(it.ID)); n != 2 {
			t.Errorf("%d tries after the wish, want 2", n)
		}
		r.edit("eu", it.ID, func(obs *Observed) { obs.RetryAsked = false })
		synctest.Wait()
		r.edit("eu", it.ID, func(obs *Observed) { obs.RetryAsked = true })
		if n := len(r.deedsOf(it.ID)); n != 3 {
			t.Errorf("%d tries after the next wish, want 3", n)
		}
		r.stop()
	})
}

func TestARolledBackReleaseIsTriedOnceForOneWish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		it := testItem("eu", "frankfurt")
		r := newRig(it)
		obs := inPlace(it)
		obs.Digest, obs.Attempted, obs.RetryAsked = another, it.Base, true
		r.fleet.clusters["eu"].live.Releases[it.ID] = obs
		r.fleet.clusters["eu"].do = func(_ context.Context, a Action) error { // it works, and is rolled back at once
			time.AfterFunc(time.Millisecond, func() { r.edit("eu", it.ID, func(o *Observed) { *o = obs }) })
			return nil
		}
		r.start()
		time.Sleep(time.Hour)
		if n := len(r.begun("eu")); n != 1 {
			t.Errorf("%d tries", n)
		}
		if a := r.action(t, it.ID); a.Reason != RolledBack {
			t.Errorf("%s (%s)", a.Op, a.Reason)
		}
		r.stop()
	})
}

func TestWhatSomebodyElseOutranIsNoFailure(t *testing.T) {
	for _, err := range []error{ErrFenced, ErrMoved} {
		bubble(t, err.Error(), func(t *testing.T) {
			it := testItem("eu", "frankfurt")
			r := newRig(it)
			r.fleet.clusters["eu"].do = func(context.Context, Action) error { return fmt.Errorf("storing: %w", err) }
			r.start()
			time.Sleep(10 * time.Second)
			if n := len(r.begun("eu")); n < 5 || n > 11 {
				t.Errorf("%d tries in 10 s", n)
			}
			if a := r.action(t, it.ID); a.Op != OpCreate || len(r.last(t).Failed) > 0 {
				t.Errorf("%s (%s), failed %v", a.Op, a.Reason, r.last(t).Failed)
			}
			r.stop()
		})
	}
}

func TestASlowClusterKeepsNobodyWaiting(t *testing.T) {
	it := testItem("us", "boston")
	bubble(t, "in its work", func(t *testing.T) {
		r := newRig(testItem("eu", "frankfurt"), it)
		r.fleet.clusters["eu"].do = func(context.Context, Action) error { time.Sleep(time.Hour); return nil }
		r.start()
		time.Sleep(2 * time.Second)
		if a := r.action(t, it.ID); a.Reason != InSync {
			t.Errorf("%s (%s)", a.Op, a.Reason)
		}
		if a := r.action(t, at("eu", "frankfurt")); a.Reason != IsLocked {
			t.Errorf("%s (%s)", a.Op, a.Reason)
		}
		r.Grace = 2 * time.Hour
		r.stop()
	})
	bubble(t, "in saying what it has", func(t *testing.T) {
		r := newRig(testItem("eu", "frankfurt"))
		r.preview.takes = func(cluster string) time.Duration { return map[string]time.Duration{"eu": time.Hour}[cluster] }
		r.Previewer = r.preview
		r.start()
		r.want("two", testItem("eu", "frankfurt"), it)
		r.poke()
		time.Sleep(2 * time.Second)
		if a := r.action(t, it.ID); a.Reason != InSync {
			t.Errorf("%s (%s)", a.Op, a.Reason)
		}
		r.stop()
	})
}

func TestWorkInHandIsToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		it := testItem("eu", "frankfurt")
		r := newRig(it)
		r.fleet.clusters["eu"].do = func(context.Context, Action) error { time.Sleep(time.Minute); return nil }
		r.start()
		if a := r.action(t, it.ID); a.Reason != IsLocked || r.reported() != 1 {
			t.Errorf("%s (%s) after %d reports", a.Op, a.Reason, r.reported())
		}
		r.stop()
	})
}

func TestANewTargetWaitsForTheWorkInHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		it := testItem("eu", "frankfurt")
		r := newRig(it)
		r.fleet.clusters["eu"].do = func(context.Context, Action) error { time.Sleep(time.Minute); return nil }
		r.start()
		r.want("two", revised(it, "new"))
		r.poke()
		time.Sleep(59 * time.Second)
		if diff := cmp.Diff([]string{"create frankfurt for one"}, words(r.begun("eu"))); diff != "" {
			t.Errorf("meanwhile, -want +got:\n%s", diff)
		}
		time.Sleep(2 * time.Second)
		if diff := cmp.Diff([]string{"create frankfurt for one", "update frankfurt for two"}, words(r.begun("eu"))); diff != "" {
			t.Errorf("afterwards, -want +got:\n%s", diff)
		}
		r.stop()
	})
}

func TestWhenTheEndIsAskedFor(t *testing.T) {
	it, next := testItem("eu", "frankfurt"), testItem("eu", "paris")
	slow := func(takes time.Duration) *rig {
		r := newRig(it, next)
		r.source.target.Want.Clusters["eu"] = ClusterWant{MaxConcurrent: 1}
		r.fleet.clusters["eu"].do = func(ctx context.Context, _ Action) error {
			select {
			case <-time.After(takes):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return r
	}
	bubble(t, "work in hand is finished and told, and nothing is begun", func(t *testing.T) {
		r := slow(30 * time.Second)
		r.start()
		began := time.Now()
		rep := r.stop()
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("it took %v", took)
		}
		if n := len(r.begun("eu")); n != 1 {
			t.Errorf("%d actions were begun", n)
		}
		if got := rep.Live.Clusters["eu"].Releases[it.ID].State; got != Deployed {
			t.Errorf("the last report says %q", got)
		}
	})
	bubble(t, "it waits no longer than Grace", func(t *testing.T) {
		r := slow(time.Hour)
		r.start()
		began := time.Now()
		r.stop()
		if took := time.Since(began); took != time.Minute {
			t.Errorf("it took %v", took)
		}
	})
	bubble(t, "nobody waits for a preview or the source", func(t *testing.T) {
		r := newRig(it)
		r.preview.takes = func(string) time.Duration { return time.Hour }
		r.Previewer, r.source.blocks = r.preview, time.Second
		r.start()
		time.Sleep(2 * time.Second)
		r.source.edit(func(s *memorySource) { s.blocks = time.Hour })
		r.poke()
		began := time.Now()
		r.stop()
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %v", took)
		}
	})
}

func TestReadOnlyChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		it, left := testItem("eu", "frankfurt"), testItem("eu", "paris")
		r := newRig(it)
		r.fleet.clusters["eu"].live.Releases[left.ID] = inPlace(left)
		r.ReadOnly, r.Previewer = true, r.preview
		r.start()
		time.Sleep(time.Hour)
		rep := r.stop()
		if n := len(r.begun("eu")); n > 0 {
			t.Errorf("%d actions were begun", n)
		}
		if s := rep.Plan.Summary(); s[OpCreate] != 1 || s[OpDelete] != 1 {
			t.Errorf("plan %v", s)
		}
		if a := rep.Plan.Actions[0]; a.Diff == "" {
			t.Error("it was not rendered")
		}
	})
}

func TestTheSourceIsLookedAt(t *testing.T) {
	bubble(t, "every Interval, a tenth more or less", func(t *testing.T) {
		r := newRig()
		r.Interval = time.Minute
		r.start()
		time.Sleep(time.Hour)
		r.stop()
		looks := r.source.looked()
		for i, at := range looks[1:] {
			if wait := at.Sub(looks[i]); wait < 54*time.Second || wait > 66*time.Second+time.Millisecond {
				t.Errorf("wait %d was %v", i, wait)
			}
		}
		if n := len(looks); n < 54 {
			t.Errorf("%d looks in an hour", n)
		}
	})
	bubble(t, "when poked, also during a look", func(t *testing.T) {
		r := newRig()
		r.source.blocks = time.Minute
		r.start()
		r.pokes <- struct{}{}
		time.Sleep(90 * time.Second)
		r.stop()
		if n := len(r.source.looked()); n != 2 {
			t.Errorf("%d looks", n)
		}
	})
	bubble(t, "and does not disturb while it cannot be read", func(t *testing.T) {
		it := testItem("eu", "frankfurt")
		r := newRig(it)
		r.start()
		r.source.edit(func(s *memorySource) { s.target.FetchErr = errRefused })
		r.poke()
		r.edit("eu", it.ID, func(obs *Observed) { obs.Drift, obs.Health = []Drift{{Object: "Deployment/a"}}, Healthy })
		synctest.Wait()
		if diff := cmp.Diff([]string{"create frankfurt for one", "repair frankfurt for one"}, words(r.begun("eu"))); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if err := r.last(t).FetchErr; err != errRefused {
			t.Errorf("error %v", err)
		}
		r.stop()
	})
}

func TestBeforeAnythingIsValidNothingHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		it := testItem("eu", "frankfurt")
		r := newRig()
		foreign := inPlace(it)
		foreign.Owner = ""
		r.fleet.clusters["eu"].live.Releases[it.ID] = foreign
		r.source.set(Target{Head: Commit{SHA: "bad"}, HeadErr: errRefused})
		r.start()
		rep := r.stop()
		if rep.HeadErr != errRefused || rep.Head.SHA != "bad" || len(rep.Plan.Actions)+len(rep.Plan.Clusters) > 0 {
			t.Errorf("report %+v", rep)
		}
	})
}

func TestAnIdleLoopIsIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		it, gone := testItem("eu", "frankfurt"), testItem("eu", "paris")
		r := newRig(it)
		r.fleet.clusters["eu"].live.Releases[gone.ID] = inPlace(gone)
		r.start()
		time.Sleep(time.Minute)
		before := r.reported()
		time.Sleep(24 * time.Hour)
		if n := r.reported() - before; n > 26 {
			t.Errorf("%d turns in a day", n)
		}
		r.stop()
	})
}

func TestWhatWentCountsForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two, kept := testItem("eu", "one"), testItem("eu", "two"), testItem("eu", "kept")
		r := newRig(two, kept)
		for _, it := range []Item{one, two, kept} {
			r.fleet.clusters["eu"].live.Releases[it.ID] = inPlace(it)
		}
		r.start()
		r.want("two", kept)
		r.poke()
		if a := r.action(t, two.ID); a.Reason != Guarded {
			t.Errorf("right after the first went: %s (%s)", a.Op, a.Reason)
		}
		time.Sleep(59 * time.Minute)
		if n := len(r.begun("eu")); n != 1 {
			t.Errorf("%d went within the hour", n)
		}
		time.Sleep(2 * time.Minute)
		if n := len(r.begun("eu")); n != 2 {
			t.Errorf("%d went after the hour", n)
		}
		r.stop()
	})
}

func TestWhatAnotherHistoryAppliedStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		it := testItem("eu", "frankfurt")
		r := newRig(testItem("eu", "paris"))
		r.fleet.clusters["eu"].live.Releases[it.ID] = inPlace(it) // applied by 0f0f0f
		r.source.strange = map[string]bool{"0f0f0f": true}
		r.start()
		if a := r.action(t, it.ID); a.Reason != Guarded || !strings.Contains(a.Message, "0f0f0f") {
			t.Errorf("%s (%s) %s", a.Op, a.Reason, a.Message)
		}
		r.source.edit(func(s *memorySource) { s.strange = nil })
		r.want("merged", testItem("eu", "paris"))
		r.poke()
		if a := r.action(t, it.ID); a.Op != "" {
			t.Errorf("after a merge: %s (%s)", a.Op, a.Reason)
		}
		r.stop()
	})
}

func TestTheLoopRemembersOnlyWhatIsThere(t *testing.T) {
	it := testItem("eu", "frankfurt")
	rig := newRig(it)
	r := newRunning(rig.Loop, context.Background())
	r.take(rig.source.target)
	_, plan := r.plan()
	a := plan.Actions[0]
	r.tries.failed(a, errRefused, time.Now())
	r.previews[keyOf(a)] = Preview{Diff: "of what is planned"}
	older := a
	older.Digest = another
	r.previews[keyOf(older)] = Preview{Diff: "of what was planned"}
	r.gone = []Gone{{Commit: "one", At: time.Now()}, {Commit: "older", At: time.Now().Add(-time.Hour)}}
	r.plan()
	if len(r.tries) != 1 || len(r.previews) != 1 || len(r.gone) != 1 {
		t.Errorf("%d tries, %d previews, %d gone", len(r.tries), len(r.previews), len(r.gone))
	}
	rig.want("two")
	r.take(rig.source.target)
	r.plan()
	if len(r.tries) != 0 || len(r.previews) != 0 {
		t.Errorf("%d tries, %d previews of what nobody wants", len(r.tries), len(r.previews))
	}
}
