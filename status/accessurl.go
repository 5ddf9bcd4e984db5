package status

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/workspace-providers/reconcile/reconcile"
)

// AccessURLDoc is the deployment's access URL and how far a change of it is. It is part of /api/v1/status, and
// what reconcile access-url status -o json prints.
type AccessURLDoc struct {
	URL      string          `json:"url"`      // as declared
	Previous string          `json:"previous"` // that some still need; empty: no change is under way
	Phase    reconcile.Phase `json:"phase"`    // the first that is not done; empty likewise
	Back     bool            `json:"back"`     // it goes back to where it came from
	Steps    []URLStepDoc    `json:"steps"`    // one for each phase, in order
	Users    []URLUserDoc    `json:"users"`    // those that are given it, by cluster and release
	Declared bool            `json:"declared"` // previous stands in the declarations
}

// URLStepDoc is one phase of a change of the access URL.
type URLStepDoc struct {
	Phase    reconcile.Phase `json:"phase"`
	Done     bool            `json:"done"`
	Evidence string          `json:"evidence"`
}

// URLUserDoc is a release that is given the access URL.
type URLUserDoc struct {
	Cluster      string `json:"cluster"`
	Provider     string `json:"provider"`
	Organization string `json:"organization"`
	Wave         int    `json:"wave"`
	URL          string `json:"url"`       // that it has; empty: not known
	Moved        bool   `json:"moved"`     // it has the new one
	Confirmed    bool   `json:"confirmed"` // it is Ready with it, and none of its environments was lost
	Message      string `json:"message"`   // why it is not confirmed
}

// AccessURL is what a report says of the access URL.
func AccessURL(r reconcile.Report) AccessURLDoc {
	doc := changeDoc(r.Plan.URL)
	doc.URL = r.Want.AccessURL.URL
	return doc
}

// changeDoc is what a plan says of a change of the access URL; of none, nothing.
func changeDoc(c *reconcile.URLChange) AccessURLDoc {
	doc := AccessURLDoc{Steps: []URLStepDoc{}, Users: []URLUserDoc{}}
	if c == nil {
		return doc
	}
	doc.URL, doc.Previous, doc.Phase, doc.Back, doc.Declared = c.To, c.From, c.Phase, c.Back, !c.Withdrawn
	for _, s := range c.Steps {
		doc.Steps = append(doc.Steps, URLStepDoc{s.Phase, s.Done, clean(s.Evidence)})
	}
	for _, u := range c.Users {
		doc.Users = append(doc.Users, URLUserDoc{
			Cluster: u.ID.Cluster, Provider: u.Provider, Organization: u.Organization, Wave: u.Wave, URL: u.URL,
			Moved: u.Moved, Confirmed: u.Confirmed, Message: clean(u.Message),
		})
	}
	return doc
}

// Text writes it for people: what is declared, each phase with its evidence, and each release.
func (d AccessURLDoc) Text() string {
	if d.Previous == "" {
		return fmt.Sprintf("the access URL is %s; no change of it is under way\n", dash(d.URL))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "the access URL changes from %s to %s: %s\n", d.Previous, d.URL, d.progress())
	if d.Back {
		b.WriteString("it goes back: some had the new one before\n")
	}
	if !d.Declared {
		fmt.Fprintf(&b, "%s is not declared as previousAccessURL any more, and is still needed\n", d.Previous)
	}
	b.WriteByte('\n')
	out := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, s := range d.Steps {
		fmt.Fprintf(out, "  %s\t%s\t%s\n", d.mark(s), s.Phase, s.Evidence)
	}
	if len(d.Users) > 0 {
		fmt.Fprintln(out, "\nWAVE\tCLUSTER\tPROVIDER\tURL\tCONFIRMED\tMESSAGE")
	}
	users := slices.Clone(d.Users)
	slices.SortStableFunc(users, func(a, b URLUserDoc) int { return a.Wave - b.Wave })
	for _, u := range users {
		fmt.Fprintf(out, "%d\t%s\t%s\t%s\t%s\t%s\n", u.Wave, u.Cluster, u.name(), u.which(), yes(u.Confirmed), dash(u.Message))
	}
	_ = out.Flush() // a strings.Builder takes everything
	return b.String()
}

// Line is the change in one line, with what is known of the phase that it is in; empty where there is none.
func (d AccessURLDoc) Line() string {
	if d.Previous == "" {
		return ""
	}
	text := fmt.Sprintf("access URL from %s to %s: %s", d.Previous, d.URL, d.Phase)
	for _, s := range d.Steps {
		if s.Phase == d.Phase {
			text += ", " + s.Evidence
		}
	}
	return text
}

// progress is how far the change is, in a few words.
func (d AccessURLDoc) progress() string {
	moved, confirmed := 0, 0
	for _, u := range d.Users {
		moved, confirmed = moved+int(truth(u.Moved)), confirmed+int(truth(u.Confirmed))
	}
	return fmt.Sprintf("%s, %d of %s moved, %d confirmed", d.Phase, moved, count(len(d.Users), "release"), confirmed)
}

// mark says at a glance whether a step is done, is at hand, or comes later.
func (d AccessURLDoc) mark(s URLStepDoc) string {
	switch {
	case s.Done:
		return "done"
	case s.Phase == d.Phase:
		return "now"
	}
	return "later"
}

func (u URLUserDoc) name() string {
	if u.Organization == "" {
		return u.Provider
	}
	return u.Provider + " for " + u.Organization
}

// which says whether a release has the old URL or the new one.
func (u URLUserDoc) which() string {
	switch {
	case u.Moved:
		return "new"
	case u.URL == "":
		return "none"
	}
	return "old"
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// collectAccessURL says which phase a change of the access URL is in; all are 0 while there is none.
func collectAccessURL(gauge func(string, float64, ...string), r reconcile.Report) {
	now := AccessURL(r).Phase
	for _, p := range reconcile.Phases {
		gauge("access_url_phase", truth(p == now), string(p))
	}
}
