package reconcile

import (
	"context"
	"time"
)

// Cluster is one cluster that can be looked at and acted on.
type Cluster interface {
	// Live says what is known of the cluster now. It does not block and asks nobody.
	Live() ClusterLive

	// Do carries out one action of a plan. It returns when Helm is done, hooks included, and does
	// not wait for readiness: whether it worked is what a later Live says. Twice is the same as once.
	// Losing the right to act on the cluster is an ErrFenced.
	Do(ctx context.Context, a Action) error
}

// Commit is one revision of the declarations.
type Commit struct {
	SHA     string // full hash; for a directory "dir:" and a hash over its files
	Author  string // name and address
	Subject string // first line of the message
	Time    time.Time
}

// Report is one look at everything: what was asked for, what there is, and what lies between.
type Report struct {
	Head     Commit          // the newest revision seen
	HeadErr  error           // why Head is not in force; schema.Errors for invalid declarations
	FetchErr error           // why the repository cannot be read now
	Commit   Commit          // the revision in force; zero: none was ever valid
	Changed  map[string]bool // providers that Commit changed
	Want     Desired
	Live     Live
	Plan     Plan
	Failed   map[ID]error // what the last attempt at an action of this plan ended with
}

// Reporter tells people and machines what a report says. It does not block: what takes long is done
// later, from the newest report.
type Reporter interface {
	Report(r Report)
}
