package reconcile

import (
	"cmp"
	"fmt"
	"slices"
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
	c := have.Clusters[id.Cluster]
	policy, message := endOf(obs, want)
	a := Action{
		ID: id, Provider: obs.Provider, Organization: obs.Organization, After: moved(id, obs, want),
		Have: obs, Commit: want.Commit,
	}
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
		return hold(a, IsLocked, "it is being worked on")
	case obs.State == Corrupt:
		return hold(a, Unknown, "its stored release cannot be read: "+obs.Failure)
	case policy != Uninstall && policy != Orphan:
		return hold(a, Blocked, message)
	case backsOff(a, have):
		return hold(a, BackingOff, obs.Failure)
	}
	return a
}

// endOf is the policy for a release that is not declared any more, and where it comes from: what removed
// says, else what was recorded when it was last applied, else block.
func endOf(obs Observed, want Desired) (policy Policy, message string) {
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
