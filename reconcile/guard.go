package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// guard holds deletions that no single item gives a reason to hold. Guards only ever make a plan do less.
func guard(p Plan, want Desired, have Live) Plan {
	if !slices.ContainsFunc(p.Actions, func(a Action) bool { return takes(a.Op) }) {
		return p
	}
	for _, g := range []func(Plan, Desired, Live) Plan{lookFirst, keepWhenEmpty, keepStrays, limitDeletes} {
		p = g(p, want, have)
	}
	return p
}

// What the message of a guard begins with, for those who say what ends it. The third cause is the limit.
const (
	NothingDeclared = "nothing is declared any more"
	NotDescended    = "revision"
)

// lookFirst holds every deletion until all clusters were looked at once or are known not to answer: a
// program that has just started does not know yet what moved from one cluster to another.
func lookFirst(p Plan, _ Desired, have Live) Plan {
	if name := unseen(p, have); name != "" {
		return holdDeletes(p, Unknown, func(Action) string { return fmt.Sprintf("cluster %s was not looked at yet", name) })
	}
	return p
}

// unseen is the first cluster that may answer and was not looked at yet: of the declared ones, and of those
// that may hold something all the same; empty: there is none.
func unseen(p Plan, have Live) string {
	names := map[string]bool{}
	for _, c := range p.Clusters {
		names[c.Name] = true
	}
	for name := range have.Clusters {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if c := have.Clusters[name]; !c.Looked && (c.Reachable || c.Err == "") {
			return name
		}
	}
	return ""
}

// keepWhenEmpty holds the deletion of everything that removed does not name while nothing is declared: an
// emptied file looks like that.
func keepWhenEmpty(p Plan, want Desired, _ Live) Plan {
	if !want.Empty {
		return p
	}
	return holdDeletes(p, Guarded, func(a Action) string {
		if _, named := want.Removed[a.Provider]; named {
			return ""
		}
		return fmt.Sprintf(NothingDeclared+"; if this is meant, declare removed: %q: {policy: …, reason: …}", a.Provider)
	})
}

// keepStrays holds the deletion of what was last changed by a revision that the declarations were not made
// from: whoever wrote them may never have heard of it. A branch that was reset looks like that.
func keepStrays(p Plan, want Desired, have Live) Plan {
	if want.Limits.raised(have.At) {
		return p
	}
	return holdDeletes(p, Guarded, func(a Action) string {
		if !a.Have.Stray {
			return ""
		}
		return fmt.Sprintf(NotDescended+" %.10s was not made from %.10s, which it was last changed by: merge that revision; "+
			"if its history was rewritten on purpose, declare deployment: deletion: raised: {max: …, until: …, reason: …}",
			want.Commit.SHA, a.Have.Commit)
	})
}

// limitWindow is for how long a deletion counts in the limit; those of the same revision count for ever.
const limitWindow = time.Hour

// limitDeletes holds all deletions while more would go, together with what went lately, than the declared
// limit lets go: a mistake that removes many providers looks like that.
func limitDeletes(p Plan, want Desired, have Live) Plan {
	going, managed := weigh(p, want, have)
	limit := want.Limits.allow(managed, have.At)
	if going <= limit {
		return p
	}
	return holdDeletes(p, Guarded, func(Action) string {
		return fmt.Sprintf("%d providers, counted by organization, would go or went within the hour, and %d may; "+
			"if this is meant, declare deployment: deletion: raised: {max: %d, until: …, reason: …}",
			going, limit, going)
	})
}

// pair is what counts in the limit: a provider, or an organization's part in it.
type pair struct{ provider, organization string }

// weigh counts, by provider and organization, what a plan takes away, with what something else still holds
// and what went lately, and what there is and was to take from.
func weigh(p Plan, want Desired, have Live) (going, managed int) {
	goes, ours := map[pair]bool{}, managedBy(want.Owner, have)
	for _, g := range have.Gone {
		if g.Commit == want.Commit.SHA || have.At.Sub(g.At) < limitWindow {
			goes[pair{g.Provider, g.Organization}], ours[pair{g.Provider, g.Organization}] = true, true
		}
	}
	for a := range p.each() {
		if a.weighs(want) && (takes(a.Op) || takes(a.Would) && a.Reason != Blocked && a.Reason != Forgotten) {
			goes[pair{a.Provider, a.Organization}] = true
		}
	}
	return len(goes), len(ours)
}

// managedBy is what a deployment has in all clusters.
func managedBy(owner string, have Live) map[pair]bool {
	out := map[pair]bool{}
	for _, c := range have.Clusters {
		for _, obs := range c.Releases {
			if obs.Owner == owner {
				out[pair{obs.Provider, obs.Organization}] = true
			}
		}
		for provider, live := range c.Admissions {
			if live.Owner == owner {
				for organization := range live.Organizations {
					out[pair{provider, organization}] = true
				}
			}
		}
	}
	return out
}

// weighs says whether an action counts in the limit when it takes something away. What guards a provider, and
// the organizations of one that goes itself, go along with it.
func (a *Action) weighs(want Desired) bool {
	return a.ID.Kind == KindRelease || a.ID.Kind == KindAllowlist && has(want.Providers, a.Provider)
}

// allow is how many may go out of so many: the smaller of both limits, but at least one.
func (l Limits) allow(managed int, at time.Time) int {
	if l.raised(at) {
		return l.Raised
	}
	return max(1, min(l.MaxDelete, managed*l.MaxDeletePercent/100))
}

// raised says whether somebody declared that much is meant to go now.
func (l Limits) raised(at time.Time) bool { return l.Raised > 0 && at.Before(l.RaisedUntil) }

// holdDeletes holds those deletions for which why has words.
func holdDeletes(p Plan, reason Reason, why func(Action) string) Plan {
	for a := range p.each() { // Decide has just made them
		if !takes(a.Op) {
			continue
		}
		if words := why(*a); words != "" {
			*a = hold(*a, reason, words)
		}
	}
	return p
}
