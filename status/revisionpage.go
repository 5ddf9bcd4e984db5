package status

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"

	"github.com/workspace-providers/reconcile/reconcile"
)

//go:embed revision.html
var revisionHTML string

var revisionTemplate = template.Must(template.New("revision").Funcs(template.FuncMap{
	"short": short, "clock": clock,
}).Parse(revisionHTML))

// Propose keeps a proposal for the page of its head.
func (w *Web) Propose(p reconcile.Proposal) { w.archive.propose(p) }

// Done keeps how an action ended for the page of its commit.
func (w *Web) Done(o reconcile.Outcome) { w.archive.done(o) }

// revisionPage is what is known of a commit; false: nothing is.
func (w *Web) revisionPage(sha string) (RevisionPage, bool) {
	request, done := w.archive.of(sha)
	page := RevisionPage{SHA: sha, Statuses: []StatusLineDoc{}, Request: request}
	var shown *reconcile.Shown
	if w.Shown != nil {
		if s, there := w.Shown(sha); there {
			shown = &s
			page.Shown = &ShownDoc{s.Request, s.Page, s.Hash, s.At.UTC()}
		}
	}
	var pending []reconcile.Action
	if r := w.newest(); r != nil {
		for _, l := range Lines(*r) {
			if l.SHA == sha {
				page.Statuses = append(page.Statuses, StatusLineDoc{l.SHA, l.Context, l.State, l.Text})
			}
		}
		if r.Commit.SHA == sha {
			pending = r.Plan.Actions
		}
	}
	page.Rows = compareRevision(shown, done, pending)
	for _, row := range page.Rows {
		if row.Difference != "" {
			page.Differs++
		}
	}
	return page, request != nil || shown != nil || len(done) > 0 || len(page.Statuses) > 0
}

// revision answers the page of a commit, as HTML or as JSON.
func (w *Web) revision(asJSON bool) http.HandlerFunc {
	return func(out http.ResponseWriter, in *http.Request) {
		page, known := w.revisionPage(in.PathValue("sha"))
		if !known {
			text(out, http.StatusNotFound, "nothing is known of this revision: give the full hash of the head of an open pull "+
				"request, or of a commit that was in force since this program started\n")
			return
		}
		var b bytes.Buffer
		if asJSON {
			enc := json.NewEncoder(&b)
			enc.SetIndent("", "  ")
			if err := enc.Encode(page); err != nil {
				panic(fmt.Sprintf("a revision is not JSON: %v", err)) // it holds strings, numbers and times only
			}
			write(out, "application/json", b.Bytes())
			return
		}
		if err := revisionTemplate.Execute(&b, page); err != nil {
			text(out, http.StatusInternalServerError, "the page cannot be made: "+err.Error()+"\n")
			return
		}
		write(out, "text/html; charset=utf-8", b.Bytes())
	}
}
