package reconcile

import "time"

// How long the loop rests after a step, at least and at most; and while workers have something in hand.
const (
	shortRest, longRest = 150 * time.Millisecond, 500 * time.Millisecond
	shortWork, longWork = 250 * time.Millisecond, time.Second
)

// rest is how long the loop rests after a step that took so long. What happens meanwhile makes one step, so
// that many events make few steps, and looking at everything takes a fortieth of the time. While workers are busy, which
// know what is next, it is an eightieth: what ends meanwhile seldom changes what comes then.
func rest(took time.Duration, busy bool) time.Duration {
	if busy {
		return min(longWork, max(shortWork, 80*took))
	}
	return min(longRest, max(shortRest, 40*took))
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
