package reconcile

import (
	"testing"
	"testing/synctest"
	"time"
)

// paced has the rig want these items from now on, changed by a value, and going out like this.
func (r *rig) paced(sha string, value int, rollout Rollout, items ...Item) {
	for i := range items {
		items[i].Release.Values = map[string]any{"n": value}
		items[i].Seal()
	}
	want := newScene().want
	want.Items, want.Commit, want.Rollout = items, Commit{SHA: sha}, rollout
	want.Clusters = map[string]ClusterWant{"eu": {MaxConcurrent: 4, Rollout: rollout}, "us": {MaxConcurrent: 4, Rollout: rollout}}
	r.source.set(Target{Head: want.Commit, Commit: want.Commit, Want: want})
}

// inWave is an item of a wave.
func inWave(cluster, name string, wave int) Item {
	it := testItem(cluster, name)
	it.Wave = wave
	return it
}

// A wave starts when the one before has been Ready for as long as is declared, and not at all while that comes
// and goes.
func TestAWaveStartsWhenTheOneBeforeHasSoaked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := inWave("eu", "first", 0), inWave("us", "second", 1)
		r, soak := newRig(), Rollout{Soak: 10 * time.Minute}
		r.paced("one", 1, soak, first, second)
		r.start()
		time.Sleep(time.Hour)
		r.paced("two", 2, soak, first, second)
		r.poke()
		time.Sleep(5 * time.Minute)
		r.edit("eu", first.ID, func(obs *Observed) { obs.Health = Progressing })
		time.Sleep(time.Minute)
		again := time.Now()
		r.edit("eu", first.ID, func(obs *Observed) { obs.Health, obs.ReadySince = Healthy, again })
		time.Sleep(9 * time.Minute)
		if got := len(r.deedsOf(second.ID)); got != 1 {
			t.Fatalf("after %s of %s the second wave did %d things", time.Since(again), soak.Soak, got)
		}
		time.Sleep(time.Minute + time.Second)
		deeds := r.deedsOf(second.ID)
		if len(deeds) != 2 || deeds[1].at.Sub(again) < soak.Soak || deeds[1].at.Sub(again) > soak.Soak+time.Second {
			t.Errorf("the second wave did %d things, the last one %s after the first was well", len(deeds), deeds[len(deeds)-1].at.Sub(again))
		}
		r.stop()
	})
}

// Changes go out when a window opens, to the second, by the clocks of its zone, whether these changed the night
// before or not; and what does not wait for windows does not.
func TestChangesWaitForTheWindow(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	nightly := Rollout{Windows: Windows{{ // at 02:30 for an hour
		Minutes: 1 << 30, Hours: 1 << 2, Days: ^Numbers(0), Months: ^Numbers(0), Weekdays: ^Numbers(0), For: time.Hour, Zone: berlin,
	}}}
	for _, test := range []struct{ name, pushed, opens string }{ // bubbles begin in 2000
		{"an ordinary night", "2000-03-24T12:00:00+01:00", "2000-03-25T02:30:00+01:00"},
		{"the night that has no half past two", "2000-03-25T12:00:00+01:00", "2000-03-26T03:00:00+02:00"},
		{"the night that has it twice", "2000-10-28T12:00:00+02:00", "2000-10-29T02:30:00+02:00"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				at := func(text string) time.Time {
					when, err := time.Parse(time.RFC3339, text)
					if err != nil {
						t.Fatal(err)
					}
					return when
				}
				it, r := inWave("eu", "first", 0), newRig()
				r.paced("one", 1, Rollout{}, it)
				r.start()
				time.Sleep(time.Until(at(test.pushed)))
				r.paced("two", 2, nightly, it)
				r.poke()
				if a := r.action(t, it.ID); a.Reason != Windowed || !a.Due.Equal(at(test.opens)) {
					t.Errorf("it is %s (%s), due %s: %s", a.Op, a.Reason, a.Due, a.Message)
				}
				r.edit("eu", it.ID, func(obs *Observed) { obs.Drift = []Drift{{Object: "Deployment/a"}} })
				time.Sleep(time.Until(at(test.opens)) - time.Second)
				if got := r.deedsOf(it.ID); len(got) != 1 {
					t.Fatalf("before the window opens, %d things are done", len(got))
				}
				time.Sleep(2 * time.Second)
				if got := r.deedsOf(it.ID); len(got) != 2 || got[1].at.Before(at(test.opens)) {
					t.Errorf("when the window has opened, %d things are done", len(got))
				}
				r.stop()
			})
		})
	}
}

// An override lets out what a window holds, and a release that is suspended stays.
func TestAnOverrideOpensTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		it, still, r := inWave("eu", "first", 0), inWave("eu", "second", 0), newRig()
		r.paced("one", 1, Rollout{}, it, still)
		r.start()
		shut := Rollout{Windows: never()}
		still.Suspended = "audit"
		r.paced("two", 2, shut, it, still)
		time.Sleep(4 * time.Hour) // in the bubble it is morning, and the window is over
		r.poke()
		before := len(r.deedsOf(it.ID))
		shut.Override = Override{Reason: "incident", Until: time.Now().Add(time.Hour)}
		r.paced("three", 2, shut, it, still)
		r.poke()
		if was, now := before, len(r.deedsOf(it.ID)); was != 1 || now != 2 {
			t.Errorf("%d things done before, %d with an override", was, now)
		}
		if got := len(r.deedsOf(still.ID)); got != 1 {
			t.Errorf("what is suspended did %d things", got)
		}
		r.stop()
	})
}
