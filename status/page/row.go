package page

import (
	"bytes"
	"slices"
	"strings"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status"
)

// row is a provider in the overview.
type row struct {
	provider status.Provider
	search   string // what is looked for in, in lower case
	html     string // after "<tr", so that what differs between two who look can be put in
	born     uint64 // the state of the board that it came with
	seq      uint64 // that it was changed by
}

// rowData is what the template of a row shows.
type rowData struct {
	status.Provider
	Search string
	Tags   []tag
	Remark string
	Orgs   string // the first few
	More   int    // and how many more
	People string
	Held   bool
	Open   bool
}

// tag is a word beside a provider's name.
type tag struct{ Class, Text, Title string }

const (
	shownOrgs   = 3
	shownRemark = 300
	shownWord   = 40
)

// newRow makes the row of a provider.
func newRow(p status.Provider) *row {
	d := rowDataOf(p)
	return &row{provider: p, search: d.Search, html: rowHTML(d)}
}

func rowDataOf(p status.Provider) rowData {
	d := rowData{Provider: p, Remark: cut(shownRemark, remark(&p)), Held: len(p.Holds) > 0, Tags: tags(&p)}
	d.Orgs = strings.Join(p.Organizations[:min(len(p.Organizations), shownOrgs)], ", ")
	d.More = max(0, len(p.Organizations)-shownOrgs)
	if p.Counted {
		d.People = people(&p).String()
	}
	words := []string{p.Name, p.DisplayName, p.Cluster, p.Region, p.Namespace, p.Label(), cut(shownWord, p.Version), d.Remark}
	for _, t := range d.Tags {
		words = append(words, t.Text)
	}
	d.Search = strings.ToLower(strings.Join(append(words, p.Organizations...), " "))
	return d
}

// remark is a provider's message and what waits for a person, nothing twice.
func remark(p *status.Provider) string {
	text := p.Message
	for _, h := range p.Holds {
		if h.Class != reconcile.Person || h.Message != "" && strings.Contains(text, h.Message) {
			continue
		}
		text = strings.TrimPrefix(text+"; held, "+string(h.Reason), "; ")
		if h.Message != "" {
			text += ": " + h.Message
		}
	}
	return text
}

// rowHTML is a row without its first letters.
func rowHTML(d rowData) string {
	var b bytes.Buffer
	if err := templates()["overview"].ExecuteTemplate(&b, "row", d); err != nil {
		panic("a row cannot be made: " + err.Error()) // into memory, from what is there
	}
	return strings.TrimPrefix(strings.TrimSpace(b.String()), "<tr")
}

// tags are what stands beside a provider's name: what holds it, for whom, and what is special about it.
func tags(p *status.Provider) []tag {
	var out []tag
	if p.Default {
		out = append(out, tag{"t-default", "default", "pre-selected for a new environment"})
	}
	if !p.Declared {
		out = append(out, tag{"t-gone", "not declared", "it is not declared any more"})
	}
	if p.Cordoned != "" {
		out = append(out, tag{"t-held", "cordoned", cut(shownRemark, p.Cordoned)})
	}
	if len(p.Freezes) > 0 {
		text := "frozen"
		if p.Freezes[0].Deletes {
			text = "deletions frozen"
		}
		out = append(out, tag{"t-held", text, cut(shownRemark, p.Freezes[0].String())})
	}
	for _, h := range p.Holds {
		class := "t-held"
		if h.Class == reconcile.Person {
			class = "t-person"
		}
		text, title := string(h.Reason), h.Message
		if h.Reason == reconcile.Unknown {
			text, title = "state unknown", "what is there is not known, and nothing is done until it is: "+h.Message
		}
		known := slices.ContainsFunc(out, func(t tag) bool { return t.Text == text })
		if h.Class != reconcile.Progress && !known {
			out = append(out, tag{class, text, cut(shownRemark, strings.TrimSuffix(title, ": "))})
		}
	}
	if n := drift(p); n > 0 {
		out = append(out, tag{"t-held", "edited", count(n, "field") + " edited by hand"})
	}
	return out
}

// drift is how many fields were edited by hand.
func drift(p *status.Provider) (n int) {
	for _, rel := range p.Releases {
		n += rel.Drift
	}
	return n
}

// people is how many environments there are.
func people(p *status.Provider) (all status.Headcount) {
	for _, h := range p.Environments {
		all.Count, all.Running, all.Prebuilt = all.Count+h.Count, all.Running+h.Running, all.Prebuilt+h.Prebuilt
	}
	return all
}
