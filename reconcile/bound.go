package reconcile

import (
	"fmt"
	"time"
)

// Shown is the plan that was last shown on a pull request: what may happen once it is merged. Its JSON is kept by
// the program between two starts.
type Shown struct {
	Request int           `json:"request"` // number of the pull request
	Page    string        `json:"page"`    // of the request, on its forge
	Head    string        `json:"head"`    // of the request
	Key     string        `json:"key"`     // of what it declares, merged
	Hash    string        `json:"hash"`    // of the plan
	At      time.Time     `json:"at"`
	Actions []ShownAction `json:"actions"` // but for those that keep what is there
}

// ShownAction is one line of a plan that was shown.
type ShownAction struct {
	ID      ID     `json:"id"`
	Op      Op     `json:"op"`   // of a hold: what it would be
	Base    string `json:"base"` // of what it installs
	Reason  Reason `json:"reason"`
	Message string `json:"message"`
}

// Show is what a proposal shows.
func (p Proposal) Show() Shown {
	out := Shown{
		Request: p.Request.Number, Page: p.Request.Page, Head: p.Request.Head, Key: p.Key, Hash: p.Plan.Hash(), At: p.At,
	}
	for a := range p.Plan.each() {
		if op := a.Eventually(); op != OpKeep && p.Failed[a.ID] == nil {
			if op == OpHold && a.Would != "" {
				op = a.Would
			}
			out.Actions = append(out.Actions, ShownAction{a.ID, op, a.Want.Base, a.Reason, a.Message})
		}
	}
	return out
}

// Bound says that only what a plan showed may happen; the zero Bound says nothing.
type Bound struct {
	Required bool
	Shown    *Shown // nil: nothing was shown
	Override Override
}

// NotShown is what the message of a hold begins with whose cause is that no pull request showed it.
const NotShown = "not shown on a pull request: "

// asShown holds what a revision calls for and the plan on its pull request did not say. What time alone brings about
// was decided before: an organization's grant ends, what failed goes back, what a process left half done is
// finished, and edits by hand are undone.
func asShown(p Plan, want Desired, have Live) Plan {
	if !want.Bound.Required || want.Bound.Override.counts(have.At) {
		return p
	}
	shown := map[ID]ShownAction{}
	if want.Bound.Shown != nil {
		for _, s := range want.Bound.Shown.Actions {
			shown[s.ID] = s
		}
	}
	for a := range p.each() {
		if !a.decided(want, have.At) {
			continue
		}
		s, there := shown[a.ID]
		switch {
		case want.Bound.Shown == nil:
			*a = hold(*a, Guarded, NotShown+"no plan of revision "+brief(want.Commit.SHA)+" is known")
		case !there:
			*a = hold(*a, Guarded, NotShown+fmt.Sprintf("the plan of pull request %d does not have it", want.Bound.Shown.Request))
		case group(s.Op) != group(a.Op) || s.Base != a.Want.Base:
			*a = hold(*a, Guarded, NotShown+fmt.Sprintf("the plan of pull request %d says %s", want.Bound.Shown.Request, s.Op))
		}
	}
	return p
}

// decided says whether it is the revision that calls for an action.
func (a *Action) decided(want Desired, now time.Time) bool {
	if a.Op == OpRollback || a.Op == OpRepair || !a.Acts() || a.Have.Begun != "" && a.Have.Begun == a.Digest {
		return false
	}
	if a.ID.Kind == KindAllowlist && takes(a.Op) {
		p := want.Providers[a.Provider]
		until, ends := p.Until[a.Organization]
		return !ends || now.Before(until)
	}
	return true
}

// group takes making and changing for the same: what was made and failed is changed next.
func group(op Op) Op {
	if op == OpUpdate {
		return OpCreate
	}
	return op
}
