package reconcile

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// isOrphan says whether nothing but its own end can be meant for a release that is not among the wanted
// items: it is there and ours, and everything that is declared is known.
func isOrphan(obs Observed, want Desired) bool {
	return want.Owner != "" && obs.Owner == want.Owner && obs.State != Absent && !want.Narrowed
}

// forgotten says whether a provider was declared to be gone for good.
func forgotten(obs Observed, want Desired) bool { return want.Removed[obs.Provider].Forget }

// decideOrphan is the lower part of the table: what becomes of our release that nobody wants any more.
func decideOrphan(id ID, obs Observed, want Desired, have Live) Action {
	a := end(Action{
		ID: id, Provider: obs.Provider, Organization: obs.Organization, After: moved(id, obs, want),
		Have: obs, Commit: want.Commit,
	}, want, have)
	if a.Op == OpDelete {
		return occupied(a, have.Clusters[id.Cluster])
	}
	return a
}

// end is what becomes of something that is ours and that nobody wants any more, as far as it is not about
// people who work there.
func end(a Action, want Desired, have Live) Action {
	c, obs := have.Clusters[a.ID.Cluster], a.Have
	policy, message := endOf(a, want, have.At)
	a = act(a, OpDelete, Orphaned, message)
	if policy == Orphan {
		a.Op = OpOrphan
	}
	switch {
	case forgotten(obs, want):
		return hold(a, Forgotten, "it is declared to be gone for good, and its cluster answers and has it; "+
			"declare removed with policy uninstall or orphan")
	case !c.Reachable:
		return hold(a, Unknown, cmp.Or(c.Err, "the cluster was not looked at yet"))
	case obs.State == Locked:
		return hold(a, IsLocked, workedOn)
	case obs.State == Corrupt:
		return hold(a, Unknown, "its stored release cannot be read: "+obs.Failure)
	case policy != Uninstall && policy != Orphan:
		return hold(a, Blocked, message)
	case !has(want.Clusters, a.ID.Cluster) && !has(want.Removed, a.Provider):
		return hold(a, UndeclaredCluster, fmt.Sprintf("cluster %s is not declared any more and still holds it; declare the "+
			"cluster again, or removed: %q: {policy: …, reason: …}", a.ID.Cluster, a.Provider))
	}
	return restrain(a, "", have)
}

// endOf is the policy for what is not declared any more, and where it comes from: an organization that left
// the allowlist takes its own release along; else what removed says, else what was recorded when it was last
// applied, else block.
func endOf(a Action, want Desired, now time.Time) (policy Policy, message string) {
	obs := a.Have
	if p, declared := want.Providers[obs.Provider]; declared && p.Cluster == a.ID.Cluster && a.Organization != "" && !p.allows(a.Organization, now) {
		return Uninstall, fmt.Sprintf("organization %s is not on the allowlist any more", a.Organization)
	}
	if r, declared := want.Removed[obs.Provider]; declared {
		return r.Policy, r.Reason
	}
	policy = cmp.Or(obs.Policy, Block)
	message = fmt.Sprintf("deletion policy %s stands on its release", policy)
	if policy == Block {
		message += fmt.Sprintf("; to remove it, declare removed: %q: {policy: \"uninstall\" | \"orphan\", reason: …}", obs.Provider)
	}
	return policy, message
}

// moved are the wanted releases of the same provider and organization in another place: what is left
// behind goes when they are in place. A release that only has another name must go first, since both
// would make the same objects.
func moved(id ID, obs Observed, want Desired) []ID {
	var out []ID
	for _, it := range want.Items {
		same := it.Provider == obs.Provider && it.Organization == obs.Organization
		if same && (it.ID.Cluster != id.Cluster || it.ID.Namespace != id.Namespace) {
			out = append(out, it.ID)
		}
	}
	slices.SortFunc(out, ID.Compare)
	return out
}
