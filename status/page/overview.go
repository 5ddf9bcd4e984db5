package page

import (
	"bytes"
	"net/http"

	"github.com/workspace-providers/reconcile/status"
)

// overviewData is what the overview shows beside its rows.
type overviewData struct {
	frame
	View    view
	Choices choices
	Columns []columnData
	Summary []summaryData
	Rollout status.RolloutDoc
	Shown   int
	Total   int
	Span    int
}

// columnData is the head of a column.
type columnData struct{ Name, Title, Link, Sorted string }

// summaryData is a number that is a link to its rows.
type summaryData struct {
	Text, Class, Link string
	Count             int
	Current           bool
}

// overview answers with the page of all providers.
func (s *Site) overview(out http.ResponseWriter, in *http.Request) {
	who := s.see(in)
	d, there := s.overviewData(who, viewOf(in.URL.Query()))
	if !there {
		s.without(http.StatusServiceUnavailable, "waiting", "Starting")(out, in)
		return
	}
	rows := s.board(who).ordered(d.View)
	for _, r := range rows {
		if d.View.shows(r) {
			d.Shown++
		}
	}
	var b bytes.Buffer
	b.Grow(len(rows)<<10 + 32<<10)
	for _, part := range []func() error{
		func() error { return templates()["overview"].ExecuteTemplate(&b, "above", d) },
		func() error { return s.writeRows(&b, who, rows, d.View) },
		func() error { return templates()["overview"].ExecuteTemplate(&b, "below", d) },
	} {
		if err := part(); err != nil {
			http.Error(out, "the page cannot be made: "+err.Error(), http.StatusInternalServerError)
			return
		}
	}
	out.Header().Set("Content-Type", "text/html; charset=utf-8")
	send(out, in, http.StatusOK, b.Bytes())
}

// overviewData is what is above and below the rows; false: nothing was looked at yet.
func (s *Site) overviewData(who status.View, v view) (overviewData, bool) {
	d := overviewData{frame: s.frame(who, "Providers", nil), View: v, Span: len(columns)}
	if d.Doc == nil {
		return d, false
	}
	d.Choices, d.Total = choicesOf(d.Doc.Providers), len(d.Doc.Providers)
	d.Rollout, _ = who.Rollout()
	for _, name := range columns {
		c := columnData{Name: name, Title: titles[name], Link: v.SortBy(name)}
		if v.Sort == name {
			c.Sorted = map[bool]string{false: "ascending", true: "descending"}[v.Down]
		}
		d.Columns = append(d.Columns, c)
	}
	counts := map[string]int{}
	for i := range d.Doc.Providers {
		p := &d.Doc.Providers[i]
		counts[string(p.Status)]++
		if len(p.Holds) > 0 {
			counts["held"]++
		}
	}
	for _, name := range []string{"Ready", "Pending", "Error", "held"} {
		d.Summary = append(d.Summary, summaryData{
			Text: name, Class: slug(name), Link: v.Only(name), Count: counts[name], Current: v.Status == name,
		})
	}
	return d, true
}

// titles are the columns as people read them.
var titles = map[string]string{
	"name": "Provider", "status": "Status", "cluster": "Cluster", "namespace": "Namespace", "version": "Version",
	"organizations": "Organizations", "environments": "Environments",
}

// writeRows writes all rows, those that are left out hidden, so that a filter that is changed needs nobody to ask.
func (s *Site) writeRows(b *bytes.Buffer, who status.View, rows []*row, v view) error {
	begun, group := false, ""
	for i, r := range rows {
		if g := v.group(&r.provider); !begun || g != group {
			if begun {
				b.WriteString("</tbody>")
			}
			begun, group = true, g
			if err := templates()["overview"].ExecuteTemplate(b, "group", groupOf(rows[i:], v)); err != nil {
				return err
			}
		}
		if err := s.writeRow(b, who, r, v); err != nil {
			return err
		}
	}
	if begun {
		b.WriteString("</tbody>")
	}
	return nil
}

// writeRow writes one row, and its details if it is expanded.
func (s *Site) writeRow(b *bytes.Buffer, who status.View, r *row, v view) error {
	html := r.html
	open := v.Open == r.provider.Name
	if open {
		d := rowDataOf(r.provider)
		d.Open = true
		html = rowHTML(d)
	}
	b.WriteString("<tr")
	if !v.shows(r) {
		b.WriteString(" hidden")
	}
	b.WriteString(html)
	b.WriteByte('\n')
	if !open {
		return nil
	}
	d, there := s.providerData(who, r.provider.Name)
	if !there {
		return nil
	}
	return templates()["overview"].ExecuteTemplate(b, "expanded", d)
}

// groupData is the heading of a group of rows.
type groupData struct {
	Kind, Name   string
	Shown, Total int
}

// groupOf is the heading of the group that the first of some rows is in.
func groupOf(rows []*row, v view) groupData {
	d := groupData{Kind: v.Group, Name: v.group(&rows[0].provider)}
	for _, r := range rows {
		if v.group(&r.provider) != d.Name {
			break
		}
		d.Total++
		if v.shows(r) {
			d.Shown++
		}
	}
	return d
}
