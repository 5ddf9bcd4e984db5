package status

import (
	"cmp"
	"slices"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Propose keeps a proposal for the page of its head.
func (w *Web) Propose(p reconcile.Proposal) { w.archive.propose(p) }

// Done keeps how an action ended for the pages of its commit and of its provider.
func (w *Web) Done(o reconcile.Outcome) {
	w.archive.done(o)
	w.journal.done(o)
}

// Revision is what /api/v1/revisions/<sha> answers; false: nothing is known of it.
func (v View) Revision(sha string) (RevisionPage, bool) {
	w := v.web
	if !v.who.All {
		return RevisionPage{}, false
	}
	request, done := w.archive.of(sha)
	page := RevisionPage{SHA: sha, Statuses: []StatusLineDoc{}, Request: request, Commit: revisionDoc(w.archive.commit(sha))}
	var shown *reconcile.Shown
	if w.Shown != nil {
		if s, there := w.Shown(sha); there {
			shown = &s
			page.Shown = &ShownDoc{s.Request, s.Page, s.Hash, s.At.UTC()}
		}
	}
	var pending []reconcile.Action
	if r := w.newest(); r != nil {
		page.tell(*r)
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
	return page, request != nil || shown != nil || len(done) > 0 || len(page.Statuses) > 0 || page.InForce
}

// tell takes what a report says of the revision into the page.
func (p *RevisionPage) tell(r reconcile.Report) {
	for _, l := range Lines(r) {
		if l.SHA == p.SHA {
			p.Statuses = append(p.Statuses, StatusLineDoc{l.SHA, l.Context, l.State, l.Text})
		}
	}
	if p.SHA == r.Head.SHA {
		p.Commit, p.Error = revisionDoc(r.Head), message(r.HeadErr)
	}
	if p.SHA == r.Commit.SHA {
		p.Commit, p.InForce, p.Error = revisionDoc(r.Commit), r.Commit.SHA != "", ""
	}
}

// RevisionLine is one revision of which something is known.
type RevisionLine struct {
	RevisionDoc
	State   string `json:"state"`   // "in force", "not valid", "earlier", or the stage of a pull request
	Text    string `json:"text"`    // how far it is, or why it is not in force
	Request int    `json:"request"` // number of the pull request of which it is the head; 0: it is merged
}

// Revisions is what /api/v1/revisions answers: the newest that was seen first, then what was in force, newest first,
// then the heads of pull requests, lately planned first. False: nothing was looked at yet.
func (v View) Revisions() ([]RevisionLine, bool) {
	w := v.web
	r := w.newest()
	if r == nil || !v.who.All {
		return nil, false
	}
	out := []RevisionLine{}
	if r.HeadErr != nil && r.Head.SHA != "" {
		line, _ := firstLine(r.HeadErr.Error())
		out = append(out, RevisionLine{RevisionDoc: revisionDoc(r.Head), State: "not valid", Text: cut(line, keptError)})
	}
	if r.Commit.SHA != "" {
		line := RevisionLine{RevisionDoc: revisionDoc(r.Commit), State: "in force"}
		for _, l := range Lines(*r) {
			if l.SHA == r.Commit.SHA && l.Context == lineContext(r.Want.Owner) {
				line.Text = l.Text
			}
		}
		out = append(out, line)
	}
	commits, requests := w.archive.all()
	for _, c := range slices.Backward(commits) {
		if c.SHA != r.Commit.SHA && c.SHA != r.Head.SHA {
			out = append(out, RevisionLine{RevisionDoc: revisionDoc(c), State: "earlier"})
		}
	}
	return append(out, requests...), true
}

// commit is what is known of a revision that something was done for; without a hash: nothing is.
func (a *archive) commit(sha string) reconcile.Commit {
	a.mu.Lock()
	defer a.mu.Unlock()
	if doc, there := a.proposals[sha]; there {
		return reconcile.Commit{SHA: sha, Subject: doc.Title, Author: doc.Author}
	}
	c := a.called[sha]
	c.SHA = cmp.Or(c.SHA, sha)
	return c
}

// all are the commits for which something was done, oldest first, and the pull requests, newest first.
func (a *archive) all() (commits []reconcile.Commit, requests []RevisionLine) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, sha := range a.commits {
		c := a.called[sha]
		c.SHA = sha
		commits = append(commits, c)
	}
	for _, head := range slices.Backward(a.heads) {
		doc := a.proposals[head]
		line := RevisionLine{
			RevisionDoc: RevisionDoc{SHA: head, Author: doc.Author, Subject: doc.Title, Time: doc.At}, State: doc.Stage, Request: doc.Number,
		}
		for _, text := range append(slices.Clone(doc.Errors), doc.Summary...) {
			line.Text = cmp.Or(line.Text, text)
		}
		requests = append(requests, line)
	}
	return commits, requests
}
