package status

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// book keeps what should stand on commits beside what does. It knows no clock and no network.
type book struct {
	every   time.Duration // between two texts of the same state
	hurry   bool          // it is the end: nothing waits any more
	want    map[place]Line
	stands  map[place]standing
	refused map[place]Line // the forge will never take this one
	read    map[string]bool
	others  map[string]bool // revisions on which another replica may have posted since we last read what stands there
	order   []string        // revisions in the order in which they were first seen
	commit  string          // the revision in force
	head    string
	past    []string // revisions before our time that may have been left pending, newest first

	requests map[int]*talk // pull requests, by number
}

// place is where a line stands.
type place struct{ sha, context string }

// standing is a line on the forge.
type standing struct {
	Line
	at    time.Time // zero: it was there before us
	posts int       // by this process
}

// keptRevisions bounds how many revisions can wait for a forge that does not answer.
const keptRevisions = 64

func newBook(every time.Duration) *book {
	return &book{
		every: every, want: map[place]Line{}, stands: map[place]standing{},
		refused: map[place]Line{}, read: map[string]bool{}, others: map[string]bool{},
		requests: map[int]*talk{},
	}
}

// take makes the lines of a report what should stand, and closes what it overtakes: a revision that was
// not done is superseded, and a context of the revision in force that has nothing left is done.
func (b *book) take(r reconcile.Report) {
	now := map[place]bool{}
	for _, l := range Lines(r) {
		at := place{l.SHA, l.Context}
		now[at] = true
		if _, known := b.want[at]; !l.Unsure || !known {
			b.want[at] = l
		}
		if !slices.Contains(b.order, l.SHA) {
			b.order = append(b.order, l.SHA)
		}
	}
	before := b.commit
	b.head, b.commit = r.Head.SHA, cmp.Or(r.Commit.SHA, before)
	for at, l := range b.want {
		if at.sha == before && l.Request == 0 && !now[at] && l.State != StateSuccess && len(now) > 0 {
			b.want[at] = closed(l, b.commit)
		}
	}
	b.forget()
}

// closed is the last line of a place that a report has nothing to say of any more, under the revision that is
// in force now.
func closed(l Line, force string) Line {
	switch {
	case l.SHA == force:
		l.State, l.Text = StateSuccess, "nothing of this revision is left here"
	case l.State == StatePending:
		l = superseded(l, force)
	}
	return l
}

// forget drops what is done with: old revisions whose last lines stand, and the oldest of too many.
func (b *book) forget() {
	open := map[string]bool{b.commit: true, b.head: true}
	for _, t := range b.requests {
		open[t.head] = true
	}
	for i := 0; len(b.order) > keptRevisions+len(b.requests) && i < len(b.order); {
		if open[b.order[i]] {
			i++
			continue
		}
		b.drop(b.order[i])
	}
	for at, l := range b.want {
		if !b.settled(at, l) {
			open[at.sha] = true
		}
	}
	for _, sha := range slices.Clone(b.order) {
		if !open[sha] {
			b.drop(sha)
		}
	}
}

func (b *book) drop(sha string) {
	b.order = slices.DeleteFunc(b.order, func(s string) bool { return s == sha })
	delete(b.read, sha)
	delete(b.others, sha)
	gone := func(at place) bool { return at.sha == sha }
	maps.DeleteFunc(b.want, func(at place, _ Line) bool { return gone(at) })
	maps.DeleteFunc(b.stands, func(at place, _ standing) bool { return gone(at) })
	maps.DeleteFunc(b.refused, func(at place, _ Line) bool { return gone(at) })
}

// settled says whether nothing is left to post at a place. What is unsure is not posted; where it was
// superseded, only what was pending before us is closed.
func (b *book) settled(at place, l Line) bool {
	have := b.stands[at]
	if l.Unsure && (l.State != StateError || b.read[at.sha] && have.State != StatePending) {
		return true
	}
	no, found := b.refused[at]
	return have.State == l.State && have.Text == l.Text || found && no.State == l.State && no.Text == l.Text
}

// due lists, for the newest revision that has any, the lines to post now, by context; what is merged comes before
// what is not. Where there are none it says how long until there are; a negative wait means until the next report.
func (b *book) due(now time.Time) (sha string, lines []Line, wait time.Duration) {
	sha, lines, wait = b.dueOf(false, now)
	if len(lines) > 0 {
		return sha, lines, 0
	}
	sha, lines, left := b.dueOf(true, now)
	return sha, lines, shorter(wait, left)
}

// dueOf is what is due of pull requests, or of all else.
func (b *book) dueOf(requests bool, now time.Time) (sha string, lines []Line, wait time.Duration) {
	wait = -1
	for _, sha := range slices.Backward(b.order) {
		for at, l := range b.want {
			if at.sha != sha || (l.Request != 0) != requests || b.settled(at, l) {
				continue
			}
			if left := b.pause(at, l, now); left > 0 {
				wait = shorter(wait, left)
				continue
			}
			lines = append(lines, l)
		}
		if len(lines) > 0 {
			slices.SortFunc(lines, func(a, b Line) int { return cmp.Compare(a.Context, b.Context) })
			return sha, lines, 0
		}
	}
	return "", nil, wait
}

// pause is how long a line has to wait after the one that stands in its place: a new text of the same state
// for a moment, a new state not at all. As forges take only so many statuses for a commit and context
// (GitHub: 1,000), the pause doubles with every fifty, and one that comes and goes lasts for a year.
func (b *book) pause(at place, l Line, now time.Time) time.Duration {
	have := b.stands[at]
	if have.at.IsZero() || b.hurry {
		return 0
	}
	gap := time.Second << (have.posts / 50)
	switch {
	case have.State == l.State:
		gap = max(gap, b.every)
	case have.posts < 50:
		gap = 0
	}
	return have.at.Add(gap).Sub(now)
}

// posted notes that a line stands now.
func (b *book) posted(l Line, now time.Time) {
	at := place{l.SHA, l.Context}
	b.stands[at] = standing{Line: l, at: now, posts: b.stands[at].posts + 1}
}

// found notes what stands on a revision: what was there before us, and what was taken though nobody said so.
func (b *book) found(sha string, lines []Line) {
	b.read[sha] = true
	for _, l := range lines {
		at := place{sha, l.Context}
		if have := b.stands[at]; have.State != l.State || have.Text != l.Text {
			b.stands[at] = standing{Line: l, posts: have.posts}
		}
	}
	if slices.Contains(b.past, sha) {
		b.closePast(sha, lines)
	}
	if b.others[sha] && sha != b.commit && sha != b.head {
		b.respect(sha, lines)
	}
	delete(b.others, sha)
}

// respect leaves the last words on a revision that is not in force any more as they are: where another replica posted
// until a moment ago, it may have seen more of it than we did.
func (b *book) respect(sha string, lines []Line) {
	for _, l := range lines {
		at := place{sha, l.Context}
		if want, there := b.want[at]; there && want.Request == 0 && l.State != StatePending {
			b.want[at] = l
		}
	}
}

// unread forgets what stands on the forge: somebody else may change it from now on.
func (b *book) unread() {
	clear(b.read)
	clear(b.stands)
	clear(b.refused)
	for _, sha := range b.order {
		b.others[sha] = true
	}
}

// shorter is the shorter of two waits; a negative one is for ever.
func shorter(a, b time.Duration) time.Duration {
	if a < 0 || b >= 0 && b < a {
		return b
	}
	return a
}
