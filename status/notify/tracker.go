package notify

import (
	"slices"
	"time"
)

// tracker knows since when what is wrong is so. It is not safe for use by several at once.
type tracker struct {
	patience Patience
	all      map[string]*tracked
}

// tracked is something that is wrong, or was a moment ago.
type tracked struct {
	Incident
	over time.Time // since when it is; zero: it is not
}

func newTracker(p Patience) *tracker {
	return &tracker{patience: p.filled(), all: map[string]*tracked{}}
}

// know takes in an incident that was told of before, by this process or another.
func (t *tracker) know(i Incident) {
	if have := t.all[i.Key]; have == nil || have.Began.After(i.Began) {
		t.all[i.Key] = &tracked{Incident: i}
	}
}

// look takes in what was found, and forgets what has ended.
func (t *tracker) look(l look, now time.Time) {
	for key, i := range l.found {
		have := t.all[key]
		if have == nil {
			i.Began = now
			t.all[key] = &tracked{Incident: i}
			continue
		}
		i.Began, i.Revision = have.Began, have.Revision
		have.Incident, have.over = i, time.Time{}
	}
	for key, have := range t.all {
		if l.over(have.Incident) && have.over.IsZero() {
			have.over = now
		}
		if have.over.IsZero() {
			continue
		}
		if !t.ripe(have, have.over) || now.Sub(have.over) >= t.patience.ends(have.Incident) {
			delete(t.all, key)
		}
	}
}

// ripe says whether something lasted until a time for long enough.
func (t *tracker) ripe(have *tracked, until time.Time) bool {
	return until.Sub(have.Began) >= t.patience.begins(have.Incident)
}

// open lists the incidents, the oldest first.
func (t *tracker) open(now time.Time) []Incident {
	var out []Incident
	for _, have := range t.all {
		if t.ripe(have, now) {
			out = append(out, have.Incident)
		}
	}
	slices.SortFunc(out, compareIncidents)
	return out
}

// next is how long it takes until time alone makes a difference; negative: never.
func (t *tracker) next(now time.Time) time.Duration {
	wait := time.Duration(-1)
	for _, have := range t.all {
		at := have.Began.Add(t.patience.begins(have.Incident))
		if !have.over.IsZero() {
			at = have.over.Add(t.patience.ends(have.Incident))
		}
		if left := at.Sub(now); left > 0 && (wait < 0 || left < wait) {
			wait = left
		}
	}
	return wait
}
