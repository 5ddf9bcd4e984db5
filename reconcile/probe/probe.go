package probe

import (
	"cmp"
	"context"
	"io/fs"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// How often a URL is looked at, for how long an answer is waited for, and after how many looks in a row without
// one a previous URL that answered is said to be lost.
const (
	defaultInterval = 5 * time.Second
	defaultTimeout  = 5 * time.Second
	patience        = 3
)

// Prober looks at URLs again and again while somebody wants to know. Its zero value works, and trusts the
// system's certificate authorities.
type Prober struct {
	Credentials fs.FS         // has certificate authorities in its folder ca; read for each look; nil: none
	Interval    time.Duration // between two looks at a URL; 0: 5 s
	Timeout     time.Duration // of one look; 0: 5 s

	names *net.Resolver // resolves hosts; nil: as this system does

	init    sync.Once
	changed chan struct{}
	wake    chan struct{}

	mu   sync.Mutex // guards what follows
	how  reconcile.AccessURL
	seen map[string]seen // by URL that is watched
}

// seen is how a URL answered.
type seen struct {
	reconcile.URLLive
	previous bool // is changed from, not to
	missed   int  // looks in a row without an answer
}

var _ reconcile.URLs = (*Prober)(nil)

func (p *Prober) timeout() time.Duration { return cmp.Or(p.Timeout, defaultTimeout) }

func (p *Prober) start() {
	p.init.Do(func() { p.changed, p.wake = make(chan struct{}, 1), make(chan struct{}, 1) })
}

// Watch says which URLs are looked at from now on: the last is the new one, and those before it are previous
// ones, so one alone is new. A previous URL is said to be lost after three looks in a row without an answer. The
// new one is after the first, since with each look it may be given to providers. Said again, it changes nothing.
// It does not block.
func (p *Prober) Watch(how reconcile.AccessURL, urls ...string) {
	p.start()
	p.mu.Lock()
	defer p.mu.Unlock()
	next, fresh := map[string]seen{}, false
	for i, url := range urls {
		was, there := p.seen[url]
		was.previous = i < len(urls)-1
		if !there || !alike(how, p.how) || was.hides() {
			was, fresh = seen{previous: was.previous}, true
		}
		next[url] = was
	}
	p.how, p.seen = how, next
	if fresh {
		signal(p.wake)
	}
}

// alike says whether URLs are looked at in the same way.
func alike(a, b reconcile.AccessURL) bool { return a.Path == b.Path && a.CA == b.CA }

// hides says whether a URL that became the new one did not answer last, which was no news of a previous one.
func (s seen) hides() bool { return !s.previous && s.Err == "" && s.missed > 0 }

// Live says how the URLs that are watched answered last; one that nobody looked at yet has no time. Of one that
// does not answer any more it still says which deployment answered before, so that another one can be told from
// it.
func (p *Prober) Live() map[string]reconcile.URLLive {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make(map[string]reconcile.URLLive, len(p.seen))
	for url, s := range p.seen {
		out[url] = s.URLLive
	}
	return out
}

// Changed receives after a URL answered in another way than before.
func (p *Prober) Changed() <-chan struct{} {
	p.start()
	return p.changed
}

// Run looks until ctx ends: at all URLs side by side, at once when one is new, else every Interval.
func (p *Prober) Run(ctx context.Context) {
	p.start()
	for ctx.Err() == nil {
		p.round(ctx)
		select {
		case <-ctx.Done():
		case <-p.wake:
		case <-time.After(cmp.Or(p.Interval, defaultInterval)):
		}
	}
}

// round looks at each URL once.
func (p *Prober) round(ctx context.Context) {
	p.mu.Lock()
	how, urls := p.how, slices.Sorted(maps.Keys(p.seen))
	p.mu.Unlock()
	var looks sync.WaitGroup
	for _, url := range urls {
		looks.Go(func() {
			live := p.Look(ctx, how, url)
			if ctx.Err() == nil {
				p.note(how, url, live)
			}
		})
	}
	looks.Wait()
}

// note keeps what a look found, and tells if that is another than before. A look that began before the URLs
// were to be looked at in another way says nothing of that.
func (p *Prober) note(how reconcile.AccessURL, url string, now reconcile.URLLive) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was, watched := p.seen[url]
	if !watched || !alike(how, p.how) {
		return
	}
	next := was.after(now)
	p.seen[url] = next
	if differs(was.URLLive, next.URLLive) {
		signal(p.changed)
	}
}

// after is what is known after one more look.
func (s seen) after(now reconcile.URLLive) seen {
	if now.Err == "" {
		return seen{URLLive: now, previous: s.previous}
	}
	s.missed++
	if s.previous && !s.At.IsZero() && s.Err == "" && s.missed < patience {
		return s
	}
	now.ID, now.Version = s.ID, s.Version
	s.URLLive = now
	return s
}

// differs says whether two answers differ in more than their time.
func differs(a, b reconcile.URLLive) bool {
	return a.At.IsZero() != b.At.IsZero() || (len(a.Addresses) == 0) != (len(b.Addresses) == 0) || a.Err != b.Err ||
		a.Status != b.Status || a.Version != b.Version || a.ID != b.ID || a.Says != b.Says
}

// signal wakes whoever listens, once for all that happens until he does.
func signal(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}
