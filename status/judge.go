package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/workspace-providers/reconcile/reconcile"
)

// judge says how one release is, from the action that the plan has for it and what its cluster holds.
func judge(a *reconcile.Action, r *reconcile.Report) Release {
	obs, chart := &a.Have, &a.Want.Release.Chart
	if !ours(a, r) {
		obs = &reconcile.Observed{Since: obs.Since, Tried: obs.Tried} // what others installed is not shown as ours
	}
	rel := Release{
		Cluster: a.ID.Cluster, Namespace: a.ID.Namespace, Name: a.ID.Name, Organization: a.Organization, Since: obs.Since,
		Revision: obs.Revision, Health: obs.Health, ReadySince: obs.ReadySince, Commit: obs.Commit,
		Digest: prefix(obs.Digest), Drift: len(obs.Drift), Edits: edits(obs.Drift),
		Chart: cmp.Or(obs.ChartName, chart.Name), Version: cmp.Or(obs.ChartVersion, chart.Version),
	}
	check := &a.Want.Release.Ready
	rel.unverified = check.HTTP == "" && len(check.Create) == 0
	rel.declared = wanted(a)
	c, seen := reach(r, a.ID.Cluster)
	switch {
	case !seen:
		return rel.is(Pending, unseen(a.ID.Cluster))
	case !c.Reachable:
		rel.Since = c.Since
		return rel.is(Error, unreachable(a.ID.Cluster, c))
	}
	rel.applied = wanted(a) && applied(a) && ours(a, r)
	if why := lastFailure(a, obs, r); why != "" {
		return rel.is(Error, why)
	}
	if status, message, found := stored(a, r); found {
		return rel.is(status, message)
	}
	return healthy(rel, a)
}

// lastFailure is what the last try at what is declared ended with, in this process or, where it left nothing else
// behind, in another; empty: it did not fail.
func lastFailure(a *reconcile.Action, obs *reconcile.Observed, r *reconcile.Report) string {
	switch err := r.Failed[a.ID]; {
	case obs.Tried != a.Digest || a.Reason == reconcile.InSync:
		return ""
	case err != nil:
		return err.Error()
	case obs.Tries > 0 && obs.Digest != a.Digest && obs.State == reconcile.Deployed:
		return obs.Failure
	}
	return ""
}

// stored is the part of the table that Helm's storage decides: everything before the release stands
// there as it is wanted.
//
//gocyclo:ignore
func stored(a *reconcile.Action, r *reconcile.Report) (Status, string, bool) {
	obs := &a.Have
	tried := obs.Attempted != "" && obs.Attempted == a.Digest
	switch {
	case obs.State == reconcile.Corrupt:
		return Error, "the stored release cannot be read: " + obs.Failure, true
	case tried && (ours(a, r) || obs.State == reconcile.Absent):
		return Error, cmp.Or(obs.Failure, "the last attempt failed"), true
	case obs.State == reconcile.Absent:
		return Pending, "not installed yet", true
	case !ours(a, r) && obs.State != reconcile.Locked:
		return Pending, a.Message, true
	case obs.State == reconcile.Pending:
		return Pending, "left unfinished by a process that was stopped; it is taken up again", true
	case obs.State == reconcile.Uninstalling:
		return Pending, "is being uninstalled", true
	case !wanted(a) && (a.Acts() || obs.State == reconcile.Locked):
		return Pending, "not declared any more; is being removed", true
	case wanted(a) && obs.Digest != a.Digest && obs.State == reconcile.Locked:
		return Pending, "is being applied", true
	case wanted(a) && obs.Digest != a.Digest:
		return Pending, "the declared change is not applied yet", true
	}
	return "", "", false
}

// healthy is the rest of the table: the release stands there as it is wanted, and its objects decide.
func healthy(rel Release, a *reconcile.Action) Release {
	obs := &a.Have
	switch {
	case obs.Health == reconcile.Unhealthy:
		return rel.is(Error, cmp.Or(obs.Message, "its objects are not healthy"))
	case obs.Health == reconcile.Progressing:
		return rel.is(Pending, cmp.Or(obs.Message, "its objects are coming up"))
	case obs.Health == reconcile.HealthUnknown:
		return rel.is(Pending, "its objects were not looked at yet")
	}
	if !obs.ReadySince.IsZero() {
		rel.Since = obs.ReadySince
	}
	if !wanted(a) {
		return rel.is(Ready, "not declared any more")
	}
	return rel.is(Ready, drifted(a))
}

// drifted says what was edited by hand, and what becomes of it; empty: nothing was.
func drifted(a *reconcile.Action) string {
	drift := a.Have.Drift
	switch {
	case len(drift) == 0:
		return ""
	case a.Reason == reconcile.Contested:
		return edited(drift) + ", contested"
	case a.Op == reconcile.OpRepair || a.Reason == reconcile.IsLocked:
		return edited(drift) + ", being repaired"
	case a.Op == reconcile.OpKeep:
		return edited(drift) + ", left as declared in drift"
	}
	return edited(drift) // what holds it stands beside
}

// edited counts the fields that were edited by hand and names their managers.
func edited(drift []reconcile.Drift) string {
	var by []string
	for _, d := range drift {
		if d.By != "" {
			by = append(by, d.By)
		}
	}
	slices.Sort(by)
	text := count(len(drift), "field") + " edited by hand"
	if by = slices.Compact(by); len(by) > 0 {
		text += " (" + strings.Join(by, ", ") + ")"
	}
	return text
}

// edits lists the fields that were edited by hand.
func edits(drift []reconcile.Drift) (out []Edit) {
	for _, d := range drift {
		out = append(out, Edit{d.Object, d.Field, clean(d.Message), clean(d.By), d.Contested})
	}
	return out
}

// applied says whether a release carries what is wanted and nothing is left to do but bring it back where
// it was edited by hand.
func applied(a *reconcile.Action) bool {
	in := a.Have.State == reconcile.Deployed || a.Have.State == reconcile.Locked
	return in && a.Have.Digest == a.Digest && (!a.Acts() || a.Op == reconcile.OpRepair)
}

func (rel Release) is(s Status, message string) Release {
	rel.Status, rel.Message = s, clean(message)
	return rel
}

// wanted says whether the action is about something declared.
func wanted(a *reconcile.Action) bool { return a.Want.ID != (reconcile.ID{}) }

// ours says whether the release carries the mark of this deployment.
func ours(a *reconcile.Action, r *reconcile.Report) bool { return a.Have.Owner == r.Want.Owner }

// reach says what is known of a cluster; seen is false before the first look at it has ended or failed.
func reach(r *reconcile.Report, cluster string) (c reconcile.ClusterLive, seen bool) {
	c = r.Live.Clusters[cluster]
	return c, c.Looked || c.Err != ""
}

// blind says whether some cluster was not looked at yet: what is unknown then will be known soon.
func blind(r *reconcile.Report) bool {
	return slices.ContainsFunc(r.Plan.Clusters, func(c reconcile.ClusterState) bool {
		_, seen := reach(r, c.Name)
		return !seen
	})
}

func unseen(cluster string) string {
	return fmt.Sprintf("cluster %s was not looked at yet", cluster)
}

func unreachable(cluster string, c reconcile.ClusterLive) string {
	return fmt.Sprintf("cluster %s cannot be reached: %s", cluster, c.Err)
}
