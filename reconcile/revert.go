package reconcile

import "time"

// takeBack takes back what a failed revision of the declarations brought, where that is declared: each release
// that it changed goes back to the inputs that it had when all that a revision changed was last Ready. Nothing
// else goes out until what failed is declared otherwise.
func takeBack(p Plan, want Desired, have Live) Plan {
	causes := causesOf(p, want, have)
	if len(causes) == 0 {
		return p
	}
	first := firstOf(p, causes, have)
	spoiled := spoiledBy(p)
	for i, a := range p.Actions {
		r := want.rollout(a.ID.Cluster)
		switch {
		case !r.Revert || r.Override.counts(have.At) || !a.staged():
		case a.rolls() && !a.failed(have):
			p.Actions[i] = hold(a, Halted, "taken back, since "+first)
		case a.inPlace():
			p.Actions[i] = revert(a, causes[a.Have.Commit], r.Soak, spoiled, have)
		}
	}
	return p
}

// causesOf are, by the revision of the declarations that brought them, the releases that do not work with what
// is declared. What broke later was not broken by a revision, and what cannot be reached may work.
func causesOf(p Plan, want Desired, have Live) map[string]string {
	out := map[string]string{}
	for _, a := range p.Actions {
		r := want.rollout(a.ID.Cluster)
		if !r.Revert || r.Override.counts(have.At) || !a.staged() || !a.failed(have) ||
			!have.Clusters[a.ID.Cluster].Reachable || broke(a, r.Soak, have.At) {
			continue
		}
		commit := a.Have.Commit
		if a.Have.Attempted != a.Digest && !a.inPlace() {
			commit = a.Commit.SHA // it left no trace
		}
		if _, known := out[commit]; !known && commit != "" {
			out[commit] = trouble(a, have)
		}
	}
	return out
}

// broke says whether a release worked for as long as it must, and does not any more.
func broke(a Action, soak time.Duration, at time.Time) bool {
	return a.inPlace() && !a.Have.ReadySince.IsZero() && !at.Before(a.Have.ReadySince.Add(soak))
}

// firstOf is the first cause in the order of the plan.
func firstOf(p Plan, causes map[string]string, have Live) string {
	for _, a := range p.Actions {
		if text := trouble(a, have); a.staged() && (causes[a.Have.Commit] == text || causes[a.Commit.SHA] == text) {
			return text
		}
	}
	return "another provider failed"
}

// spoiledBy are the revisions of the declarations that some release was not Ready with.
func spoiledBy(p Plan) map[string]bool {
	out := map[string]bool{}
	for _, a := range p.Actions {
		for _, was := range a.Have.Past {
			if !was.Ready {
				out[was.Commit] = true
			}
		}
	}
	return out
}

// revert takes one release back that carries what a failed revision brought. The one that failed is not tried
// again with these inputs; the others are when it is declared otherwise.
func revert(a Action, cause string, soak time.Duration, spoiled map[string]bool, have Live) Action {
	own := a.failed(have) && !broke(a, soak, have.At)
	back := lastGood(a, spoiled)
	switch {
	case cause == "" || back == "" || a.Op == OpRollback || a.Have.State == Locked:
		return a
	case own:
		a = act(a, OpRollback, HasFailed, trouble(a, have))
	default:
		a = act(a, OpRollback, Halted, "taken back, since "+cause)
	}
	a.Class, a.Would, a.Back = NoClass, "", back
	return restrain(a, a.Want.Suspended, have)
}

// lastGood are the newest inputs that a release was Ready with, of a revision that spoiled nothing; empty:
// there are none.
func lastGood(a Action, spoiled map[string]bool) string {
	for _, was := range a.Have.Past {
		if was.Ready && was.Kept && was.Digest != a.Digest && !spoiled[was.Commit] {
			return was.Digest
		}
	}
	return ""
}
