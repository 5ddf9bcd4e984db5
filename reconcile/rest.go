package reconcile

import "time"

// How long the loop rests after a step, at least and at most: when something may have to be answered soon, while it
// waits for what is to be expected, and while workers, which know what is next, have something in hand.
const (
	shortRest, longRest = 150 * time.Millisecond, 500 * time.Millisecond
	longIdle            = time.Second
	shortWork, longWork = 250 * time.Millisecond, 3 * time.Second
)

// rest is how long the loop rests after a step that took so long: at least, and what it hurries to then; and where nothing
// has it hurry. What happens meanwhile makes one step, so that many events make few steps. Each step costs as much as
// there is: looking at everything takes a fortieth of the time, and much less while there is work, until the rest is as
// long as it may be.
func rest(took time.Duration, busy bool) (soon, late time.Duration) {
	soon = min(longRest, max(shortRest, 40*took))
	if busy {
		return soon, min(longWork, max(shortWork, 240*took))
	}
	return soon, min(longIdle, max(shortRest, 80*took))
}

// pause has the loop rest after a step that began then.
func (r *running) pause(began time.Time) {
	now := time.Now()
	soon, late := rest(now.Sub(began), len(r.hand) > 0)
	r.soonest, r.rested = now.Add(soon), now.Add(late)
}

// hurry has the loop rest no longer than it has to, if what happened is to be answered soon.
func (r *running) hurry(soon bool) {
	if soon && r.soonest.Before(r.rested) {
		r.rested = r.soonest
	}
}

// When it is calm: so long after the last step, if anything was done since it was calm before, and so often at most.
const calmAfter, calmEvery = 2 * time.Second, time.Minute

// relax has what work left behind cleared away, once nothing goes on any more.
func (r *running) relax() {
	left := calmEvery - time.Since(r.relaxed)
	switch {
	case r.Calm == nil || !r.worked || len(r.hand) > 0:
	case left > 0:
		r.calm.Reset(left)
	default:
		r.relaxed, r.worked = time.Now(), false
		go r.Calm()
	}
}
