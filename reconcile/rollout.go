package reconcile

import (
	"cmp"
	"fmt"
	"time"
)

// Rollout bounds how changes go out. Its zero value bounds nothing.
type Rollout struct {
	Soak           time.Duration // for how long a wave must have been Ready before the next one starts
	MaxUnavailable int           // releases of a wave that may be down at a time; 0: any number
	Revert         bool          // what a failed change brought is taken back everywhere
	Windows        Windows       // in which changes may go out; none: at any time
	Override       Override
}

// Override lets changes out in spite of windows, halts, soak times and a previous access URL that does not
// answer. Order stays.
type Override struct {
	Reason string
	Until  time.Time
}

func (o Override) counts(at time.Time) bool { return at.Before(o.Until) }

// rollout is how changes go out in a cluster.
func (d Desired) rollout(cluster string) Rollout {
	if c, declared := d.Clusters[cluster]; declared {
		return c.Rollout
	}
	return d.Rollout
}

// pace holds changes that must not go out yet, and says which of them wait for what. Like the guards on
// deletions it never makes a plan do more, but for taking back what failed where that is declared.
func pace(p Plan, want Desired, have Live) Plan {
	for _, step := range []func(Plan, Desired, Live) Plan{inWindows, inLockstep, followURL, takeBack, inWaves, endHalfDone, noWayBack} {
		p = step(p, want, have)
	}
	return p
}

// rolls says whether an action is a change that goes out: a release is made, or gets other inputs. What puts
// it back as it was, changes its marks alone, or finishes what a process began that is gone, does not wait.
func (a *Action) rolls() bool {
	have := &a.Have
	if a.ID.Kind != KindRelease || have.State == Uninstalling || have.State == Pending && have.Begun == a.Digest {
		return false
	}
	switch a.Op {
	case OpCreate, OpAdopt:
		return true
	case OpUpdate:
		return have.State != Deployed || have.Digest != a.Digest
	}
	return false
}

// inWindows holds changes and removals outside of the declared windows.
func inWindows(p Plan, want Desired, have Live) Plan {
	opens := map[string]time.Time{} // by cluster whose windows are shut
	shut := map[string]bool{}
	for _, c := range p.Clusters {
		if r := want.rollout(c.Name); !r.Override.counts(have.At) && !r.Windows.Open(have.At) {
			shut[c.Name], opens[c.Name] = true, r.Windows.Next(have.At)
		}
	}
	for a := range p.each() {
		changes := a.rolls() || a.ID.Kind == KindRelease && takes(a.Op)
		if changes && shut[a.ID.Cluster] {
			*a = hold(*a, Windowed, opening(opens[a.ID.Cluster]))
			a.Due = opens[a.ID.Cluster]
		}
	}
	return p
}

func opening(at time.Time) string {
	if at.IsZero() {
		return "none of the declared windows ever opens"
	}
	return "the next window opens at " + at.UTC().Format(time.RFC3339)
}

// inLockstep holds changes that would bring a chart too far from the deployment's version: old and new do not
// understand each other.
func inLockstep(p Plan, want Desired, have Live) Plan {
	for a := range p.each() {
		if a.Want.Skew != "" && a.rolls() && !want.rollout(a.ID.Cluster).Override.counts(have.At) {
			*a = hold(*a, Guarded, TooFar+a.Want.Skew)
		}
	}
	return p
}

// TooFar is what the message of a hold begins with whose cause is the version of a chart.
const TooFar = "version skew: "

// inPlace says whether a release carries what is declared.
func (a *Action) inPlace() bool {
	return a.Have.State == Deployed && a.Have.Digest == a.Digest
}

// ready says whether a release carries what is declared, and is well.
func (a *Action) ready() bool { return a.inPlace() && a.Have.Health == Healthy }

// failed says whether what is declared was tried and does not work, or cannot be tried.
func (a *Action) failed(have Live) bool {
	obs, c := &a.Have, have.Clusters[a.ID.Cluster]
	switch {
	case !c.Reachable:
		return c.Err != ""
	case obs.Attempted == a.Digest && a.Digest != "":
		return true
	case a.untraced():
		return true
	}
	return a.inPlace() && obs.Health == Unhealthy
}

// untraced says whether the last try at what is declared left nothing in Helm's storage.
func (a *Action) untraced() bool {
	return a.Have.Tries > 0 && a.Have.Tried == a.Digest && !a.inPlace()
}

// down says whether a release that was installed does not serve anybody, as far as we know. Of one that cannot be
// reached nothing better is known.
func (a *Action) down(have Live) bool {
	if !have.Clusters[a.ID.Cluster].Reachable {
		return true
	}
	return a.Have.State != Absent && (a.Have.State != Deployed || a.Have.Health != Healthy)
}

// lost says whether a release is down and does not come back by itself.
func (a *Action) lost(have Live) bool {
	return a.down(have) && (a.failed(have) || a.Op == OpHold && a.Class != Progress)
}

// staged says whether an action is about a release whose wave counts. One that is suspended is left out of the
// rollout: somebody declared that it stays as it is.
func (a *Action) staged() bool {
	return a.ID.Kind == KindRelease && a.Want.ID != (ID{}) && a.Want.Suspended == ""
}

// endHalfDone takes back what a process left half done that is gone, where what is declared by now must not go out
// yet: nothing stays pending for as long as that takes.
func endHalfDone(p Plan, _ Desired, _ Live) Plan {
	for a := range p.each() {
		if a.ID.Kind != KindRelease || a.Op != OpHold || a.Have.State != Pending || a.Have.Digest == "" {
			continue
		}
		switch a.Reason {
		case Windowed, Halted, URLNotReady, Guarded:
			back := act(*a, OpRollback, Halted, "left half done by a process that was stopped; it goes back, since "+a.Message)
			back.Class, back.Would, back.Due = NoClass, "", time.Time{}
			*a = back
		}
	}
	return p
}

// noWayBack holds what would go back to an access URL that does not answer.
func noWayBack(p Plan, _ Desired, have Live) Plan {
	for a := range p.each() {
		if a.Op != OpRollback || a.Want.OwnURL {
			continue
		}
		to := a.backTo()
		if live := have.URLs[to.URL]; to.URL != "" && to.URL != a.Have.AccessURL && live.Err != "" {
			*a = hold(*a, URLNotReady, fmt.Sprintf("it would go back to %s, which does not answer: %s", to.URL, live.Err))
		}
	}
	return p
}

// backTo is what a rollback goes back to, as far as it is remembered.
func (a *Action) backTo() Past {
	for _, was := range a.Have.Past {
		if was.Kept && was.Digest != a.Digest && (a.Back == "" || was.Digest == a.Back) {
			return was
		}
	}
	return Past{}
}

// trouble names a release that failed, and why.
func trouble(a *Action, have Live) string {
	why := cmp.Or(a.Have.Failure, a.Have.Message, a.Message)
	if c := have.Clusters[a.ID.Cluster]; !c.Reachable {
		why = c.Err
	}
	return fmt.Sprintf("%s/%s: %s", a.ID.Cluster, label(a), cmp.Or(why, "it failed"))
}

// label is the provider of an action, with the organization where there is a release for each.
func label(a *Action) string {
	if a.Organization == "" {
		return a.Provider
	}
	return a.Provider + " for " + a.Organization
}

// several is the first of some troubles, and how many more there are.
func several(troubles []string) string {
	if more := len(troubles) - 1; more > 0 {
		return fmt.Sprintf("%s (and %d more)", troubles[0], more)
	}
	return troubles[0]
}
