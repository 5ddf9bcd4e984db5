package status

import (
	"strings"

	"github.com/workspace-providers/reconcile/reconcile"
)

// advice says what ends the hold of an action: what somebody can do, or what it waits for.
func advice(a reconcile.Action) string {
	switch {
	case a.Reason == reconcile.NotOurs && a.Have.Manager != "":
		return "end its management by " + clean(a.Have.Manager) + ", or give this release another name"
	case a.Reason == reconcile.NotOurs && a.Have.Owner != "":
		return "give this release another name; two deployments cannot share one"
	case a.Reason == reconcile.Unknown && a.Want.Broken != "" && a.Message == a.Want.Broken:
		return "correct chart in its declaration, or make the place that it comes from answer"
	case a.Reason == reconcile.Unknown && a.Have.State == reconcile.Corrupt && strings.HasSuffix(a.Message, a.Have.Failure):
		return "restore or delete the newest revision of the release that Helm keeps as a Secret in its namespace"
	}
	return adviceFor(a.Reason)
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
		return "it goes on when the freeze ends; `reconcile thaw` ends it now"
	case reconcile.NotOurs:
		return "remove that release, give this one another name, or declare release.adopt"
	case reconcile.Occupied:
		return "delete or move the environments that are listed"
	case reconcile.Blocked:
		return "declare its end under removed, or declare it again"
	case reconcile.Guarded:
		return "raise deployment.deletion for a while if all of this is meant to go"
	case reconcile.Halted:
		return "repair what failed, or declare rollout.override"
	case reconcile.URLNotReady:
		return "make the access URL answer as this deployment"
	case reconcile.WaitingForSecret:
		return "create it in the provider's namespace"
	case reconcile.RolledBack:
		return "change the declaration, or `reconcile retry NAME`"
	case reconcile.Unrecognised:
		return "say under organizations how these environments are recognised"
	case reconcile.Contested:
		return "stop whoever else changes it, or put the field under drift.ignore"
	case reconcile.UndeclaredCluster:
		return "declare the cluster again, or declare the end of its providers under removed"
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
