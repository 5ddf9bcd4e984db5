package page

import (
	"crypto/rand"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/workspace-providers/reconcile/status"
)

// board keeps the rows of the overview as HTML, and which state of it each was changed by, so that one look at a report
// does for everybody who sees the same.
type board struct {
	mark string     // tells its states from those of others
	mu   sync.Mutex // guards what follows
	doc  *status.StatusDoc
	seq  uint64
	rows map[string]*row
	gone map[string]uint64 // by name, and with which state
	lost uint64            // up to which state it is not known any more what is gone
}

// keptGone bounds how many names are kept of rows that are gone.
const keptGone = 5000

// seq is a state of a board.
type seq uint64

func newBoard() *board { return &board{mark: rand.Text()} }

// name is what browsers are given for a state.
func (b *board) name(s seq) string { return fmt.Sprintf("%s-%d", b.mark, uint64(s)) }

// seqOf reads what name wrote; anything else, and what another board wrote, is the state before all others.
func (b *board) seqOf(text string) seq {
	mark, number, _ := strings.Cut(text, "-")
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || mark != b.mark {
		return 0
	}
	return seq(n)
}

// catchUp makes the board show a document, and returns which state that is.
func (b *board) catchUp(doc *status.StatusDoc) seq {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.doc == doc {
		return seq(b.seq)
	}
	if b.rows == nil {
		b.rows, b.gone = map[string]*row{}, map[string]uint64{}
	}
	b.doc = doc
	b.seq++
	there := make(map[string]bool, len(doc.Providers))
	for i := range doc.Providers {
		p := &doc.Providers[i]
		there[p.Name] = true
		old := b.rows[p.Name]
		if old != nil && reflect.DeepEqual(old.provider, *p) {
			continue
		}
		r := newRow(*p)
		r.born, r.seq = b.seq, b.seq
		if old != nil {
			r.born = old.born
		}
		b.rows[p.Name] = r
		delete(b.gone, p.Name)
	}
	b.drop(there)
	return seq(b.seq)
}

// drop takes away the rows that are not there any more. The caller holds mu.
func (b *board) drop(there map[string]bool) {
	for name := range b.rows {
		if !there[name] {
			delete(b.rows, name)
			b.gone[name] = b.seq
		}
	}
	if len(b.gone) > keptGone {
		b.gone, b.lost = map[string]uint64{}, b.seq
	}
}

// ordered are all rows as a view orders them.
func (b *board) ordered(v view) []*row {
	b.mu.Lock()
	all := make([]*row, 0, len(b.rows))
	for _, r := range b.rows {
		all = append(all, r)
	}
	b.mu.Unlock()
	slices.SortFunc(all, v.order)
	return all
}

// rowNews is a row that is another by now, or new.
type rowNews struct {
	Name  string `json:"name"`
	HTML  string `json:"html"`
	New   bool   `json:"new"`
	After string `json:"after"` // of a new one: the row that it comes after; empty: it is the first of its group
	Group string `json:"group"`
}

// boardNews is what is another on the board than it was in some state.
type boardNews struct {
	Reset bool      `json:"reset"` // it is not known what is gone: load the page anew
	Rows  []rowNews `json:"rows"`
	Gone  []string  `json:"gone"`
}

// since is what is another than in a state, for a view.
func (b *board) since(was seq, v view) (news boardNews, now seq) {
	ordered := b.ordered(v)
	b.mu.Lock()
	defer b.mu.Unlock()
	news = boardNews{Rows: []rowNews{}, Gone: []string{}}
	if was == 0 || uint64(was) < b.lost {
		news.Reset = true
		return news, seq(b.seq)
	}
	after, group := "", ""
	for _, r := range ordered {
		if g := v.group(&r.provider); g != group {
			after, group = "", g
		}
		if r.seq > uint64(was) {
			news.Rows = append(news.Rows, rowNews{r.provider.Name, "<tr" + r.html, r.born > uint64(was), after, group})
		}
		after = r.provider.Name
	}
	for name, at := range b.gone {
		if at > uint64(was) {
			news.Gone = append(news.Gone, name)
		}
	}
	slices.Sort(news.Gone)
	return news, seq(b.seq)
}
