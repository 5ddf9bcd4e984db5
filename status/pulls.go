package status

import (
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// How far pull requests are, as the metric has it.
const (
	pullPlanning  = "planning"
	pullPlanned   = "planned"
	pullFailing   = "failing" // invalid, in conflict, or with an action that cannot be carried out
	pullUnplanned = "unplanned"
)

// pullStates lists them.
func pullStates() []string { return []string{pullPlanning, pullPlanned, pullFailing, pullUnplanned} }

// pullState is how far a pull request is; empty: it is not open any more.
func pullState(p *reconcile.Proposal) string {
	switch {
	case p.Stage == reconcile.Closed:
		return ""
	case p.Stage == reconcile.Planning:
		return pullPlanning
	case p.Stage == reconcile.Unplanned:
		return pullUnplanned
	case p.Err != nil || len(p.Failed) > 0:
		return pullFailing
	}
	return pullPlanned
}

// pullWatch knows which pull requests are open, and since when the head of each is being planned.
type pullWatch struct {
	states map[int]string
	began  map[int]time.Time
}

// Propose counts what became of the plan of a pull request.
func (m *Metrics) Propose(p reconcile.Proposal) {
	m.mu.Lock()
	defer m.mu.Unlock()
	number, state := p.Request.Number, pullState(&p)
	began, waiting := m.pulls.began[number]
	switch {
	case state == pullPlanning:
		m.pulls.began[number] = p.At
	case waiting:
		delete(m.pulls.began, number)
		if p.Stage == reconcile.Planned {
			m.planned.Observe(max(0, p.At.Sub(began).Seconds()))
		}
	}
	if p.Stage == reconcile.Planned {
		m.plans.WithLabelValues(map[bool]string{true: "error", false: "ok"}[state == pullFailing]).Inc()
	}
	m.pulls.states[number] = state
	if state == "" {
		delete(m.pulls.states, number)
	}
}

// collectPulls counts the open pull requests.
func collectPulls(gauge func(string, float64, ...string), counts map[string]int) {
	for _, state := range pullStates() {
		gauge("pull_requests", float64(counts[state]), state)
	}
}

// counts is how many pull requests are how far.
func (w *pullWatch) counts() map[string]int {
	out := map[string]int{}
	for _, state := range w.states {
		out[state]++
	}
	return out
}
