package status

import (
	"fmt"
	"strings"

	"github.com/workspace-providers/reconcile/reconcile"
)

// advice says what ends the hold of an action: what somebody can do, or what it waits for.
func advice(a reconcile.Action) string {
	switch a.Reason {
	case reconcile.NotOurs:
		return adviceOnForeign(a)
	case reconcile.Unknown:
		return adviceOnUnknown(a)
	case reconcile.Guarded:
		return adviceOnGuarded(a)
	case reconcile.URLNotReady:
		return adviceOnURL(a)
	case reconcile.Settling, reconcile.Occupied, reconcile.Unrecognised, reconcile.Blocked, reconcile.UndeclaredCluster, reconcile.BackingOff:
		if text := adviceOnDoor(a); text != "" {
			return text
		}
	}
	return adviceFor(a.Reason)
}

// adviceOnForeign is for what somebody else installed.
func adviceOnForeign(a reconcile.Action) string {
	switch {
	case a.Have.Manager != "":
		return "end its management by " + clean(a.Have.Manager) + ", or give this release another name"
	case a.Have.Owner != "":
		return "give this release another name; two deployments cannot share one"
	}
	return adviceFor(a.Reason)
}

// adviceOnUnknown is for what nobody can decide on.
func adviceOnUnknown(a reconcile.Action) string {
	switch {
	case a.Want.Broken != "" && a.Message == a.Want.Broken:
		return "correct chart in its declaration, or make the place that it comes from answer"
	case a.Have.State == reconcile.Corrupt && strings.HasSuffix(a.Message, a.Have.Failure):
		return "restore or delete the newest revision of the release that Helm keeps as a Secret in its namespace"
	case a.Message == reconcile.NotCounted:
		return "it ends when they were counted; the daemon must be allowed to list and watch pods, persistentvolumeclaims, " +
			"deployments and statefulsets"
	}
	return adviceFor(a.Reason)
}

// adviceOnGuarded is for each of the three causes for which deletions are held that nothing else holds.
func adviceOnGuarded(a reconcile.Action) string {
	switch {
	case strings.HasPrefix(a.Message, reconcile.NothingDeclared):
		return "put the declarations back, or name under removed what is meant to go"
	case strings.HasPrefix(a.Message, reconcile.NotShown):
		return "merge a pull request whose plan shows it, or declare deployment.pullRequests.override"
	case strings.HasPrefix(a.Message, reconcile.TooFar):
		return "declare a version of the chart that fits, or rollout.override"
	case strings.HasPrefix(a.Message, reconcile.NotDescended+" "):
		return "merge that revision, or declare deployment.deletion.raised if the history was rewritten on purpose"
	}
	return adviceFor(a.Reason)
}

// adviceOnURL is for what waits for the access URL.
func adviceOnURL(a reconcile.Action) string {
	if a.ID.Kind == reconcile.KindAccessURL {
		return "declare previousAccessURL again until `reconcile access-url status` says that it may go"
	}
	return adviceFor(a.Reason)
}

// adviceOnDoor is for what is about people: who may come in, and who is there.
func adviceOnDoor(a reconcile.Action) string {
	leaves := a.ID.Kind == reconcile.KindAllowlist && a.Have.Provider == a.Provider
	switch {
	case a.Reason == reconcile.Settling && a.ID.Kind == reconcile.KindAdmission:
		return "it ends when environments were counted"
	case a.Reason == reconcile.BackingOff && a.ID.Kind != reconcile.KindRelease:
		return "it is tried again by itself"
	case a.Reason == reconcile.Occupied && leaves:
		return fmt.Sprintf("delete or move them, or put %s back on the allowlist", a.Organization)
	case a.Reason == reconcile.Unrecognised && a.Would != reconcile.OpDelete:
		return `say under organizations: match: how they are recognised, or declare enforcement: "audit" until then`
	case a.Reason == reconcile.UndeclaredCluster, a.Reason == reconcile.Blocked && a.ID.Kind != reconcile.KindRelease:
		return fmt.Sprintf("declare it again, or say under removed: %q: what is to become of it", a.Provider)
	}
	return ""
}

// adviceFor is advice for a reason, whatever the action. It is a table.
//
//gocyclo:ignore
func adviceFor(r reconcile.Reason) string {
	switch r {
	case reconcile.Settling:
		return "it ends when the release's objects are healthy"
	case reconcile.IsLocked:
		return "it ends when the work in hand is done"
	case reconcile.BackingOff:
		return "it is tried again by itself; `reconcile retry NAME` tries now"
	case reconcile.Suspended:
		return "take suspend out of its declaration to go on"
	case reconcile.Cordoned:
		return "take cordon out of its declaration to let new environments in"
	case reconcile.Windowed:
		return "it goes on when a window opens; rollout.override lets it out before"
	case reconcile.Frozen:
		return "it goes on by itself when the freeze ends; `reconcile thaw` with the same flags ends it now"
	case reconcile.NotOurs:
		return "remove that release, give this one another name, or declare release.adopt"
	case reconcile.Occupied:
		return "delete or move them, or declare it again"
	case reconcile.Blocked:
		return "declare its end under removed, or declare it again"
	case reconcile.Guarded:
		return "raise deployment.deletion for a while if all of this is meant to go"
	case reconcile.Halted:
		return "change what failed, or revert; rollout.override lets the rest out all the same"
	case reconcile.URLNotReady:
		return "`reconcile access-url status` says what is missing; setting accessURL back ends the change"
	case reconcile.WaitingForSecret:
		return "create it in the provider's namespace"
	case reconcile.RolledBack:
		return "change the declaration, or `reconcile retry NAME`"
	case reconcile.Unrecognised:
		return "say under organizations: match: how they are recognised, or remove them"
	case reconcile.Contested:
		return "stop whoever else changes it and `reconcile retry NAME`, or put the field under drift.ignore"
	case reconcile.UndeclaredCluster:
		return "declare the cluster again, or say under removed what is to become of its providers"
	case reconcile.Unknown:
		return "make the cluster answer; nothing is decided on what cannot be seen"
	case reconcile.Forgotten:
		return "take it out of removed when it is gone for good"
	}
	return ""
}

// needsMore says whether a hold ends by more than time.
func needsMore(a reconcile.Action) bool {
	return a.Op == reconcile.OpHold && a.Class != reconcile.Progress
}
