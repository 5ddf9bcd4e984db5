package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// text is the results as a table for a terminal.
func (r results) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n%s\n\n", r.Machine, r.what())
	for _, s := range r.Sections {
		fmt.Fprintf(&b, "%-36s %10s %10s %18s %10s\n", s.Title, "reconcile", "helm", "helm / reconcile", "to reach")
		for _, row := range s.Rows {
			c := row.cells()
			fmt.Fprintf(&b, "  %-34s %10s %10s %18s %10s\n", row.What, c[0], c[1], c[2], c[3])
		}
		b.WriteString("\n")
	}
	return b.String()
}

// markdown is the results as a page.
func (r results) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Results\n\nWritten by `make bench ARGS=-write`, %s.\n\n%s. %s\n", r.Date, r.Machine, r.what())
	for _, s := range r.Sections {
		fmt.Fprintf(&b, "\n| %s | reconcile | helm | helm / reconcile | to reach |\n|---|--:|--:|--:|--:|\n", s.Title)
		for _, row := range s.Rows {
			fmt.Fprintf(&b, "| %s | %s |\n", row.What, strings.Join(row.cells(), " | "))
		}
	}
	return b.String()
}

// what says what was measured.
func (r results) what() string {
	return fmt.Sprintf("A chart of %d objects, %d releases by reconcile, %d by helm %s (upgrade --install, without "+
		"--wait). Rounds: %d, each on a new cluster; the figures are their medians.",
		r.Objects, r.Providers, r.Releases, r.Helm, r.Rounds)
}

// cells are the columns beside the first.
func (r row) cells() []string {
	out := []string{number(r.Ours), "", "", ""}
	for i, v := range []*float64{r.Helm, r.Ratio, r.Target} {
		if v != nil {
			out[i+1] = number(*v)
		}
	}
	if r.Target != nil {
		out[3] = "<= " + out[3]
	}
	return out
}

// number writes three digits that count.
func number(v float64) string {
	if v == 0 {
		return "0"
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	return strconv.FormatFloat(v, 'f', max(0, digits), 64)
}
