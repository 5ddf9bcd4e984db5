package status

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/workspace-providers/reconcile/reconcile"
)

// PlanView says how a plan is written for people.
type PlanView struct {
	Verbose bool // list what is kept, too
	Colour  bool // of a terminal
}

// PlanText writes a plan for people: for each cluster a line for each action, what holds it and what to do,
// its risks and its diff below it, and at the end the counts.
func PlanText(p reconcile.Plan, v PlanView) string {
	var b strings.Builder
	if line := changeDoc(p.URL).Line(); line != "" {
		b.WriteString(line + "\n\n")
	}
	byCluster := listed(p, v.Verbose)
	for _, c := range clustersOf(p) {
		actions := byCluster[c.Name]
		if c.Reachable && len(actions) == 0 {
			continue
		}
		b.WriteString("cluster " + c.Name)
		if !c.Reachable {
			b.WriteString(v.paint(red, ": "+unreached(c)))
		}
		b.WriteByte('\n')
		for _, row := range planRows(actions) {
			v.writeRow(&b, row)
		}
		b.WriteByte('\n')
	}
	b.WriteString(planSummary(p) + "\n")
	return b.String()
}

// planRow is an action with its columns.
type planRow struct {
	reconcile.Action
	op, name, reason string // padded to the width of their column
}

func planRows(actions []reconcile.Action) []planRow {
	rows := make([]planRow, len(actions))
	for i, a := range actions {
		rows[i] = planRow{a, string(a.Op), actionName(a), actionReason(a)}
	}
	align(rows, func(r *planRow) *string { return &r.op })
	align(rows, func(r *planRow) *string { return &r.name })
	align(rows, func(r *planRow) *string { return &r.reason })
	return rows
}

// align gives a column of all rows the same width.
func align(rows []planRow, column func(*planRow) *string) {
	width := 0
	for i := range rows {
		width = max(width, utf8.RuneCountInString(*column(&rows[i])))
	}
	for i := range rows {
		cell := column(&rows[i])
		*cell += strings.Repeat(" ", width-utf8.RuneCountInString(*cell))
	}
}

// actionName names what an action is about: a release as namespace/name, all else with its kind; an allowlist
// has its organization in its name.
func actionName(a reconcile.Action) string {
	name := a.ID.Namespace + "/" + a.ID.Name
	if a.ID.Namespace == "" {
		name = a.ID.Name
	}
	if a.ID.Kind != reconcile.KindRelease {
		name = a.ID.Kind + " " + name
	}
	if a.Organization != "" && a.ID.Kind == reconcile.KindRelease {
		name += " for " + a.Organization
	}
	return name
}

// waitsFor is what comes before an action and is worth a line: that a provider comes after its guard, and goes
// before it, is always so.
func waitsFor(a reconcile.Action) []reconcile.ID {
	return slices.DeleteFunc(slices.Clone(a.After), func(id reconcile.ID) bool {
		return id.Kind != reconcile.KindRelease || a.ID.Kind != reconcile.KindRelease
	})
}

func actionReason(a reconcile.Action) string {
	if a.Op == reconcile.OpHold && a.Would != "" {
		return fmt.Sprintf("%s (would %s)", a.Reason, a.Would)
	}
	return string(a.Reason)
}

func (v PlanView) writeRow(b *strings.Builder, row planRow) {
	line := fmt.Sprintf("  %s  %s  %s  %s", v.paint(colourOf(row.Op), row.op), row.name, row.reason, clean(row.Message))
	b.WriteString(strings.TrimRight(line, " ") + "\n")
	for _, id := range waitsFor(row.Action) {
		fmt.Fprintf(b, "      after %s\n", id)
	}
	if row.Waits != "" {
		fmt.Fprintf(b, "      after %s\n", row.Waits)
	}
	if todo := advice(row.Action); needsMore(row.Action) && todo != "" {
		fmt.Fprintf(b, "      → %s\n", todo)
	}
	for _, risk := range row.Risks {
		fmt.Fprintf(b, "      risk: %s\n", clean(risk))
	}
	for diff := range strings.Lines(row.Diff) {
		b.WriteString("      " + v.paintDiff(diffLine(diff)) + "\n")
	}
}

// diffLine is a line of a diff without what moves a cursor or ends the line.
func diffLine(line string) string { return strings.TrimRight(tame(line), " ") }

func unreached(c reconcile.ClusterState) string {
	if c.Err == "" {
		return "was not looked at yet"
	}
	return "cannot be reached: " + clean(c.Err)
}

// planSummary counts the ops in words: "1 to create, 2 to update, 1 held, 7 kept".
func planSummary(p reconcile.Plan) string {
	n := p.Summary()
	var parts []string
	for _, op := range reconcile.Ops {
		if n[op] > 0 && op != reconcile.OpKeep {
			parts = append(parts, fmt.Sprintf("%d %s", n[op], counted(op)))
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing to do"}
	}
	return strings.Join(append(parts, fmt.Sprintf("%d kept", n[reconcile.OpKeep])), ", ")
}

func counted(op reconcile.Op) string {
	switch op {
	case reconcile.OpHold:
		return "held"
	case reconcile.OpRollback:
		return "to roll back"
	}
	return "to " + string(op)
}

// colour is an ANSI colour.
type colour string

const (
	plain  colour = ""
	red    colour = "\x1b[31m"
	green  colour = "\x1b[32m"
	yellow colour = "\x1b[33m"
	cyan   colour = "\x1b[36m"
	reset         = "\x1b[0m"
)

func colourOf(op reconcile.Op) colour {
	switch op {
	case reconcile.OpCreate:
		return green
	case reconcile.OpUpdate, reconcile.OpRepair:
		return yellow
	case reconcile.OpRollback, reconcile.OpDelete, reconcile.OpOrphan:
		return red
	case reconcile.OpAdopt, reconcile.OpHold:
		return cyan
	}
	return plain
}

func (v PlanView) paint(c colour, s string) string {
	if !v.Colour || c == plain {
		return s
	}
	return string(c) + s + reset
}

func (v PlanView) paintDiff(line string) string {
	switch {
	case strings.HasPrefix(line, "+"):
		return v.paint(green, line)
	case strings.HasPrefix(line, "-"):
		return v.paint(red, line)
	}
	return line
}
