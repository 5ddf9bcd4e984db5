package reconcile

import (
	"slices"
	"time"
)

// quarrel is what somebody else may be putting his own value into: by field, when it was put back.
type quarrel map[string][]time.Time

// A field that was put back so often within so long is contested: two programs that undo each other would go on
// without end, and only a person can say which of them is right. It is left as it is until the first of these
// repairs is as long ago, somebody asks to try again, or other inputs are declared.
const (
	quarrelsome   = 3
	quarrelWindow = 10 * time.Minute
)

// since is what is not too long ago.
func (q quarrel) since(now time.Time) quarrel {
	out := quarrel{}
	for field, times := range q {
		if lately := times[recent(times, now):]; len(lately) > 0 {
			out[field] = slices.Clone(lately)
		}
	}
	return out
}

// recent is the index of the first of some times that is not too long ago.
func recent(times []time.Time, now time.Time) int {
	i := slices.IndexFunc(times, func(at time.Time) bool { return now.Sub(at) < quarrelWindow })
	if i < 0 {
		return len(times)
	}
	return i
}

// repaired is q and what an action has just put back. What guards providers has no part in this: whoever may
// edit that could else have it left edited.
func (q quarrel) repaired(a *Action, now time.Time) quarrel {
	if a.ID.Kind != KindRelease {
		return q
	}
	out := q.since(now)
	for _, d := range a.Have.Drift {
		if name := d.Object + d.Field; !d.Contested {
			out[name] = append(out[name], now)
		}
	}
	return out
}

// mark says of each drifted field whether it is contested. What it is given, it leaves as it is.
func (q quarrel) mark(drift []Drift, now time.Time) []Drift {
	if len(q) == 0 {
		return drift
	}
	out := slices.Clone(drift)
	for i, d := range out {
		times := q[d.Object+d.Field]
		out[i].Contested = len(times)-recent(times, now) >= quarrelsome
	}
	return out
}

// until is how long it is until a contested field is not contested any more, an hour at most.
func (q quarrel) until(now time.Time) time.Duration {
	wait := time.Hour
	for _, times := range q {
		if n := len(times) - quarrelsome; n >= 0 {
			if left := quarrelWindow - now.Sub(times[n]); left > 0 {
				wait = min(wait, left)
			}
		}
	}
	return wait
}
