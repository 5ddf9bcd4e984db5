package reconcile

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"time"
)

// attempts remembers, by item, what was tried, so that the next try of the same does not come too soon.
type attempts map[ID]attempt

// attempt is the last try at an item.
type attempt struct {
	digest  string    // what was tried
	count   int       // failures in a row with this digest
	err     error     // of the last one, or why the last repair was in vain
	busy    bool      // it was the cluster's fault
	at      time.Time // when it failed
	next    time.Time // not to be tried again before
	asked   bool      // somebody had asked for it; the wish may still stand there
	unseen  bool      // it could not even be rendered
	mended  string    // the fields that the last repair put back
	vain    int       // repairs in a row that somebody undid at once
	quarrel           // over fields that were put back
}

const (
	firstWait = 5 * time.Second
	longWait  = 5 * time.Minute
	moment    = time.Second            // until the watches have seen what moved
	breath    = 200 * time.Millisecond // between two actions that work, where somebody undoes the first
	relapse   = 5 * time.Second        // whoever undoes a repair sooner than that does it at once
	patience  = 3                      // repairs that are undone at once before they wait for each other
)

// failed notes a failure: the next try may come after 5 s at first, 5 min at most, a fifth more or less so
// that many do not come back at once.
func (t attempts) failed(a *Action, err error, now time.Time) {
	was := t[a.ID]
	if was.digest != a.Digest {
		was = attempt{digest: a.Digest}
	}
	was.count++
	was.err, was.next, was.asked, was.unseen = err, now.Add(backoff(was.count)), a.Have.RetryAsked, false
	was.busy, was.at = errors.Is(err, ErrBusy), now
	t[a.ID] = was
}

// backoff is how long to wait after so many failures in a row.
func backoff(count int) time.Duration {
	return jitter(min(longWait, firstWait<<min(count-1, 10)), 0.2)
}

// unrendered notes that an action cannot be rendered, which is a failure too.
func (t attempts) unrendered(a *Action, err error, now time.Time) {
	t.failed(a, err, now)
	was := t[a.ID]
	was.unseen = true
	t[a.ID] = was
}

// rendered notes that an action can be rendered now.
func (t attempts) rendered(a *Action) {
	if t[a.ID].unseen {
		delete(t, a.ID)
	}
}

// worked notes that what was tried did work. A repair that somebody undoes again and again is none: the next
// one waits as if this had failed.
func (t attempts) worked(a *Action, now time.Time) {
	was := t[a.ID]
	is := attempt{digest: a.Digest, next: now.Add(breath), asked: a.Have.RetryAsked, quarrel: was.since(now)}
	if a.Op == OpRepair {
		is.mended = fields(a.Have.Drift)
		is.quarrel = is.repaired(a, now)
	}
	if is.mended != "" && is.mended == was.mended && is.digest == was.digest && now.Before(was.next.Add(relapse)) {
		is.vain = was.vain + 1
	}
	if is.undone() {
		is.next = now.Add(backoff(is.vain - patience))
		is.err = fmt.Errorf("it was put back %d times, and each time somebody undid that at once: %s; "+
			"find out who writes there, or declare drift: ignore for it", is.vain, driftText(a.Have.Drift))
	}
	t[a.ID] = is
}

// undone says whether repairs are in vain.
func (a attempt) undone() bool { return a.vain > patience }

// fields names what drifted, whatever it drifted to.
func fields(drift []Drift) string {
	var names []string
	for _, d := range drift {
		names = append(names, d.Object+d.Field)
	}
	return strings.Join(names, " ")
}

// outrun notes that somebody else was faster, which is no failure: it is looked at anew in a moment.
func (t attempts) outrun(a *Action, now time.Time) {
	was := t[a.ID]
	if was.digest != a.Digest {
		was = attempt{digest: a.Digest}
	}
	was.next = now.Add(moment)
	t[a.ID] = was
}

// resting says whether an action was tried so shortly ago that it is not tried again yet.
func (t attempts) resting(a *Action, now time.Time) bool {
	was := t[a.ID]
	return was.digest == a.Digest && was.next.After(now)
}

// failure is what the last try at an action ended with; nil where there was none.
func (t attempts) failure(a *Action) error {
	if was := t[a.ID]; was.digest == a.Digest && was.count > 0 {
		return was.err
	}
	return nil
}

// lay puts what was tried over what is seen of an item. A wish to try again counts once: whatever came of
// it, it is not heard again while it still stands there. What failed since its cluster was busy is tried again soon
// after that is well, however long it would have waited.
func (t attempts) lay(id ID, obs *Observed, well, now time.Time) {
	was := t[id]
	if obs.RetryAsked && !was.asked {
		delete(t, id)
		return
	}
	was.asked = obs.RetryAsked
	if was.busy && !well.IsZero() {
		was.revive(well)
	}
	t[id] = was
	obs.RetryAsked = false
	obs.Drift = was.mark(obs.Drift, now)
	if was.count > 0 || was.undone() {
		obs.Tries, obs.Tried, obs.RetryAt, obs.Failure = max(was.count, was.vain), was.digest, was.next, was.err.Error()
	}
}

// revive lets what failed since its cluster was busy be tried soon after that is well again.
func (a *attempt) revive(well time.Time) {
	if well.Before(a.at) {
		well = a.at
	}
	if soon := well.Add(jitter(firstWait, 0.2)); soon.Before(a.next) {
		a.next = soon
	}
	a.busy = false // it is not put off any further
}

// forget drops what is about items that no plan knows any more, and what is over since they are in place: all but
// which fields were put back lately.
func (t attempts) forget(p Plan, now time.Time) {
	keep := make(map[ID]bool, len(t))
	for a := range p.each() {
		was, there := t[a.ID]
		if !there {
			continue
		}
		keep[a.ID] = a.Op != OpKeep || was.asked || was.count == 0 && was.next.Add(relapse).After(now)
		if lately := was.since(now); !keep[a.ID] && len(lately) > 0 {
			t[a.ID], keep[a.ID] = attempt{digest: was.digest, quarrel: lately}, true
		}
	}
	maps.DeleteFunc(t, func(id ID, _ attempt) bool { return !keep[id] })
}

// due is how long it is until the next thing may be tried again, an hour at most.
func (t attempts) due(now time.Time) time.Duration {
	wait := time.Hour
	for _, was := range t {
		if was.next.After(now) {
			wait = min(wait, was.next.Sub(now))
		}
		wait = min(wait, was.until(now))
	}
	return wait
}

// jitter is d, a share of it more or less.
func jitter(d time.Duration, share float64) time.Duration {
	return time.Duration(float64(d) * (1 - share + 2*share*rand.Float64()))
}
