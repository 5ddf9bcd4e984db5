package reconcile

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

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
		if diff := cmp.Diff([]string{"create boston for one", "repair boston for two"}, words(r.begun("us"))); diff != "" {
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

func TestMuchThatHappensMakesFewSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		it := testItem("eu", "frankfurt")
		r := newRig(it)
		r.fleet.clusters["eu"].live.Releases[it.ID] = inPlace(it)
		r.start()
		before := r.reported()
		for range 1000 {
			r.fleet.wake(true)
			time.Sleep(time.Millisecond)
		}
		if n := r.reported() - before; n < 6 || n > 8 {
			t.Errorf("%d steps in a second", n)
		}
		for busy, most := range map[bool]time.Duration{false: longIdle, true: longWork} {
			if soon, late := rest(time.Hour, busy); soon != longRest || late != most {
				t.Errorf("busy %t it rests for %v, or %v", busy, soon, late)
			}
		}
		r.stop()
	})
}

// What work leaves behind is cleared away when nothing goes on any more, and not all the time.
func TestItIsCalmWhenNothingGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calm atomic.Int32
		it := testItem("eu", "frankfurt")
		r := newRig(it)
		r.Calm = func() { calm.Add(1) }
		r.fleet.clusters["eu"].do = func(context.Context, Action) error { time.Sleep(time.Hour); return nil }
		r.start()
		for range 10 {
			time.Sleep(time.Minute)
			r.poke()
		}
		if n := calm.Load(); n > 0 {
			t.Errorf("calm %d times while there is work in hand", n)
		}
		time.Sleep(time.Hour)
		if n := calm.Load(); n != 1 {
			t.Errorf("calm %d times after it", n)
		}
		r.fleet.clusters["eu"].do = nil
		for i := range 100 { // something is always done, but not without a pause
			r.want(fmt.Sprint(i), revised(it, fmt.Sprint(i)))
			r.poke()
			time.Sleep(2 * time.Second)
		}
		if n := calm.Load(); n < 4 || n > 7 {
			t.Errorf("calm %d times in five minutes", n)
		}
		time.Sleep(time.Hour)
		before := calm.Load()
		for range 100 {
			r.poke()
			time.Sleep(time.Minute)
		}
		if n := calm.Load() - before; n > 0 {
			t.Errorf("calm %d times, and nothing was done", n)
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

// A worker that is free goes on while the loop rests; not before it was looked at what the failure of another means.
func TestAFreeWorkerGoesOn(t *testing.T) {
	for _, test := range []struct {
		name     string
		err      error
		min, max time.Duration
	}{
		{"at once", nil, 10 * time.Millisecond, 10 * time.Millisecond},
		{"after a look, where one failed", errors.New("no"), shortRest, longRest},
	} {
		bubble(t, test.name, func(t *testing.T) {
			next := testItem("eu", "c")
			r := newRig(testItem("eu", "a"), testItem("eu", "b"), next)
			r.source.target.Want.Clusters["eu"] = ClusterWant{MaxConcurrent: 2}
			takes := map[string]time.Duration{"a": 10 * time.Millisecond, "b": time.Minute, "c": time.Minute}
			r.fleet.clusters["eu"].do = func(_ context.Context, a Action) error {
				time.Sleep(takes[a.ID.Name]) // of the bubble: nobody waits for it
				return test.err
			}
			began := time.Now()
			r.start()
			deeds := r.deedsOf(next.ID)
			if len(deeds) != 1 {
				t.Fatalf("begun: %v", words(r.begun("eu")))
			}
			if after := deeds[0].at.Sub(began); after < test.min || after > test.max {
				t.Errorf("the next begins after %v", after)
			}
			r.stop()
		})
	}
}

// ponderous is a reporter that takes its time, as a step does where there is much to look at.
type ponderous struct{ told chan time.Time }

const muchToLookAt = 10 * time.Millisecond

func (p ponderous) Report(Report) {
	time.Sleep(muchToLookAt) // of the bubble
	p.told <- time.Now()
}

// The loop rests the longer the more there is to look at, above all while workers are busy, and hurries where something may
// have to be done.
func TestWhatTheLoopHurriesFor(t *testing.T) {
	a, b, c := testItem("eu", "a"), testItem("eu", "b"), testItem("eu", "c")
	const expected, soon, workers = 80 * muchToLookAt, 40 * muchToLookAt, 240 * muchToLookAt
	for name, test := range map[string]struct {
		happens func(r *rig, ends chan<- error)
		there   []Item // two of them keep the workers busy, another waits for one
		rests   time.Duration
	}{
		"what is to be expected, idle": {func(r *rig, _ chan<- error) { r.fleet.wake(false) }, nil, expected},
		"an edit by hand, idle":        {func(r *rig, _ chan<- error) { r.fleet.wake(true) }, nil, soon},
		"what is to be expected":       {func(r *rig, _ chan<- error) { r.fleet.wake(false) }, []Item{a, b}, workers},
		"an edit by hand":              {func(r *rig, _ chan<- error) { r.fleet.wake(true) }, []Item{a, b}, soon},
		"a worker goes on":             {func(_ *rig, ends chan<- error) { ends <- nil }, []Item{a, b, c}, workers},
		"a worker has nothing next":    {func(_ *rig, ends chan<- error) { ends <- nil }, []Item{a, b}, soon},
		"an action fails":              {func(_ *rig, ends chan<- error) { ends <- errors.New("no") }, []Item{a, b, c}, soon},
	} {
		bubble(t, name, func(t *testing.T) {
			r := newRig(test.there...)
			r.source.target.Want.Clusters["eu"] = ClusterWant{MaxConcurrent: 2}
			reporter, ends := ponderous{make(chan time.Time, 100)}, make(chan error)
			r.Reporters = append(r.Reporters, reporter)
			r.fleet.clusters["eu"].do = func(ctx context.Context, _ Action) error {
				select {
				case err := <-ends:
					return err
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			r.start()
			time.Sleep(time.Minute) // of the bubble: whatever was to be done has begun, and the loop rests
			for len(reporter.told) > 0 {
				<-reporter.told
			}
			r.fleet.wake(true) // a step at once, since the last was long ago
			stepped := <-reporter.told
			test.happens(r, ends)
			if got := (<-reporter.told).Sub(stepped); got != test.rests+muchToLookAt {
				t.Errorf("it rests for %v, want %v", got-muchToLookAt, test.rests)
			}
			r.stop()
		})
	}
}

func TestANewTargetWaitsForTheWorkInHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		it := testItem("eu", "frankfurt")
		r := newRig(it)
		r.fleet.clusters["eu"].do = func(context.Context, Action) error { time.Sleep(time.Minute); return nil }
		r.start()
		r.want("two", revised(it, "new"))
		r.poke()
		time.Sleep(58 * time.Second)
		if diff := cmp.Diff([]string{"create frankfurt for one"}, words(r.begun("eu"))); diff != "" {
			t.Errorf("meanwhile, -want +got:\n%s", diff)
		}
		time.Sleep(3 * time.Second)
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
		began := time.Now()
		r.start()
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
	bubble(t, "at once, and in a flood of pokes once a second", func(t *testing.T) {
		r := newRig()
		r.source.blocks = 200 * time.Millisecond
		r.start()
		time.Sleep(time.Hour)
		began := time.Now()
		for range 60_000 {
			select {
			case r.pokes <- struct{}{}:
			default:
			}
			time.Sleep(time.Millisecond)
		}
		flooded := r.source.looked()
		time.Sleep(time.Hour)
		looks := r.source.looked()
		r.stop()
		if first := looks[1].Sub(began); first != 0 {
			t.Errorf("the first look was after %s", first)
		}
		if n := len(looks) - 1; n < 45 || n > 51 { // in a minute, each 1.2 s after the one before
			t.Errorf("%d looks", n)
		}
		if n := len(looks) - len(flooded); n > 1 {
			t.Errorf("%d looks after the flood", n)
		}
		for i, at := range looks[1:] {
			if wait := at.Sub(looks[i]); wait < spacing+r.source.blocks {
				t.Errorf("look %d was %s after the one before", i+1, wait)
			}
		}
	})
	bubble(t, "and does not disturb while it cannot be read", func(t *testing.T) {
		it := testItem("eu", "frankfurt")
		r := newRig(it)
		r.start()
		time.Sleep(2 * time.Second)
		r.source.edit(func(s *memorySource) { s.target.FetchErr = errRefused })
		r.poke()
		r.edit("eu", it.ID, func(obs *Observed) { obs.Drift, obs.Health = []Drift{{Object: "Deployment/a"}}, Healthy })
		allQuiet()
		if diff := cmp.Diff([]string{"create frankfurt for one", "repair frankfurt for one"}, words(r.begun("eu"))); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if err := r.last(t).FetchErr; err != errRefused {
			t.Errorf("error %v", err)
		}
		r.stop()
	})
}

func TestWhatManyMakeOfAReportIsMadeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made := 0
		revision := func(r Report) string { made++; return r.Commit.SHA }
		it := testItem("eu", "frankfurt")
		r := newRig(it)
		r.start()
		first := r.last(t)
		r.want("two", it)
		r.poke()
		time.Sleep(5 * time.Second) // of the bubble: a poke is heard when the source was left alone for long enough
		for _, report := range []Report{first, first, r.last(t), first} {
			if got := Shared(report, "revision", revision); got != report.Commit.SHA {
				t.Errorf("of a report of %q it is %q", report.Commit.SHA, got)
			}
		}
		if made != 2 {
			t.Errorf("it was made %d times of two reports", made)
		}
		Shared(Report{}, "revision", revision)
		Shared(Report{}, "revision", revision)
		if made != 4 {
			t.Errorf("it was made %d times; nothing is kept of what no Loop made", made)
		}
		r.stop()
	})
}
