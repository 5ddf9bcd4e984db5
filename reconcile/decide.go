package reconcile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Decide compares what is wanted with what there is and says what has to happen, over all clusters.
// It is pure: the same arguments give the same plan, whatever the order of the items.
//
// The decision for one item is the table in the package's documentation. Guards over the whole plan
// come after it.
func Decide(want Desired, have Live) Plan {
	p := Plan{Revision: want.Commit.SHA, Clusters: clusterStates(want, have)}
	wanted := make(map[ID]bool, len(want.Items))
	for _, it := range want.Items {
		wanted[it.ID] = true
		p.Actions = append(p.Actions, decideWanted(it, want, have))
	}
	for _, c := range have.Clusters {
		for id, obs := range c.Releases {
			if obs.Owner == want.Owner && !wanted[id] && !want.Narrowed {
				p.Actions = append(p.Actions, decideOrphan(id, obs, want, have))
			}
		}
	}
	slices.SortFunc(p.Actions, compareActions)
	return limitDeletes(firstLook(p, have), want, have)
}

// clusterStates lists every cluster that is declared or holds something, by name.
func clusterStates(want Desired, have Live) []ClusterState {
	names := map[string]bool{}
	for name := range want.Clusters {
		names[name] = true
	}
	for name := range have.Clusters {
		names[name] = true
	}
	var out []ClusterState
	for _, name := range slices.Sorted(maps.Keys(names)) {
		c, known := have.Clusters[name]
		if !known {
			c.Err = "not looked at yet"
		}
		out = append(out, ClusterState{Name: name, Reachable: c.Reachable, Err: c.Err, Since: c.Since})
	}
	return out
}

// compareActions puts what gives before what takes away, then lower waves first, then by ID.
func compareActions(a, b Action) int {
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Wave, b.Wave), a.ID.Compare(b.ID))
}

func rank(a Action) int {
	if a.Op == OpDelete || a.Op == OpOrphan {
		return 1
	}
	return 0
}

// decideWanted is the upper part of the table: what becomes of an item that should be there.
func decideWanted(it Item, want Desired, have Live) Action {
	c := have.Clusters[it.ID.Cluster]
	obs := c.Releases[it.ID]
	refs, missing := refStates(it, c)
	a := Action{
		ID: it.ID, Provider: it.Provider, Organization: it.Organization, Wave: it.Wave, After: it.After,
		Want: it, Have: obs, Digest: Digest(it, refs), Commit: want.Commit,
	}
	if !c.Reachable {
		return hold(a, Unknown, cmp.Or(c.Err, "the cluster was not looked at yet"))
	}
	if it.Broken != "" {
		return hold(a, Unknown, it.Broken)
	}
	a = compare(a, want.Owner)
	switch acts := a.Op != OpHold && a.Op != OpKeep; {
	case !acts:
		return a
	case it.Suspended != "":
		return hold(a, Suspended, it.Suspended)
	case missing != "":
		return hold(a, WaitingForSecret, missing)
	case backsOff(a, have):
		return hold(a, BackingOff, obs.Failure)
	}
	return a
}

// backsOff says whether the same inputs failed so shortly ago that they are not tried again yet.
func backsOff(a Action, have Live) bool {
	obs := a.Have
	return obs.Tries > 0 && obs.Tried == a.Digest && obs.RetryAt.After(have.At) && !obs.RetryAsked
}

// compare says what the difference between an item and its release in a reachable cluster calls for.
func compare(a Action, owner string) Action {
	obs := a.Have
	switch {
	case obs.State == Absent:
		return act(a, OpCreate, Missing, "")
	case obs.State == Locked:
		return hold(a, IsLocked, "it is being worked on")
	case obs.State == Corrupt:
		return hold(a, Unknown, "its stored release cannot be read: "+obs.Failure)
	case obs.Owner != owner:
		return compareForeign(a)
	case obs.State == Uninstalling:
		return act(a, OpCreate, HasFailed, "an uninstall was begun and not finished; it is finished first")
	case obs.State == Pending:
		return act(a, OpUpdate, HasFailed, "left pending by a process that was stopped")
	case obs.Attempted == a.Digest && !obs.RetryAsked:
		return compareAttempted(a)
	case obs.State == Failed:
		return act(a, OpUpdate, Changed, "")
	case obs.Digest != a.Digest:
		return act(a, OpUpdate, Changed, "")
	case obs.Policy != a.Want.Release.Deletion:
		return act(a, OpUpdate, Changed, fmt.Sprintf("deletion policy %s, was %s",
			a.Want.Release.Deletion, cmp.Or(obs.Policy, "not recorded")))
	}
	return compareApplied(a)
}

