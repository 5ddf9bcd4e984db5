package kube

import (
	"sync/atomic"
	"time"
)

// latency is how long a cluster takes to begin its answers, of late. Its zero value has heard none.
type latency struct{ mean atomic.Int64 }

// note takes one answer into the mean, of which it is an eighth. Two at once may count as one.
func (l *latency) note(took time.Duration) {
	if was := l.mean.Load(); was > 0 {
		took = time.Duration(was) + (took-time.Duration(was))/8
	}
	l.mean.Store(int64(took))
}

// rounded is the mean to the next of 1, 2, 5, 10, 20, 50 ms and so on, so that it seldom is news; 0: not known.
func (l *latency) rounded() time.Duration {
	mean := time.Duration(l.mean.Load())
	if mean <= 0 {
		return 0
	}
	step := time.Millisecond
	for ; mean > 10*step; step *= 10 {
	}
	for _, n := range []time.Duration{1, 2, 5} {
		if mean <= n*step {
			return n * step
		}
	}
	return 10 * step
}
