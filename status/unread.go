package status

import (
	"slices"

	"github.com/workspace-providers/reconcile/reconcile"
)

// unread is what moved of the plan of each pull request since its comment was last written. Comments are written some
// time apart, so that one may replace several plans: what moved is told from the one that people have read, not from
// one that nobody saw.
type unread map[int]*movedOf

// movedOf is what moved of the plan of a head, oldest first.
type movedOf struct {
	head  string
	lines []string
}

// keptMoved bounds the lines that are kept of a request for its later comments: more than one lists.
const keptMoved = 2 * maxListed

// add takes what moved of a proposal, and returns all that its comment should tell of.
func (u unread) add(p reconcile.Proposal) []string {
	number := p.Request.Number
	if p.Stage == reconcile.Closed {
		delete(u, number)
		return nil
	}
	m := u[number]
	if m == nil || m.head != p.Request.Head {
		m = &movedOf{head: p.Request.Head}
		u[number] = m
	}
	lines := slices.Clone(m.lines)
	for _, line := range p.Moved {
		if !slices.Contains(m.lines, line) {
			lines = append(lines, line)
		}
	}
	m.lines = slices.Clone(lines[:min(len(lines), keptMoved)])
	return lines
}

// written forgets what a comment that was written told of.
func (u unread) written(t *talk) {
	if m := u[t.request.Number]; m != nil && m.head == t.head {
		m.lines = slices.DeleteFunc(m.lines, func(line string) bool { return slices.Contains(t.moved, line) })
	}
}
