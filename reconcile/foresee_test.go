package reconcile

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// foreseeing is a rig that renders first.
func foreseeing(items ...Item) *rig {
	r := newRig(items...)
	r.Previewer = r.preview
	return r
}

func TestNothingIsDoneBeforeItWasRendered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		it := testItem("eu", "frankfurt")
		r := foreseeing(it)
		r.preview.takes = func(string) time.Duration { return 10 * time.Second }
		r.start()
		time.Sleep(9 * time.Second)
		if a := r.action(t, it.ID); a.Op != OpCreate || len(r.begun("eu")) > 0 {
			t.Errorf("%s (%s), %d begun", a.Op, a.Reason, len(r.begun("eu")))
		}
		time.Sleep(2 * time.Second)
		if d := r.begun("eu"); len(d) != 1 || d[0].Diff != "diff of "+it.Base {
			t.Errorf("begun %+v", d)
		}
		r.stop()
	})
}

func TestHoldsShowWhatTheyWouldDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		it := testItem("eu", "frankfurt")
		it.Suspended = "audit"
		r := foreseeing(it)
		r.start()
		time.Sleep(time.Hour)
		if a := r.action(t, it.ID); a.Reason != Suspended || a.Diff != "diff of "+it.Base {
			t.Errorf("%s (%s) %q", a.Op, a.Reason, a.Diff)
		}
		if n := len(r.preview.rendered()); n != 1 {
			t.Errorf("rendered %d times", n)
		}
		r.stop()
	})
}

func TestADeletionIsForeseenBeforeItIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		it := testItem("eu", "frankfurt")
		it.Release.Deletion = Uninstall
		r := foreseeing(it)
		r.start()
		time.Sleep(time.Minute)
		r.preview.takes = func(string) time.Duration { return 10 * time.Second }
		begun := len(r.begun("eu"))
		r.want("two", testItem("us", "other"))
		r.poke()
		time.Sleep(time.Second)
		if a := r.action(t, it.ID); a.Op != OpDelete || len(r.begun("eu")) > begun {
			t.Errorf("%s (%s), begun %+v", a.Op, a.Reason, r.begun("eu")[begun:])
		}
		time.Sleep(20 * time.Second)
		if d := r.begun("eu"); len(d) != begun+1 || d[begun].Op != OpDelete || d[begun].Diff == "" {
			t.Errorf("begun %+v", d)
		}
		r.stop()
	})
}

func TestActionsAreRenderedInBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var items []Item
		const most = previewBatch + 36
		for i := range most {
			it := testItem("eu", fmt.Sprintf("p%03d", i))
			if i < 50 {
				it.Suspended = "audit"
			}
			items = append(items, it)
		}
		r := foreseeing(append(items, testItem("us", "boston"))...)
		r.preview.takes = func(string) time.Duration { return time.Second }
		r.start()
		sizes := map[string][]int{}
		for _, b := range r.preview.rendered() {
			sizes[b[0].ID.Cluster] = append(sizes[b[0].ID.Cluster], len(b))
		}
		if diff := cmp.Diff(map[string][]int{"eu": {previewBatch}, "us": {1}}, sizes); diff != "" {
			t.Errorf("at first, -want +got:\n%s", diff)
		}
		time.Sleep(time.Minute)
		var rest []Action
		seen := map[ID]int{}
		for _, b := range r.preview.rendered() {
			for _, a := range b {
				seen[a.ID]++
			}
			if b[0].ID.Cluster == "eu" {
				rest = b
			}
		}
		if len(seen) != most+1 || len(rest) != most-previewBatch {
			t.Errorf("%d were rendered, %d in the last batch", len(seen), len(rest))
		}
		for _, a := range rest {
			if a.Acts() {
				t.Errorf("%s might have started and was rendered last", a.ID)
			}
		}
		r.stop()
	})
}