// compareForeign is about a release that somebody else installed.
func compareForeign(a Action) Action {
	switch by := a.Have.Manager; {
	case by != "":
		return hold(act(a, OpAdopt, Adopted, ""), NotOurs, "a release of this name is managed by "+by)
	case a.Have.Owner != "":
		return hold(act(a, OpAdopt, Adopted, ""), NotOurs,
			"a release of this name belongs to the deployment "+a.Have.Owner)
	case !a.Want.Release.Adopt:
		return hold(act(a, OpAdopt, Adopted, ""), NotOurs,
			"a release of this name is there already; declare release: adopt: true to take it over")
	}
	return act(a, OpAdopt, Adopted, "")
}

// compareAttempted is about inputs that were tried and failed.
func compareAttempted(a Action) Action {
	switch obs := a.Have; {
	case obs.State == Deployed:
		return hold(act(a, OpUpdate, Changed, ""), RolledBack, obs.Failure)
	case a.Want.Release.OnFailure == Rollback && obs.Digest != "":
		return act(a, OpRollback, HasFailed, obs.Failure)
	}
	return act(a, OpUpdate, HasFailed, a.Have.Failure)
}

// compareApplied is about a release that carries the wanted digest.
func compareApplied(a Action) Action {
	obs, rel := a.Have, a.Want.Release
	switch {
	case len(obs.Drift) > 0 && rel.Drift == DriftRepair:
		return act(a, OpRepair, Drifted, driftText(obs.Drift))
	case obs.Health == Healthy && len(obs.Drift) > 0:
		return act(a, OpKeep, Drifted, driftText(obs.Drift))
	case obs.Health == Healthy:
		return act(a, OpKeep, InSync, "")
	case obs.Health == Unhealthy && rel.OnFailure == Rollback && obs.Revision > 1:
		return act(a, OpRollback, HasFailed, obs.Message)
	case obs.Health == Unhealthy:
		return act(a, OpKeep, HasFailed, obs.Message)
	}
	return hold(a, Settling, obs.Message)
}

// decideOrphan is the lower part of the table: what becomes of our release that nobody wants any more.
func decideOrphan(id ID, obs Observed, want Desired, have Live) Action {
	c := have.Clusters[id.Cluster]
	a := Action{ID: id, Provider: obs.Provider, Organization: obs.Organization, Have: obs, Commit: want.Commit}
	a = act(a, OpDelete, Orphaned, "")
	policy, message := endOf(obs, want)
	if policy == Orphan {
		a.Op = OpOrphan
	}
	switch {
	case !c.Reachable:
		return hold(a, Unknown, c.Err)
	case obs.State == Locked:
		return hold(a, IsLocked, "it is being worked on")
	case obs.State == Corrupt:
		return hold(a, Unknown, "its stored release cannot be read: "+obs.Failure)
	case policy != Uninstall && policy != Orphan:
		return hold(a, Blocked, message)
	case backsOff(a, have):
		return hold(a, BackingOff, obs.Failure)
	}
	a.Message = message
	return a
}

// endOf is the policy for a release that is not declared any more: what removed says, else what was
// recorded when it was last applied, else block.
func endOf(obs Observed, want Desired) (Policy, string) {
	if r, declared := want.Removed[obs.Provider]; declared {
		return r.Policy, r.Reason
	}
	policy := cmp.Or(obs.Policy, Block)
	return policy, fmt.Sprintf("deletion policy %s stands on its release; to remove it, declare removed: %q: "+
		"{policy: \"uninstall\" | \"orphan\", reason: …}", policy, obs.Provider)
}

// refStates looks up what an item refers to, and says what is not there yet.
func refStates(it Item, c ClusterLive) (states []RefState, missing string) {
	for _, r := range it.Release.References {
		state, there := c.Refs[RefID{Namespace: it.ID.Namespace, Kind: r.Kind, Name: r.Name}]
		if !there && missing == "" {
			missing = fmt.Sprintf("%s %s/%s is not there yet", r.Kind, it.ID.Namespace, r.Name)
		}
		states = append(states, state)
	}
	return states, missing
}

// driftText counts the drifted fields and names the first.
func driftText(drift []Drift) string {
	first := drift[0]
	text := fmt.Sprintf("%s %s: %s", first.Object, first.Field, first.Message)
	if len(drift) > 1 {
		text += fmt.Sprintf(" (and %d more)", len(drift)-1)
	}
	return text
}

func act(a Action, op Op, reason Reason, message string) Action {
	a.Op, a.Reason, a.Message = op, reason, message
	return a
}

// hold turns an action into one that waits; what it would have been stays visible.
func hold(a Action, reason Reason, message string) Action {
	if a.Op != OpKeep && a.Op != OpHold {
		a.Would = a.Op
	}
	a.Op, a.Reason, a.Class, a.Message = OpHold, reason, reason.Class(), message
	return a
}
