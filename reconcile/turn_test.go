package reconcile

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

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
	r.tries.failed(&a, errRefused, time.Now())
	r.previews[keyOf(&a)] = Preview{Diff: "of what is planned"}
	older := a
	older.Digest = another
	r.previews[keyOf(&older)] = Preview{Diff: "of what was planned"}
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
