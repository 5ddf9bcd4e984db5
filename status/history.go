package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/workspace-providers/reconcile/reconcile"
)

// HistoryDoc is something that was done to a release of a provider. It is what reconcile history -o json lists.
type HistoryDoc struct {
	Provider string `json:"provider"`
	Cluster  string `json:"cluster"`
	StepDoc
}

// History is what was done to the releases of a provider, or of all where none is named, newest first: as the records
// beside the releases have it, the last twenty things of each. It fails for a provider that is neither declared nor there.
func History(r reconcile.Report, provider string) ([]HistoryDoc, error) {
	all := Providers(r)
	if provider != "" && !slices.ContainsFunc(all, func(p Provider) bool { return p.Name == provider }) {
		return nil, fmt.Errorf("history %s: no such provider is declared or installed; there are: %s", clean(provider), names(all))
	}
	out := []HistoryDoc{}
	for _, p := range all {
		if provider != "" && p.Name != provider {
			continue
		}
		page, _ := ProviderReport(r, p.Name)
		for _, step := range page.History {
			out = append(out, HistoryDoc{p.Name, p.Cluster, step})
		}
	}
	slices.SortStableFunc(out, func(a, b HistoryDoc) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Provider, b.Provider))
	})
	return out, nil
}

// HistoryTable writes it for people, a line for each.
func HistoryTable(all []HistoryDoc) string {
	if len(all) == 0 {
		return "nothing was done yet\n"
	}
	var b strings.Builder
	out := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "TIME\tPROVIDER\tRELEASE\tDONE\tCAUSE\tHELM\tREVISION\tAUTHOR\tOUTCOME")
	for _, s := range all {
		outcome := "done"
		switch {
		case s.Error != "":
			outcome, _ = firstLine(s.Error)
		case s.Ready:
			outcome = "Ready"
		}
		helm := ""
		if s.Revision > 0 {
			helm = fmt.Sprint(s.Revision)
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", clock(s.At), s.Provider, s.Cluster+"/"+s.Release, dash(s.Op),
			dash(s.Reason), dash(helm), dash(short(s.Commit)), dash(s.Author), outcome)
	}
	_ = out.Flush() // a strings.Builder takes everything
	return b.String()
}
