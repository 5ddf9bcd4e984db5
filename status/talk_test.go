package status

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/schema"
)

// board is a forge in memory that takes everything but comments on some requests.
type board struct {
	mu       sync.Mutex // guards the rest
	posted   []string   // revisions and states
	comments map[int]int
	texts    []string // of comments
	remarks  []string
	blocked  map[int]bool
	gate     chan struct{} // each post waits for it; may be nil
}

func (b *board) Name() string { return "github" }

func (b *board) Posted(context.Context, Line) ([]Line, error) { return nil, nil }

func (b *board) Post(_ context.Context, sha string, lines []Line) (int, error) {
	if b.gate != nil {
		<-b.gate
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.posted = append(b.posted, sha+" "+string(lines[0].State))
	return len(lines), nil
}

func (b *board) Open(context.Context, int) ([]PullRequest, bool, error) { return nil, false, nil }

func (b *board) Comment(_ context.Context, number int, _, text string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.blocked[number] {
		return errors.New("403: whoever opened it blocked this account")
	}
	b.comments[number]++
	b.texts = append(b.texts, text)
	return nil
}

func (b *board) Annotate(_ context.Context, pr PullRequest, _ string, all []Annotation) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, one := range all {
		b.remarks = append(b.remarks, pr.Head+" "+one.Text)
	}
	return nil
}

func (b *board) said(number int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.comments[number]
}

// chatting is a Poster at work in front of a board.
func chatting(t *testing.T, b *board, test func(p *Poster)) {
	b.comments = map[int]int{}
	p := NewPoster(PosterOptions{Forge: func() Forge { return b }})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Run(ctx)
	}()
	test(p)
	cancel()
	<-ended
}

func wrong(number int, head, message string) reconcile.Proposal {
	return reconcile.Proposal{
		Request: PullRequest{Number: number, Head: head}, Stage: reconcile.Planned, Before: reconcile.Desired{Owner: "acme"},
		Err: schema.Errors{{Position: schema.Position{File: "a.cue", Line: 1}, Path: "a", Message: message}},
	}
}

// Whoever opens a request can keep this account from writing on it.
func TestARequestThatTakesNoCommentStopsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &board{blocked: map[int]bool{1: true}}
		chatting(t, b, func(p *Poster) {
			p.Propose(wrong(1, "aaaaaaa", "no"))
			p.Propose(wrong(2, "bbbbbbb", "no"))
			time.Sleep(time.Hour)
			if b.said(2) != 1 {
				t.Error("nothing is said on another request")
			}
			w, _ := one()
			p.Report(w.report())
			p.Propose(wrong(3, "ccccccc", "no"))
			synctest.Wait()
			if !slices.Contains(b.posted, "1a2b3c4d5e6f pending") {
				t.Errorf("a status waits for a comment: %q", b.posted)
			}
			time.Sleep(time.Minute)
			if b.said(3) != 1 {
				t.Error("nothing is said on a later request")
			}
			b.mu.Lock()
			b.blocked = nil
			b.mu.Unlock()
			time.Sleep(10 * time.Minute)
			if b.said(1) != 1 {
				t.Error("what could not be said is lost")
			}
		})
	})
}

// Comments are written some time apart: what moved in between is told from what people have read.
func TestWhatMovedIsToldFromWhatWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &board{}
		chatting(t, b, func(p *Poster) {
			plan := func(moved ...string) {
				p.Propose(reconcile.Proposal{
					Request: PullRequest{Number: 1, Head: "aaaaaaa"}, Stage: reconcile.Planned,
					Before: reconcile.Desired{Owner: "acme"}, Moved: moved,
				})
				synctest.Wait()
			}
			says := func(want ...string) {
				t.Helper()
				time.Sleep(time.Minute)
				b.mu.Lock()
				defer b.mu.Unlock()
				var got []string
				for line := range strings.Lines(b.texts[len(b.texts)-1]) {
					if strings.HasPrefix(line, "- revision") {
						got = append(got, strings.TrimSpace(line[2:]))
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("got %q, want %q", got, want)
				}
			}
			plan()
			plan("revision 1 → 2")
			plan("revision 2 → 3")
			says("revision 1 → 2", "revision 2 → 3")
			plan("revision 3 → 4")
			says("revision 3 → 4")
			plan() // of another base, say
			says()
			plan("revision 4 → 5")
			plan("revision 5 → 6")
			plan() // what fails of it is another now, and nothing else
			says("revision 5 → 6")
		})
	})
}

func TestWhatIsMergedComesBeforeRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &board{gate: make(chan struct{})}
		chatting(t, b, func(p *Poster) {
			for n := range 20 {
				p.Propose(wrong(n+1, strings.Repeat(string(rune('a'+n)), 7), "no"))
			}
			synctest.Wait() // in the first post
			w, _ := one()
			p.Report(w.report())
			for range 5 {
				p.Propose(wrong(1, "aaaaaaa", "no"))
			}
			n := 0 // others may wait too, if the first post began before they had all come
			for _, waiting := range p.proposals {
				if waiting.request.Number == 1 {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%d proposals of one request wait", n)
			}
			b.gate <- struct{}{}
			b.gate <- struct{}{}
			synctest.Wait()
			b.mu.Lock()
			if len(b.posted) != 2 || !strings.HasPrefix(b.posted[1], "1a2b3c4d5e6f") {
				t.Errorf("posted %q", b.posted)
			}
			b.mu.Unlock()
			close(b.gate)
		})
	})
}

func TestRemarksAreOfTheHeadTheyAreSaidOn(t *testing.T) {
	b := newBook(time.Second)
	b.propose(announce(wrong(1, "aaaaaaa", "older"), "", 0))
	next := wrong(1, "bbbbbbb", "")
	next.Stage, next.Err = reconcile.Planning, nil
	b.propose(announce(next, "", 0))
	if said, _ := b.unsaid(time.Now()); said != nil {
		t.Errorf("%+v are said on %s", said.remarks, said.head)
	}
}

func TestThePageOfARequestOutlivesIt(t *testing.T) {
	var a archive
	a.propose(wrong(1, "aaaaaaa", "no"))
	closed := wrong(1, "aaaaaaa", "")
	closed.Stage, closed.Err = reconcile.Closed, nil
	a.propose(closed)
	doc, _ := a.of("aaaaaaa")
	if doc == nil || doc.Stage != "closed" || len(doc.Errors) != 1 {
		t.Errorf("%+v", doc)
	}
	a.propose(wrong(2, "bbbbbbb", strings.Repeat("no\n", 1000)+strings.Repeat("x", 1_000_000)))
	if doc, _ = a.of("bbbbbbb"); len(strings.Join(doc.Errors, "")) > 100_000 {
		t.Errorf("%d errors are kept", len(doc.Errors))
	}
}

// A thousand comments that wait for a forge that is gone take a bounded room, and each still says the most important.
func TestCommentsThatWaitAreBounded(t *testing.T) {
	p := NewPoster(PosterOptions{Forge: func() Forge { return nil }})
	for n := range 2000 {
		var mistakes schema.Errors
		for range 1000 {
			mistakes = append(mistakes, schema.Error{Path: "a", Message: strings.Repeat("x", 100)})
		}
		proposal := wrong(n+1, fmt.Sprint("head", n), "no")
		proposal.Err = mistakes
		p.Propose(proposal)
		if n%10 == 0 {
			p.take()
		}
	}
	p.take()
	if n := p.book.waiting(); n > keptComments+2000*shortComment {
		t.Errorf("%d MiB wait", n>>20)
	}
	for n, talk := range p.book.requests {
		if !strings.Contains(talk.comment, "not shown: the comment would be too long") {
			t.Fatalf("request %d: %q", n, talk.comment)
		}
	}
}
