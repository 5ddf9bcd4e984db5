package reconcile

import (
	"cmp"
	"slices"
	"time"
)

// takeBack takes back what a failed revision of the declarations brought, where that is declared: each release
// that it changed goes back to the inputs that it had when all that a revision changed was last Ready. Nothing
// else goes out until what failed is declared otherwise.
func takeBack(p Plan, want Desired, have Live) Plan {
	if !slices.ContainsFunc(p.Clusters, func(c ClusterState) bool { return want.rollout(c.Name).Revert }) {
		return p
	}
	causes, why := causesOf(p, want, have)
	spoiled := spoiledBy(p)
	for a := range p.each() {
		r := want.rollout(a.ID.Cluster)
		switch {
		case !a.reverts(r, have.At):
		case a.rolls() && !a.failed(have) && why != "" && (len(causes) > 0 || a.takenBack()):
			*a = hold(*a, Halted, why)
		case a.inPlace():
			*a = revert(*a, causes[a.broughtBy()], r.Soak, spoiled, have)
		case a.Op == OpRollback:
			a.Back = lastGood(a, spoiled)
		}
	}
	return p
}

// broughtBy is the revision of the declarations that first gave a release what is declared, or tried to. Later ones
// may have tried again, or only marked it.
func (a *Action) broughtBy() string {
	first := ""
	for _, was := range a.Have.Past { // newest first
		if was.Digest == a.Digest {
			first = was.Commit
		} else if first != "" {
			break
		}
	}
	return cmp.Or(first, a.Have.Commit)
}

// reverts says whether an action is about a release that takes part in taking things back.
func (a *Action) reverts(r Rollout, at time.Time) bool {
	return r.Revert && !r.Override.counts(at) && a.staged()
}

// takenBack says whether a release had what is declared once, and went back.
func (a *Action) takenBack() bool {
	return len(a.Have.Past) > 0 && a.Have.Past[0].Digest == a.Digest && !a.inPlace()
}

// tries is how often what leaves no trace must have failed before it counts as failed for good.
const tries = 3

// causesOf are, by the revision of the declarations that brought them, the releases that do not work with what
// is declared; and why the rest does not go out, the first of them or what may be one of them: what was taken back
// stays so until it is known that nothing fails any more. What broke later was not broken by a revision.
func causesOf(p Plan, want Desired, have Live) (causes map[string]string, why string) {
	causes = map[string]string{}
	note := func(text string) {
		if why == "" {
			why = text
		}
	}
	for a := range p.each() {
		r := want.rollout(a.ID.Cluster)
		if !a.reverts(r, have.At) || broke(a, r.Soak, have.At) {
			continue
		}
		commit := a.broughtBy()
		if a.untraced() && a.Have.Attempted != a.Digest {
			commit = a.Commit.SHA
		}
		switch c := have.Clusters[a.ID.Cluster]; {
		case a.conclusive():
			if causes[commit] == "" {
				causes[commit] = trouble(a, have)
			}
			note("taken back, since " + trouble(a, have))
		case a.failed(have) || !c.Looked:
			note("it may fail: " + trouble(a, have))
		}
	}
	return causes, why
}

// conclusive says whether a release failed with what is declared, and not only for a moment, as it was seen last.
func (a *Action) conclusive() bool {
	return a.Have.Attempted == a.Digest && a.Digest != "" || a.untraced() && a.Have.Tries >= tries ||
		a.inPlace() && a.Have.Health == Unhealthy
}

// broke says whether a release worked for as long as it must, and does not any more.
func broke(a *Action, soak time.Duration, at time.Time) bool {
	return a.inPlace() && !a.Have.ReadySince.IsZero() && !at.Before(a.Have.ReadySince.Add(soak))
}

// spoiledBy are the revisions of the declarations that some release was never Ready with. One that came up at
// another try is none.
func spoiledBy(p Plan) map[string]bool {
	out := map[string]bool{}
	for a := range p.each() {
		seen := map[string]bool{}
		for _, was := range a.Have.Past { // newest first
			if !seen[was.Digest] && !was.Ready {
				out[was.Commit] = true
			}
			seen[was.Digest] = true
		}
	}
	return out
}

// revert takes one release back that carries what a failed revision brought. The one that failed is not tried
// again with these inputs; the others are when it is declared otherwise.
func revert(a Action, cause string, soak time.Duration, spoiled map[string]bool, have Live) Action {
	own := a.failed(have) && !broke(&a, soak, have.At)
	back := lastGood(&a, spoiled)
	switch {
	case cause == "" || back == "" || a.Have.State == Locked:
		return a
	case own:
		a = act(a, OpRollback, HasFailed, trouble(&a, have))
	default:
		a = act(a, OpRollback, Halted, "taken back, since "+cause)
	}
	a.Class, a.Would, a.Back = NoClass, "", back
	return restrain(a, a.Want.Suspended, have)
}

// lastGood are the newest inputs that a release was Ready with, of a revision that spoiled nothing; empty:
// there are none.
func lastGood(a *Action, spoiled map[string]bool) string {
	for _, was := range a.Have.Past {
		if was.Ready && was.Kept && was.Digest != a.Digest && !spoiled[was.Commit] {
			return was.Digest
		}
	}
	return ""
}
