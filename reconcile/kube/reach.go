package kube

import (
	"sync"
	"time"
)

// reach is whether a cluster can be reached, as told by the outcome of each request. Its lock is a leaf: requests
// are made in many places, some of them under other locks, so that nothing else is locked, asked or called under it.
type reach struct {
	mu    sync.Mutex // guards what follows
	yes   bool
	err   string    // why not, or what else is wrong
	since time.Time // when yes became what it is
	back  bool      // it could be reached again since somebody last asked
	ills  int       // requests that got no answer, or were put off
	well  time.Time // since when all are answered; zero: the last one was not
	sick  time.Time // since when none is, where well is zero
}

// heard notes the outcome of a request: any answer makes a cluster reachable, none makes it not. So does one that only
// puts us off, when all have done so for as long as we wait for an answer. It says whether that is news.
func (r *reach) heard(why string, putOff bool) (news bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ill := why != ""
	news = ill != r.well.IsZero()
	r.feel(ill)
	if putOff && time.Since(r.sick) < requestTimeout {
		why = ""
	}
	yes := why == ""
	news = news || yes != r.yes || why != r.err
	if yes != r.yes || r.since.IsZero() {
		r.since = time.Now()
	}
	r.back = r.back || yes && !r.yes
	r.yes, r.err = yes, why
	return news
}

// feel notes whether a request was answered. The caller holds mu.
func (r *reach) feel(ill bool) {
	switch {
	case ill:
		if !r.well.IsZero() || r.sick.IsZero() {
			r.sick = time.Now()
		}
		r.ills++
		r.well = time.Time{}
	case r.well.IsZero():
		r.well = time.Now()
	}
}

// wrong notes what is wrong with a cluster that can be reached.
func (r *reach) wrong(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err.Error()
}

// state is what is known.
func (r *reach) state() (yes bool, err string, since time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.yes, r.err, r.since
}

// health says since when all requests are answered, and how many were not so far.
func (r *reach) health() (well time.Time, ills int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.well, r.ills
}

// returned says, once, that the cluster could be reached again: what was asked meanwhile got no answer.
func (r *reach) returned() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	back := r.back
	r.back = false
	return back
}
