package status

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/schema"
)

// planContext is the context of the status on a pull request's head.
func planContext(deployment string) string {
	return strings.TrimSuffix(lineContext(deployment), "apply") + "plan"
}

// ProposalMark is what the one comment on a pull request is recognised by.
func ProposalMark(p reconcile.Proposal) string {
	return "<!-- " + planContext(p.Before.Owner) + " -->"
}

// ProposalLine is the status of a pull request's head: whether it can be merged as far as the plan goes, which holds
// do not speak against, and what it would do.
//
//	there is no plan yet                                  pending  "is being planned"
//	none is made, its declarations are invalid, or it
//	conflicts with the branch                             failure  "providers.cue:12:3: …"
//	an action could not be carried out                    failure  "eu/frankfurt: …"
//	else                                                  success  "2 to create, 1 to update, 1 held"
func ProposalLine(p reconcile.Proposal) Line {
	l := Line{SHA: p.Request.Head, Context: planContext(p.Before.Owner), Request: p.Request.Number}
	switch {
	case p.Stage == reconcile.Planning:
		l.State, l.Text = StatePending, "is being planned"
	case p.Stage == reconcile.Unplanned:
		l.State, l.Text = StateFailure, fit("not planned: "+clean(p.Err.Error()), "", MaxText)
	case p.Err != nil:
		l.State, l.Text = StateFailure, invalid(p.Err)
	case len(p.Failed) > 0:
		l.State, l.Text = StateFailure, failures(p)
	default:
		l.State, l.Text = StateSuccess, fit(wouldDo(p.Plan), blindness(p.Plan), MaxText)
	}
	return l
}

// failures names the first action that could not be carried out.
func failures(p reconcile.Proposal) string {
	for _, a := range p.Plan.Actions {
		if err := p.Failed[a.ID]; err != nil {
			tail := ""
			if more := len(p.Failed) - 1; more > 0 {
				tail = fmt.Sprintf("; and %d more", more)
			}
			return placed(a.ID.Cluster+"/"+cmp.Or(a.Provider, a.ID.Name), clean(err.Error()), tail, MaxText)
		}
	}
	return ""
}

// wouldDo counts what a plan does in the end: "2 to create, 1 held". What waits for progress alone is done then.
func wouldDo(p reconcile.Plan) string {
	p.Actions = slices.Clone(p.Actions)
	for i, a := range p.Actions {
		p.Actions[i].Op = a.Eventually()
	}
	text := planSummary(p)
	return text[:strings.LastIndex(text, ", ")] // but for what is kept
}

// blindness names the clusters of which a plan knows nothing.
func blindness(p reconcile.Plan) string {
	var out []string
	for _, c := range p.Clusters {
		if !c.Reachable {
			out = append(out, c.Name)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "; cannot reach " + strings.Join(out, ", ")
}

// annotations are the mistakes of a pull request that have a place in its files.
func annotations(p reconcile.Proposal) []Annotation {
	var mistakes schema.Errors
	if !errors.As(p.Err, &mistakes) {
		return nil
	}
	var out []Annotation
	for _, m := range mistakes {
		if m.File != "" && len(out) < maxAnnotations {
			out = append(out, Annotation{File: m.File, Line: m.Line, Text: escape(cut(clean(m.Path+": "+m.Message), keptError))})
		}
	}
	return out
}

// maxAnnotations bounds the remarks in one review.
const maxAnnotations = 50
