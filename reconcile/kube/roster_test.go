package kube

import (
	"testing"
	"time"
)

// known says whether the provider's guard knows an environment.
func (w *world) known(id string) bool {
	w.Helper()
	w.fleet.Use(w.want)
	w.cluster.Live()
	w.cluster.mu.Lock()
	s := w.cluster.session
	w.cluster.mu.Unlock()
	_, known := s.seenDoors(w.cluster.owner)["web"].guard.Known[id]
	return known
}

// age makes everything that is gone be gone for so much longer.
func (w *world) age(by time.Duration) {
	w.cluster.mu.Lock()
	defer w.cluster.mu.Unlock()
	for key, since := range w.cluster.gone {
		w.cluster.gone[key] = since.Add(-by)
	}
}

// absent counts those who are gone and still known.
func (w *world) absent() int {
	w.cluster.mu.Lock()
	defer w.cluster.mu.Unlock()
	return len(w.cluster.gone)
}

func TestAGuardKnowsWhatExists(t *testing.T) {
	w := guarded(t)
	w.settle()
	w.until("red to come in", func() bool { return w.create("1", "red") == nil })
	began := time.Now()
	w.until("it to be known", func() bool { return w.known("1") })
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("that took %s", took)
	}
	w.remove("1")
	w.until("it to be noted that it is gone", func() bool { return w.known("1") && w.absent() == 1 })
	w.age(rosterKeep - 5*time.Second)
	time.Sleep(2 * rosterTick) // nothing may happen
	if !w.known("1") {
		t.Error("it may only be restarting, and is not known any more")
	}
	w.age(5 * time.Second)
	w.until("it to be forgotten", func() bool { return !w.known("1") })
	w.until("nobody to be on the list of those who are gone", func() bool { return w.absent() == 0 })
}

func TestNothingIsWrittenWhileNothingMoves(t *testing.T) {
	w := guarded(t)
	w.settle()
	w.until("red to come in", func() bool { return w.create("1", "red") == nil })
	w.until("it to be known", func() bool { return w.known("1") })
	before := w.cluster.Stats.Writes.Load()
	for range 40 {
		w.known("1") // as every step of the loop does
		time.Sleep(rosterTick / 10)
	}
	if wrote := w.cluster.Stats.Writes.Load() - before; wrote > 1 { // the Lease
		t.Errorf("%d writes while nothing moved", wrote)
	}
	w.cluster.mu.Lock()
	s := w.cluster.session
	w.cluster.mu.Unlock()
	if due := w.cluster.dueRosters(s, s.seenDoors(w.cluster.owner)); len(due) > 0 {
		t.Errorf("guards are asked what they know while nothing moved: %v", due)
	}
}
