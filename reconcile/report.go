package reconcile

import (
	"errors"
	"sync"
	"time"
)

// Commit is one revision of the declarations.
type Commit struct {
	SHA      string // full hash; for a directory "dir:" and a hash over its files
	Author   string // name and address
	MergedBy string // who put it there, where it is a merge or somebody else's; empty: its author, or not known
	Subject  string // first line of the message
	Time     time.Time
}

// Report is one look at everything: what was asked for, what there is, and what lies between.
type Report struct {
	Head     Commit          // the newest revision seen
	HeadErr  error           // why Head is not in force; schema.Errors for invalid declarations
	FetchErr error           // why the repository cannot be read now
	Commit   Commit          // the revision in force; zero: none was ever valid
	Changed  map[string]bool // providers that Commit changed; nil: not known
	Want     Desired
	Live     Live
	Plan     Plan
	Failed   map[ID]error // what the last attempt at an action of this plan ended with

	shared *sync.Map // what Shared keeps; nil: nothing
}

// Shared is what is made of a report, once for all who ask for the same key; they must leave it as it is. Many are told
// of a report, and most of them need the same of it first. Of a report that no Loop made, nothing is kept.
func Shared[T any](r Report, key any, from func(Report) T) T {
	if r.shared == nil {
		return from(r)
	}
	made, _ := r.shared.LoadOrStore(key, sync.OnceValue(func() T { return from(r) }))
	return made.(func() T)()
}

// Outcome is how an action ended.
type Outcome struct {
	Action Action
	Err    error
	Took   time.Duration
}

// Stopped says whether the action ended early and did not fail: another process was faster or has the right
// to act, or somebody froze it.
func (o Outcome) Stopped() bool {
	return errors.Is(o.Err, ErrFenced) || errors.Is(o.Err, ErrMoved) || errors.Is(o.Err, ErrFrozen)
}
