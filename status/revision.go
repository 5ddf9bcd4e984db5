package status

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// RevisionPage is what is known of one commit: what was shown before it was merged, what it would do as long as it is
// not, and what came of it. It is what /api/v1/revisions/<sha> answers.
type RevisionPage struct {
	SHA      string          `json:"sha"`
	Commit   RevisionDoc     `json:"commit"`  // as far as it is known
	InForce  bool            `json:"inForce"` // it is what counts now
	Error    string          `json:"error"`   // why it is not, of the newest revision
	Statuses []StatusLineDoc `json:"statuses"`
	Request  *RequestDoc     `json:"request"` // the pull request of which it is the head; null: it is none, or not known
	Shown    *ShownDoc       `json:"shown"`   // what the plan on its pull request was; null: not known
	Rows     []RevisionRow   `json:"rows"`    // shown beside done
	Differs  int             `json:"differs"` // rows in which they are not the same
}

// RequestDoc is a pull request that is planned, or was lately.
type RequestDoc struct {
	Number  int       `json:"number"`
	Title   string    `json:"title"`
	Author  string    `json:"author"` // login of who made it
	Page    string    `json:"page"`
	Base    string    `json:"base"`  // the commit that it was merged with
	Stage   string    `json:"stage"` // planning, planned, unplanned, closed
	Errors  []string  `json:"errors"`
	Summary []string  `json:"summary"` // in the words of the domain
	Moved   []string  `json:"moved"`   // why it was planned anew
	Plan    string    `json:"plan"`    // as reconcile --dry-run prints it
	Hash    string    `json:"hash"`
	At      time.Time `json:"at"`
}

// ShownDoc names the plan that was shown of a merged commit.
type ShownDoc struct {
	Request int       `json:"request"`
	Page    string    `json:"page"`
	Hash    string    `json:"hash"`
	At      time.Time `json:"at"`
}

// RevisionRow is one thing in one cluster: what was shown of it, what was done, and what is different.
type RevisionRow struct {
	Cluster    string       `json:"cluster"`
	Kind       string       `json:"kind"`
	Namespace  string       `json:"namespace"`
	Name       string       `json:"name"`
	Shown      reconcile.Op `json:"shown"`   // empty: nothing was
	Done       []DoneDoc    `json:"done"`    // oldest first
	Pending    *PlanAction  `json:"pending"` // what is still to be done, or held; null: nothing
	Difference string       `json:"difference"`
}

// DoneDoc is an action that was carried out.
type DoneDoc struct {
	Op     reconcile.Op     `json:"op"`
	Reason reconcile.Reason `json:"reason"`
	Error  string           `json:"error"`
	At     time.Time        `json:"at"`
	Took   float64          `json:"took"` // seconds
}

// compareRevision lays what was shown beside what came of it. pending are the actions of the plan that are left, of
// the revision in force alone.
func compareRevision(shown *reconcile.Shown, done map[reconcile.ID][]DoneDoc, pending []reconcile.Action) []RevisionRow {
	rows := map[reconcile.ID]*RevisionRow{}
	row := func(id reconcile.ID) *RevisionRow {
		if rows[id] == nil {
			rows[id] = &RevisionRow{Cluster: id.Cluster, Kind: id.Kind, Namespace: id.Namespace, Name: id.Name, Done: []DoneDoc{}}
		}
		return rows[id]
	}
	if shown != nil {
		for _, a := range shown.Actions {
			row(a.ID).Shown = a.Op
		}
	}
	for id, all := range done {
		row(id).Done = all
	}
	for _, a := range pending {
		if a.Op != reconcile.OpKeep {
			doc := planAction(a)
			row(a.ID).Pending = &doc
		}
	}
	out := []RevisionRow{}
	for _, id := range slices.SortedFunc(maps.Keys(rows), reconcile.ID.Compare) {
		r := *rows[id]
		if shown != nil {
			r.Difference = difference(r)
		}
		out = append(out, r)
	}
	return out
}

// difference names what of a row is not as it was shown. Repairs and going back are no part of any plan that is shown.
func difference(r RevisionRow) string {
	did, failed := outcome(r.Done)
	left := r.Pending != nil && r.Pending.Op != reconcile.OpRepair
	switch {
	case failed != "":
		return failed
	case did == "":
		return undone(r, left)
	case r.Shown == "":
		return "was not shown"
	case did != r.Shown:
		return "was shown as " + string(r.Shown) + ", and done as " + string(did)
	}
	return ""
}

// outcome is what was first done, or how it failed.
func outcome(all []DoneDoc) (did reconcile.Op, failed string) {
	for _, d := range all {
		if d.Error != "" {
			return did, string(d.Op) + " failed: " + d.Error
		}
		if d.Op != reconcile.OpRepair && d.Op != reconcile.OpRollback {
			did = cmp.Or(did, d.Op)
		}
	}
	return did, ""
}

// undone is the difference where nothing was done.
func undone(r RevisionRow, left bool) string {
	switch {
	case r.Shown == "" && left:
		return "was not shown, and is to be done"
	case r.Shown != "" && r.Shown != reconcile.OpHold && r.Pending == nil:
		return "was shown, and there was nothing to do"
	}
	return ""
}
