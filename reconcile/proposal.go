package reconcile

import (
	"maps"
	"slices"
	"time"
)

// PullRequest is an open request to merge a branch; GitLab calls it a merge request. Its text is somebody's: it is
// not to be trusted.
type PullRequest struct {
	Number int
	Title  string
	Author string // login
	Page   string // where people look at it
	Head   string // full hash of the newest commit that it brings
	Ref    string // names Head in the repository itself, for forks too: "refs/pull/7/head"
	Base   string // branch that it is to be merged into: "main"
	Draft  bool

	// Member says whether who made it may push to the repository. A branch of the repository itself was
	// pushed by somebody who may. Not knowing is no.
	Member bool
}

// Proposal is what merging a pull request would do now.
type Proposal struct {
	Request PullRequest
	Stage   Stage
	Base    Commit       // what it would be merged into
	Key     string       // of what would be declared then, the same for a commit that declares the same; empty: the branch declares it already
	Err     error        // why there is no plan: schema.Errors for invalid declarations
	Before  Desired      // what is in force
	Want    Desired      // what would be; its commit is the merge
	Live    Live         // what the plan was decided on
	Plan    Plan         // with diffs and risks
	Failed  map[ID]error // actions of the plan that cannot be carried out as they are
	Moved   []string     // why the plan that was shown before does not hold any more; empty: none was, or its head moved
	At      time.Time
}

// Stage is how far the planning of a pull request is.
type Stage string

// The stages.
const (
	Planning  Stage = "planning"  // there is no plan of this head yet
	Planned   Stage = "planned"   // Err says why there is no plan
	Unplanned Stage = "unplanned" // none is made, for the reason in Err
	Closed    Stage = "closed"    // the request is not open any more
)

// Foresee is the plan for what would be wanted, decided on what a report has seen. What is being worked on is taken
// for what it was, since it will be free by the time that this is merged. A Secret or ConfigMap that nothing in force
// refers to was not looked at; it is taken to be there, which is a risk, and makes another digest than the real one.
func Foresee(want Desired, r Report) Plan {
	live := r.Live
	live.Clusters = make(map[string]ClusterLive, len(r.Live.Clusters))
	for name, c := range r.Live.Clusters {
		live.Clusters[name] = unlocked(c)
	}
	known := map[referred]bool{}
	for _, it := range r.Want.Items {
		for _, ref := range it.Release.References {
			known[referred{it.ID.Cluster, RefID{it.ID.Namespace, ref.Kind, ref.Name}}] = true
		}
	}
	want.Items = slices.Clone(want.Items)
	for i := range want.Items {
		it := &want.Items[i]
		for _, ref := range it.Release.References {
			id := RefID{it.ID.Namespace, ref.Kind, ref.Name}
			if known[referred{it.ID.Cluster, id}] {
				continue
			}
			live.Clusters[it.ID.Cluster] = assume(live.Clusters[it.ID.Cluster], id)
			it.Risks = append(slices.Clone(it.Risks), "whether "+ref.Kind+" "+it.ID.Namespace+"/"+ref.Name+
				" is there is looked at only when this is merged")
		}
	}
	return Decide(want, live)
}

// referred is something that a release refers to, in its cluster.
type referred struct {
	cluster string
	id      RefID
}

// unlocked is a cluster in which nobody is at anything.
func unlocked(c ClusterLive) ClusterLive {
	releases := maps.Clone(c.Releases)
	for id, obs := range releases {
		if obs.State == Locked && obs.Revision > 0 {
			obs.State = Deployed
			releases[id] = obs
		}
	}
	c.Releases = releases
	return c
}

// assume is a cluster in which something referred to is there.
func assume(c ClusterLive, ref RefID) ClusterLive {
	c.Refs, c.Unlisted = maps.Clone(c.Refs), maps.Clone(c.Unlisted)
	if c.Refs == nil {
		c.Refs = map[RefID]RefState{}
	}
	if _, there := c.Refs[ref]; !there {
		c.Refs[ref] = RefState{UID: "assumed"}
	}
	delete(c.Unlisted, ref.Kind)
	return c
}

// Seen says whether everything that a report tells of was looked at: a plan made before says of what was not
// seen that it is not known.
func (r Report) Seen() bool { return r.Commit.SHA != "" && unseen(r.Plan, r.Live) == "" }
