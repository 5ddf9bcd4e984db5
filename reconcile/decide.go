package reconcile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Decide compares what is wanted with what there is and says what has to happen, over all clusters.
// It is pure: the same arguments give the same plan, whatever the order of the items.
//
// The decision for one item is the table in the package's documentation. Guards over the whole plan
// come after it.
func Decide(want Desired, have Live) Plan {
	want = want.Resolve(have)
	guarded := doors(want, have)
	p := Plan{Revision: want.Commit.SHA, Actions: make([]Action, 0, len(want.Items)+len(guarded))}
	wanted := make(map[ID]bool, len(want.Items))
	for _, it := range want.Items {
		wanted[it.ID] = true
		p.Actions = append(p.Actions, decideWanted(it, want, have))
	}
	for _, c := range have.Clusters {
		for id, obs := range c.Releases {
			if !wanted[id] && isOrphan(obs, want) && !(forgotten(obs, want) && !c.Reachable) {
				p.Actions = append(p.Actions, decideOrphan(id, obs, want, have))
			}
		}
	}
	p.Actions = decideDoors(p.Actions, guarded, want, have)
	p.URL = changeOf(p, want, have)
	p.Actions = append(p.Actions, p.URL.withdrawn(want)...)
	order(p.Actions)
	sort(p.Actions)
	p.Clusters = clusterStates(p, want, have)
	return asShown(guard(pace(p, want, have), want, have), want, have)
}

// clusterStates lists, by name, every cluster that is declared or that the plan has something to say about.
func clusterStates(p Plan, want Desired, have Live) []ClusterState {
	names := map[string]bool{}
	for name := range want.Clusters {
		names[name] = true
	}
	for a := range p.each() {
		names[a.ID.Cluster] = true
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

// sort puts actions in order. They are large: each that is not in its place is moved once, to there.
func sort(actions []Action) {
	from := make([]int, len(actions))
	for i := range from {
		from[i] = i
	}
	slices.SortFunc(from, func(i, j int) int { return compareActions(&actions[i], &actions[j]) })
	for start := range from {
		if from[start] == start {
			continue
		}
		first, at := actions[start], start
		for from[at] != start {
			next := from[at]
			actions[at], from[at], at = actions[next], at, next
		}
		actions[at], from[at] = first, at
	}
}

// compareActions puts what gives before what takes away, then lower waves first, then providers by name, then by
// ID: what guards a provider stands beside it.
func compareActions(a, b *Action) int {
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Wave, b.Wave), cmp.Compare(a.ID.Cluster, b.ID.Cluster),
		cmp.Compare(a.Provider, b.Provider), a.ID.Compare(b.ID))
}

func rank(a *Action) int {
	if takes(a.Op) {
		return 1
	}
	return 0
}

// takes says whether an op takes a release away, at least from us.
func takes(op Op) bool { return op == OpDelete || op == OpOrphan }

// decideWanted is the upper part of the table: what becomes of an item that should be there.
func decideWanted(it Item, want Desired, have Live) Action {
	c := have.Clusters[it.ID.Cluster]
	obs := c.Releases[it.ID]
	refs, missing, listed := refStates(it, c)
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
	if a.Acts() {
		a.Risks = it.Risks
	}
	switch held := restrain(a, it.Suspended, have); {
	case missing == "" || !a.Acts() || held.Class == Declared:
		return held
	case !listed:
		return hold(a, Settling, missing+" is being looked for")
	}
	return hold(a, WaitingForSecret, missing+" is not there yet")
}

// restrain holds what would act while somebody said that it must not, or while it is too soon to try it
// again.
func restrain(a Action, suspended string, have Live) Action {
	switch f, is := frozen(a, have); {
	case !a.Acts():
		return a
	case suspended != "":
		return hold(a, Suspended, suspended)
	case is:
		return hold(a, Frozen, fmt.Sprintf("%s (%s, until %s)", f.Reason, f.By, f.Until.UTC().Format(time.RFC3339)))
	case backsOff(a, have):
		return hold(a, BackingOff, a.Have.Failure)
	}
	return a
}

// frozen is the freeze that an action is under, if it is under one.
func frozen(a Action, have Live) (f Freeze, is bool) {
	for _, f := range have.Clusters[a.ID.Cluster].Freezes {
		if f.Stops(a, have.At) {
			return f, true
		}
	}
	return Freeze{}, false
}

// backsOff says whether the same inputs failed so shortly ago that they are not tried again yet.
func backsOff(a Action, have Live) bool {
	obs := a.Have
	return obs.Tries > 0 && obs.Tried == a.Digest && obs.RetryAt.After(have.At) && !obs.RetryAsked
}

// compare says what the difference between an item and its release in a reachable cluster calls for.
func compare(a Action, owner string) Action {
	switch obs := a.Have; {
	case obs.State == Absent:
		return act(a, OpCreate, Missing, "")
	case obs.State == Locked:
		return hold(a, IsLocked, workedOn)
	case obs.State == Corrupt:
		return hold(a, Unknown, "its stored release cannot be read: "+obs.Failure)
	case obs.Owner != owner:
		return compareForeign(a)
	}
	return compareOurs(a)
}

