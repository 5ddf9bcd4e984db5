package reconcile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var errRefused = errors.New("admission webhook denied the request")

func TestAFailureIsTriedAgainLaterAndLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(testItem("eu", "frankfurt"))
		r.fleet.clusters["eu"].do = func(context.Context, Action) error { return errRefused }
		r.start()
		time.Sleep(time.Hour)
		r.stop()
		tries := r.begun("eu")
		if len(tries) < 10 {
			t.Fatalf("%d tries in an hour", len(tries))
		}
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
		tries.failed(&a, errRefused, now)
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
		allQuiet()
		if n := len(r.deedsOf(it.ID)); n != 2 {
			t.Errorf("%d tries after the wish, want 2", n)
		}
		r.edit("eu", it.ID, func(obs *Observed) { obs.RetryAsked = false })
		allQuiet()
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

func TestWhatIsEditedNowAndThenIsRepairedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		it := testItem("eu", "frankfurt")
		r := newRig(it)
		r.fleet.clusters["eu"].live.Releases[it.ID] = inPlace(it)
		r.start()
		for edits := 1; edits < 20; edits++ {
			r.edit("eu", it.ID, func(obs *Observed) { obs.Drift = []Drift{{Object: "Deployment/a"}} })
			time.Sleep(time.Second)
			if n := len(r.begun("eu")); n != edits {
				t.Fatalf("%d repairs of %d edits", n, edits)
			}
			r.edit("eu", it.ID, func(obs *Observed) { *obs = inPlace(it) })
			time.Sleep(quarrelWindow / 2)
		}
		r.stop()
	})
}

// quarrelling is a release in a world where somebody undoes each repair of some fields at once.
func quarrelling(fields ...string) (*rig, Item) {
	it := testItem("eu", "frankfurt")
	r := newRig(it)
	drifted := inPlace(it)
	for _, field := range fields {
		drifted.Drift = append(drifted.Drift, Drift{Object: "Deployment/a", Field: field, By: "other"})
	}
	r.fleet.clusters["eu"].live.Releases[it.ID] = drifted
	r.fleet.clusters["eu"].do = func(context.Context, Action) error {
		time.AfterFunc(time.Millisecond, func() { r.edit("eu", it.ID, func(o *Observed) { *o = drifted }) })
		return nil
	}
	return r, it
}

func TestAFieldThatIsPutBackAgainAndAgainIsContested(t *testing.T) {
	bubble(t, "and held", func(t *testing.T) {
		r, it := quarrelling("/spec/replicas")
		r.start()
		time.Sleep(quarrelWindow - time.Second)
		if n := len(r.begun("eu")); n != quarrelsome {
			t.Errorf("%d repairs in ten minutes", n)
		}
		a := r.action(t, it.ID)
		if a.Reason != Contested || a.Would != OpRepair || !strings.Contains(a.Message, "Deployment/a /spec/replicas") || len(r.last(t).Failed) > 0 {
			t.Errorf("%s (%s) %s, failed %v", a.Op, a.Reason, a.Message, r.last(t).Failed)
		}
		r.stop()
	})
	bubble(t, "which ends by itself, for as many repairs", func(t *testing.T) {
		r, _ := quarrelling("/spec/replicas")
		r.start()
		time.Sleep(time.Hour - time.Second)
		if n := len(r.begun("eu")); n != 6*quarrelsome {
			t.Errorf("%d repairs in an hour", n)
		}
		r.stop()
	})
	bubble(t, "alone", func(t *testing.T) {
		r, it := quarrelling("/spec/replicas")
		r.start()
		time.Sleep(time.Minute)
		r.edit("eu", it.ID, func(obs *Observed) {
			obs.Drift = append(obs.Drift, Drift{Object: "Deployment/a", Field: "/spec/paused", By: "ada"})
		})
		time.Sleep(time.Minute)
		deeds := r.begun("eu")
		if n := len(deeds); n != quarrelsome+1 {
			t.Fatalf("%d repairs", n)
		}
		if last := deeds[len(deeds)-1]; !strings.Contains(last.Message, "/spec/paused") || !last.Have.Drift[0].Contested || last.Have.Drift[1].Contested {
			t.Errorf("the last repair: %s, of %+v", last.Message, last.Have.Drift)
		}
		r.stop()
	})
	bubble(t, "until somebody asks to try again", func(t *testing.T) {
		r, it := quarrelling("/spec/replicas")
		r.start()
		time.Sleep(time.Minute)
		r.edit("eu", it.ID, func(obs *Observed) { obs.RetryAsked = true })
		time.Sleep(time.Minute)
		if n := len(r.begun("eu")); n != 2*quarrelsome {
			t.Errorf("%d repairs", n)
		}
		r.stop()
	})
}

func TestARepairOfAGuardIsNeverContested(t *testing.T) {
	tries, now := attempts{}, noon()
	a := todo(OpRepair, "eu", "frankfurt")
	a.ID.Kind, a.Have.Drift = KindAdmission, []Drift{{Object: "guard"}}
	for range 10 {
		tries.worked(&a, now)
		obs := Observed{Drift: a.Have.Drift}
		if tries.lay(a.ID, &obs, time.Time{}, now); obs.Drift[0].Contested {
			t.Fatal("it is contested")
		}
		now = tries[a.ID].next
	}
	if waited := now.Sub(noon()); waited < time.Minute {
		t.Errorf("ten repairs within %v", waited)
	}
}

// What failed again and again while its cluster did not answer is tried again soon after it does, and what failed for
// a reason of its own waits as long as it has to.
func TestWhatFailedWhileTheClusterWasBusyIsTriedAgainOnceItIsWell(t *testing.T) {
	for _, test := range []struct {
		err  error
		soon bool
	}{{fmt.Errorf("%w: 429", ErrBusy), true}, {errRefused, false}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(testItem("eu", "frankfurt"))
			r.fleet.clusters["eu"].do = func(context.Context, Action) error { return test.err }
			r.start()
			time.Sleep(30 * time.Minute)
			for n := len(r.begun("eu")); len(r.begun("eu")) == n; { // else it might be due by itself just then
				time.Sleep(time.Second)
			}
			well := time.Now()
			r.fleet.clusters["eu"].edit(func(live *ClusterLive) { live.Well = well })
			time.Sleep(firstWait * 13 / 10)
			tries := r.begun("eu")
			last := tries[len(tries)-1].at
			if got := last.After(well); got != test.soon {
				t.Errorf("%v: tried again soon: %v, want %v", test.err, got, test.soon)
			}
			if last.After(well) && last.Sub(well) < firstWait*7/10 {
				t.Errorf("%v: tried again after %v, with many others", test.err, last.Sub(well))
			}
			r.stop()
		})
	}
}
