package status

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// archive keeps what pages of revisions tell: the newest proposals by head, and what was done for which commit.
type archive struct {
	mu        sync.Mutex // guards what follows
	proposals map[string]RequestDoc
	outcomes  map[string]map[reconcile.ID][]DoneDoc
	called    map[string]reconcile.Commit // what is known of the commits of outcomes
	heads     []string                    // of proposals, oldest first
	commits   []string                    // of outcomes, oldest first
	size      int                         // bytes of all plans
}

const (
	keptProposals = 1100
	keptPages     = 24 << 20 // bytes
	keptPage      = 256 << 10
	keptErrors    = 100 // lines of one request
	keptError     = 500 // characters of a line
	keptOutcomes  = 64  // commits
	keptDone      = 20  // for one thing
)

// propose keeps a proposal in the place of the last of the same head; of a request that is closed, what it was stays.
func (a *archive) propose(p reconcile.Proposal) {
	doc := requestDoc(p)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.proposals == nil {
		a.proposals = map[string]RequestDoc{}
	}
	if p.Stage == reconcile.Closed {
		old, there := a.proposals[p.Request.Head]
		if there && old.Number == doc.Number {
			old.Stage = doc.Stage
			a.proposals[p.Request.Head] = old
		}
		return
	}
	a.drop(p.Request.Head)
	a.proposals[p.Request.Head], a.heads = doc, append(a.heads, p.Request.Head)
	a.size += len(doc.Plan)
	for len(a.heads) > keptProposals || a.size > keptPages {
		a.drop(a.heads[0])
	}
}

func (a *archive) drop(head string) {
	if old, there := a.proposals[head]; there {
		a.size -= len(old.Plan)
		delete(a.proposals, head)
		a.heads = slices.DeleteFunc(a.heads, func(h string) bool { return h == head })
	}
}

// done keeps how an action ended. One that names no commit has no page to stand on.
func (a *archive) done(o reconcile.Outcome) {
	sha := o.Action.Commit.SHA
	if o.Stopped() || sha == "" {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.outcomes == nil {
		a.outcomes, a.called = map[string]map[reconcile.ID][]DoneDoc{}, map[string]reconcile.Commit{}
	}
	if a.outcomes[sha] == nil {
		a.outcomes[sha], a.commits = map[reconcile.ID][]DoneDoc{}, append(a.commits, sha)
	}
	a.called[sha] = o.Action.Commit
	d := DoneDoc{Op: o.Action.Op, Reason: o.Action.Reason, At: time.Now().UTC(), Took: o.Took.Seconds()}
	if o.Err != nil {
		d.Error = clean(o.Err.Error())
	}
	all := append(slices.Clone(a.outcomes[sha][o.Action.ID]), d)
	a.outcomes[sha][o.Action.ID] = all[max(0, len(all)-keptDone):]
	if len(a.commits) > keptOutcomes {
		delete(a.outcomes, a.commits[0])
		delete(a.called, a.commits[0])
		a.commits = a.commits[1:]
	}
}

// of is what is kept of a revision.
func (a *archive) of(sha string) (request *RequestDoc, done map[reconcile.ID][]DoneDoc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if doc, there := a.proposals[sha]; there {
		request = &doc
	}
	done = make(map[reconcile.ID][]DoneDoc, len(a.outcomes[sha]))
	for id, all := range a.outcomes[sha] {
		done[id] = all
	}
	return request, done
}

// requestDoc is a proposal without what it was made from.
func requestDoc(p reconcile.Proposal) RequestDoc {
	doc := RequestDoc{
		Number: p.Request.Number, Title: clean(p.Request.Title), Author: clean(p.Request.Author), Page: p.Request.Page, Base: p.Base.SHA,
		Stage: string(p.Stage), Errors: []string{}, Summary: []string{},
		Moved: append([]string{}, p.Moved[:min(len(p.Moved), keptErrors)]...), At: p.At.UTC(),
	}
	if p.Err != nil {
		for line := range strings.Lines(p.Err.Error()) {
			if len(doc.Errors) == keptErrors {
				break
			}
			doc.Errors = append(doc.Errors, cut(clean(line), keptError))
		}
	}
	if p.Stage != reconcile.Planned || p.Err != nil {
		return doc
	}
	for _, a := range p.Plan.Actions {
		if err := p.Failed[a.ID]; err != nil && len(doc.Errors) < keptErrors {
			doc.Errors = append(doc.Errors, cut(clean(a.ID.String()+": "+err.Error()), keptError))
		}
	}
	doc.Summary, doc.Hash = ProposalSummary(p), p.Plan.Hash()
	doc.Plan = PlanText(p.Plan, PlanView{})
	if len(doc.Plan) > keptPage {
		doc.Plan = strings.ToValidUTF8(doc.Plan[:keptPage], "") + "\n… and more, which is too much to be kept here\n"
	}
	return doc
}
