package pull

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/source"
)

// shown is what is known for good of the last that was told of a request: enough to tell whether it still holds.
type shown struct {
	stage  reconcile.Stage
	wrong  bool   // there is no plan
	hash   string // of the plan
	failed string // of what cannot be carried out, and why; empty: everything can
	at     time.Time
}

// holds says whether there is a plan that can be held against what is live.
func (s shown) holds() bool { return s.stage == reconcile.Planned && !s.wrong }

func shownOf(p reconcile.Proposal) shown {
	return shown{stage: p.Stage, wrong: p.Err != nil, hash: p.Plan.Hash(), failed: failures(p.Failed), at: p.At}
}

// failures is a digest of what failed.
func failures(failed map[reconcile.ID]error) string {
	if len(failed) == 0 {
		return ""
	}
	var lines []string
	for id, err := range failed {
		lines = append(lines, fmt.Sprintf("%s: %v", id, err))
	}
	slices.Sort(lines)
	return fmt.Sprintf("%x", sha256.Sum256([]byte(fmt.Sprint(lines))))
}

// facts are what a plan was made from, which makes it cheap to make it again and to say what moved.
type facts struct {
	read      source.Revision // of its merge
	key       string          // of what its merge declares
	plan      reconcile.Plan
	rehearsed reconcile.Rehearsal
	weight    int // bytes, about
}

// keptFacts bounds the bytes of the facts of all requests.
const keptFacts = 32 << 20

// forget forgets the facts of the requests whose plans are oldest, until what is left is not too much: somebody may open
// very many. Such a plan is made from the beginning whenever it is held against what is live.
func (r *running) forget() {
	total := 0
	var having []*request
	for _, q := range r.open {
		if q.facts != nil {
			having, total = append(having, q), total+q.facts.weight
		}
	}
	slices.SortFunc(having, func(a, b *request) int {
		return cmp.Or(a.shown.at.Compare(b.shown.at), cmp.Compare(a.Number, b.Number))
	})
	for i := 0; total > keptFacts && i < len(having)-1; i++ {
		total -= having[i].facts.weight
		having[i].facts = nil
	}
}

// rehearsed is how much of a request's plan is rendered already.
func (q *request) rehearsed() int {
	if q.facts == nil {
		return 0
	}
	return len(q.facts.rehearsed)
}

// forgotten is said in the place of what moved.
const forgotten = "what the plan was decided on, in more detail than is kept while so many requests are open"

// moved says what of a request's plan is another now than was shown.
func (q *request) moved(now reconcile.Plan) []string {
	switch {
	case now.Hash() == q.shown.hash:
		return nil
	case q.facts == nil || q.facts.plan.Revision == "":
		return []string{forgotten}
	}
	return now.Moved(q.facts.plan)
}

// What an item and an action take beside their values and texts, about.
const (
	itemBytes   = 2 << 10
	actionBytes = 1 << 10
)

// weigh estimates how much memory facts take: values are held as they were evaluated, and as they are wanted.
func (f *facts) weigh() {
	f.weight = 0
	for _, it := range f.read.Want.Items {
		f.weight += itemBytes + 2*size(it.Release.Values)
	}
	for _, a := range f.plan.Actions {
		f.weight += actionBytes + len(a.Diff) + len(a.Message)
	}
}

// size is about how many bytes a value takes.
func size(value any) int {
	const header = 16
	switch v := value.(type) {
	case map[string]any:
		n := 3 * header
		for key, each := range v {
			n += 2*header + len(key) + size(each)
		}
		return n
	case []any:
		n := 2 * header
		for _, each := range v {
			n += header + size(each)
		}
		return n
	case string:
		return header + len(v)
	}
	return header
}
