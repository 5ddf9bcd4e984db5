package reconcile

import "context"

// Source knows what is declared.
type Source interface {
	// Latest reads the newest revision. It blocks as long as that takes, within bounds of its own, and
	// says in the target what could not be read. Reading the same revision again costs next to nothing.
	Latest(ctx context.Context) Target

	// Descends says whether a revision was made from another, which may be itself. It asks nobody outside
	// and may be called while Latest is. Not knowing is no.
	Descends(sha, from string) bool
}

// Target is what a source found.
type Target struct {
	Head     Commit          // the newest revision; zero where none could ever be read
	HeadErr  error           // why Head is not in force
	FetchErr error           // why the source cannot be reached now
	Commit   Commit          // the newest valid revision; zero: there is none
	Changed  map[string]bool // providers that Commit changed; nil: not known
	Want     Desired
}

// Fleet knows the clusters.
type Fleet interface {
	// Cluster is the cluster of that name, the same each time. One without credentials is unreachable
	// and says so.
	Cluster(name string) Cluster

	// Use says which clusters matter from now on, and what for.
	Use(want Desired)

	// Clusters are those that matter, by name.
	Clusters() map[string]Cluster

	// Inside says at which access URL to look from inside each cluster, where that is declared; an empty one
	// ends that.
	Inside(want AccessURL, url string)

	// Changed receives after something changed in a cluster; many changes may be one receive. It is true where that
	// may have to be answered soon, as an edit by hand, and false for what is to be expected after an action.
	Changed() <-chan bool
}

// Cluster is one cluster that can be looked at and acted on.
type Cluster interface {
	// Live says what is known of the cluster now. It does not block and asks nobody. What it returned is
	// not changed any more.
	Live() ClusterLive

	// Do carries out one action of a plan. It returns when Helm is done, hooks included, and does
	// not wait for readiness: whether it worked is what a later Live says. Twice is the same as once.
	// Losing the right to act on the cluster is an ErrFenced.
	Do(ctx context.Context, a Action) error

	// Note has other processes know what failed here: all of it, each time. It does not block, and does nothing
	// where it was noted already, or somebody else has the right to act on the cluster.
	Note(trials map[ID]Trial)
}

// URLs looks at access URLs from where this program runs.
type URLs interface {
	// Watch says which are looked at from now on, again and again, and how: the new one last, of which each
	// answer counts at once, and before it the previous one. It does not block.
	Watch(want AccessURL, urls ...string)

	// Live says how those that are watched answered last. It asks nobody.
	Live() map[string]URLLive

	// Changed receives after one answered in another way than before.
	Changed() <-chan struct{}
}

// Previewer renders what actions would do before any of them is done.
type Previewer interface {
	// Preview renders actions in one cluster in one go. What cannot be rendered has its error in its
	// preview; what is not known yet is left out. It changes nothing anywhere.
	Preview(ctx context.Context, actions []Action) map[ID]Preview
}

// Preview is what an action would do.
type Preview struct {
	Diff  string // field by field, secrets masked
	Risks []string
	Err   error // why it cannot be done
}

// Reporter tells people and machines what a report says. It does not block: what takes long is done
// later, from the newest report.
type Reporter interface {
	Report(r Report)
}
