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
	fmt.Fprintf(&b, "\n%s\n%s\n\n%s\n", r.Machine, r.what(), r.Overview.text())
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

// page is the results as a page, with plots of how they grow.
func (r results) page(providers, clusters []curve) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Benchmark\n\nWritten by `make bench ARGS=-write`, %s.\n\n%s. %s\n\n%s\n", r.Date, r.Machine, r.what(),
		pageIntro)
	b.WriteString(r.Overview.markdown())
	for _, plot := range []struct {
		title, over, file string
		curves            []curve
	}{
		{"How it grows with providers", "providers", "benchmark-providers.svg", providers},
		{"How it grows with clusters", "clusters", "benchmark-clusters.svg", clusters},
	} {
		if len(plot.curves) > 0 {
			fmt.Fprintf(&b, "\n## %s\n\n![the figures below as curves](%s)\n%s", plot.title, plot.file, growth(plot.over, plot.curves))
		}
	}
	b.WriteString("\n## In detail\n")
	for _, s := range r.Sections {
		fmt.Fprintf(&b, "\n| %s | reconcile | helm | helm / reconcile | to reach |\n|---|--:|--:|--:|--:|\n", s.Title)
		for _, row := range s.Rows {
			fmt.Fprintf(&b, "| %s | %s |\n", row.What, strings.Join(row.cells(), " | "))
		}
	}
	return b.String()
}

// pageIntro says how to read the table.
const pageIntro = `The columns are numbers of providers, and over how many clusters (100x50: 100 providers over 50 clusters, which are
fifty addresses of one API server; the last column has a chart of 40 objects with two custom resource definitions).
CPU is that of all processes, workers included; requests are those of reconcile's own user in the API server's audit
log; helm was measured in the same run, on as many releases as is said above, one after the other, since a thousand
would take it most of an hour. (!) marks what is more than was promised, which is for a chart of 8 objects in one
cluster. A pass of the daemon is one look at declarations and clusters after which nothing is to be done.
`

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