// compareOurs is about a release that carries our mark.
func compareOurs(a Action) Action {
	switch obs := a.Have; {
	case obs.State == Uninstalling:
		return act(a, OpCreate, HasFailed, "an uninstall was begun and not finished; it is finished first")
	case obs.State == Pending:
		return act(a, OpUpdate, HasFailed, "left pending by a process that was stopped")
	case obs.Attempted == a.Digest:
		return compareAttempted(a)
	case obs.State == Deployed && obs.Digest == "":
		return act(a, OpUpdate, Changed, "its newest revision was made by somebody else, with helm upgrade or helm rollback")
	case obs.State == Failed || obs.Digest != a.Digest:
		return act(a, OpUpdate, Changed, "")
	}
	if differs := marksDiffer(a); differs != "" {
		return act(a, OpUpdate, Changed, differs)
	}
	return compareApplied(a)
}

// marksDiffer says which mark on a release is not what is declared: they govern its removal, and inputs
// do not tell of them.
func marksDiffer(a Action) string {
	obs, policy := a.Have, a.Want.Release.Deletion
	switch {
	case obs.Policy != policy:
		return fmt.Sprintf("deletion policy %s, was %s", policy, cmp.Or(obs.Policy, "not recorded"))
	case obs.Provider != a.Provider:
		return fmt.Sprintf("it belongs to provider %s, was %s", a.Provider, cmp.Or(obs.Provider, "not recorded"))
	case obs.AccessURL == "" && a.Want.AccessURL != "":
		return "it is not noted which access URL it was given"
	case obs.Organization != a.Organization:
		return fmt.Sprintf("it belongs to organization %s, was %s",
			cmp.Or(a.Organization, "none"), cmp.Or(obs.Organization, "none"))
	}
	return ""
}

// compareForeign is about a release that somebody else installed.
func compareForeign(a Action) Action {
	adopt := act(a, OpAdopt, Adopted, "")
	switch obs := a.Have; {
	case obs.Manager != "":
		return hold(adopt, NotOurs, "a release of this name is managed by "+obs.Manager)
	case obs.Owner != "":
		return hold(adopt, NotOurs, "a release of this name belongs to the deployment "+obs.Owner)
	case !a.Want.Release.Adopt:
		return hold(adopt, NotOurs, "a release of this name is there already; declare release: adopt: true to take it over")
	case obs.State == Pending || obs.State == Uninstalling:
		return hold(adopt, NotOurs, fmt.Sprintf("a release of this name is %s: somebody is at it, or left it so; "+
			"it is adopted when that has ended", obs.State))
	}
	return adopt
}

// compareAttempted is about inputs that were tried and failed.
func compareAttempted(a Action) Action {
	switch obs := a.Have; {
	case obs.RetryAsked:
		return act(a, OpUpdate, HasFailed, "somebody asked to try again")
	case obs.State == Deployed:
		return hold(act(a, OpUpdate, Changed, ""), RolledBack, obs.Failure)
	case a.Want.Release.OnFailure == Rollback && obs.Digest != "":
		return act(a, OpRollback, HasFailed, obs.Failure)
	}
	return act(a, OpUpdate, HasFailed, a.Have.Failure)
}

// compareApplied is about a release that carries the wanted digest. One that was Ready before is not rolled
// back: what broke it came later, and an older revision is no cure for it.
func compareApplied(a Action) Action {
	obs, rel := a.Have, a.Want.Release
	drifted := len(obs.Drift) > 0
	switch {
	case drifted && rel.Drift == DriftRepair:
		return compareEdited(a)
	case obs.Health == Healthy && drifted:
		return act(a, OpKeep, Drifted, driftText(obs.Drift))
	case obs.Health == Healthy:
		return act(a, OpKeep, InSync, "")
	case obs.Health == Unhealthy && rel.OnFailure == Rollback && obs.Revision > 1 && obs.ReadySince.IsZero():
		return act(a, OpRollback, HasFailed, obs.Message)
	case obs.Health == Unhealthy:
		return act(a, OpKeep, HasFailed, obs.Message)
	}
	return hold(a, Settling, obs.Message)
}

// compareEdited is about a release whose edits by hand are to be repaired. What others put back again and again
// keeps nothing else from being repaired.
func compareEdited(a Action) Action {
	open := slices.DeleteFunc(slices.Clone(a.Have.Drift), func(d Drift) bool { return d.Contested })
	if len(open) > 0 {
		return act(a, OpRepair, Drifted, driftText(open))
	}
	return hold(act(a, OpRepair, Drifted, ""), Contested, fmt.Sprintf("it was put back %d times within %.0f minutes: %s",
		quarrelsome, quarrelWindow.Minutes(), driftText(a.Have.Drift)))
}

// refStates looks up what an item refers to. It says what is missing first, and whether that is known, or
// nobody has looked for it yet.
func refStates(it Item, c ClusterLive) (states []RefState, missing string, listed bool) {
	for _, r := range it.Release.References {
		state, there := c.Refs[RefID{Namespace: it.ID.Namespace, Kind: r.Kind, Name: r.Name}]
		if !there && missing == "" {
			missing, listed = fmt.Sprintf("%s %s/%s", r.Kind, it.ID.Namespace, r.Name), !c.Unlisted[r.Kind]
		}
		states = append(states, state)
	}
	return states, missing, listed
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

// workedOn is said of what is in hand.
const workedOn = "it is being worked on"

// hold turns an action into one that waits; what it would have been stays visible.
func hold(a Action, reason Reason, message string) Action {
	if a.Op != OpKeep && a.Op != OpHold {
		a.Would = a.Op
	}
	a.Op, a.Reason, a.Class, a.Message = OpHold, reason, reason.Class(), message
	return a
}
