package signin

import (
	"net/netip"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

const (
	failures    = 10              // that an address has at once
	failureGap  = 6 * time.Second // until it has another
	maxTracked  = 4096            // addresses that are remembered
	neighbours4 = 32              // bits of an address that count as one
	neighbours6 = 64
)

// limiter bounds how often an address may fail. It forgets those that have been quiet longest.
type limiter struct {
	by *lru.Cache[netip.Prefix, *rate.Limiter]
}

func newLimiter() limiter {
	by, err := lru.New[netip.Prefix, *rate.Limiter](maxTracked)
	if err != nil {
		panic(err) // the size is one
	}
	return limiter{by}
}

// take counts a failure before it is one, so that many at once are no more than many after each other. It returns how
// long to wait first, which is nothing where it was counted; undo says that it was none.
func (l limiter) take(at netip.Addr, now time.Time) (undo func(), wait time.Duration) {
	bits := neighbours4
	if at.Is6() {
		bits = neighbours6
	}
	network, _ := at.Prefix(bits) // of no address, no network
	mine := rate.NewLimiter(rate.Every(failureGap), failures)
	if old, there, _ := l.by.PeekOrAdd(network, mine); there {
		l.by.Get(network) // it is not quiet
		mine = old
	}
	r := mine.ReserveN(now, 1)
	if wait := r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return nil, wait
	}
	return func() { r.CancelAt(now) }, 0
}