// While workers are busy, not everything is rendered at once: what was read for it is kept until it is done. Where nobody
// works, everything is shown.
func TestNotMuchIsRenderedAhead(t *testing.T) {
	for held, most := range map[bool]int{true: 2 * previewBatch, false: 400} {
		bubble(t, fmt.Sprint("held: ", held), func(t *testing.T) {
			var items []Item
			for i := range 400 {
				items = append(items, testItem("eu", fmt.Sprintf("p%03d", i)))
			}
			r := foreseeing(items...)
			r.fleet.clusters["eu"].live.Held = held
			r.fleet.clusters["eu"].do = func(context.Context, Action) error { time.Sleep(time.Second); return nil }
			r.start()
			ahead, rendered := 0, 0
			for range 200 {
				rendered = 0
				for _, b := range r.preview.rendered() {
					rendered += len(b)
				}
				ahead = max(ahead, rendered-len(r.begun("eu")))
				time.Sleep(time.Second)
			}
			if rendered != 400 || ahead > most || ahead < previewBatch {
				t.Errorf("%d were rendered, up to %d ahead, want at most %d", rendered, ahead, most)
			}
			r.stop()
		})
	}
}

func TestWhatCannotBeRenderedIsAFailedAttempt(t *testing.T) {
	for _, suspended := range []string{"", "audit"} {
		bubble(t, "suspended: "+suspended, func(t *testing.T) {
			bad, good := testItem("eu", "bad"), testItem("eu", "good")
			bad.Suspended = suspended
			r := foreseeing(bad, good)
			var mended atomic.Bool
			r.preview.fails = func(a Action) error {
				if a.ID == bad.ID && !mended.Load() {
					return errRefused
				}
				return nil
			}
			r.start()
			if err := r.last(t).Failed[bad.ID]; err != errRefused {
				t.Errorf("failed %v", err)
			}
			time.Sleep(34 * time.Second) // tries at 0, 5, 15 and 35 s, a fifth more or less
			if n := len(r.preview.rendered()); n < 3 || n > 4 {
				t.Errorf("rendered %d times", n)
			}
			if a := r.action(t, good.ID); a.Reason != InSync {
				t.Errorf("the other is %s (%s)", a.Op, a.Reason)
			}
			if n := len(r.deedsOf(bad.ID)); n > 0 {
				t.Errorf("it was done %d times", n)
			}
			mended.Store(true)
			time.Sleep(time.Minute)
			if a := r.action(t, bad.ID); a.Diff == "" && a.Reason != InSync || len(r.last(t).Failed) > 0 {
				t.Errorf("afterwards %s (%s), failed %v", a.Op, a.Reason, r.last(t).Failed)
			}
			r.stop()
		})
	}
}

func TestANewRevisionIsRenderedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		it := testItem("eu", "frankfurt")
		r := foreseeing(it)
		r.start()
		time.Sleep(2 * time.Second)
		changed := revised(it, "new")
		r.want("two", changed)
		r.poke()
		if d := r.begun("eu"); len(d) != 2 || d[1].Diff != "diff of "+changed.Base {
			t.Errorf("begun %+v", d)
		}
		r.stop()
	})
}

// While a revision is being applied, what is there is what the one before made. What was seen then is not what is
// seen afterwards, though the newest revision is the same.
func TestWhatWasForeseenWhileSomethingWasAppliedIsForeseenAnew(t *testing.T) {
	it := testItem("eu", "frankfurt")
	with, known := &memoryPreviewer{}, Rehearsal{}
	at := func(inForce int) Plan {
		have := inPlace(it)
		have.Revision, have.InForce, have.Digest = 4, inForce, ""
		live := Live{At: noon(), Clusters: map[string]ClusterLive{"eu": {Reachable: true, Looked: true, Held: true, Releases: map[ID]Observed{it.ID: have}}}}
		want := newScene().want
		want.Items = []Item{it}
		return Decide(want, live)
	}
	for _, inForce := range []int{3, 3, 4, 4} {
		if _, failed := at(inForce).Rehearse(t.Context(), with, known); len(failed) > 0 {
			t.Fatal(failed)
		}
	}
	if len(with.batches) != 2 {
		t.Errorf("it was looked at %d times, want once while it was applied and once afterwards", len(with.batches))
	}
	if moved := at(4).Moved(at(3)); len(moved) != 1 || !strings.Contains(moved[0], "what is installed") {
		t.Errorf("what moved: %q", moved)
	}
}
