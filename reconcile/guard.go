package reconcile

import (
	"fmt"
	"time"
)

// firstLook holds every deletion until all reachable clusters were looked at once: a program that has
// just started does not know yet what moved from one cluster to another.
func firstLook(p Plan, have Live) Plan {
	unseen := ""
	for _, c := range p.Clusters {
		if live := have.Clusters[c.Name]; c.Reachable && !live.Looked {
			unseen = c.Name
		}
	}
	if unseen == "" {
		return p
	}
	return holdDeletes(p, Unknown, fmt.Sprintf("cluster %s was not looked at yet", unseen))
}

// limitDeletes holds all deletions of a plan when there are more than the declared limit: a mistake
// that removes many providers looks like that, and a wish can say so.
func limitDeletes(p Plan, want Desired, have Live) Plan {
	gone, managed := map[[2]string]bool{}, map[[2]string]bool{}
	for _, a := range p.Actions {
		key := [2]string{a.Provider, a.Organization}
		managed[key] = true
		if a.Op == OpDelete || a.Op == OpOrphan {
			gone[key] = true
		}
	}
	limit := want.Limits.allow(len(managed), have.At)
	if len(gone) <= limit {
		return p
	}
	return holdDeletes(p, Guarded, fmt.Sprintf("%d providers would go, %d may at once; "+
		"if this is meant, declare deployment: deletion: raised: {max: %d, until: …, reason: …}",
		len(gone), limit, len(gone)))
}

// allow is the smaller of both limits, but at least one.
func (l Limits) allow(managed int, at time.Time) int {
	if l.Raised > 0 && at.Before(l.RaisedUntil) {
		return l.Raised
	}
	return max(1, min(l.MaxDelete, managed*l.MaxDeletePercent/100))
}

func holdDeletes(p Plan, reason Reason, message string) Plan {
	out := p
	out.Actions = make([]Action, len(p.Actions))
	for i, a := range p.Actions {
		if a.Op == OpDelete || a.Op == OpOrphan {
			a = hold(a, reason, message)
		}
		out.Actions[i] = a
	}
	return out
}
