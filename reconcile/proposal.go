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

// Foresee is the plan for what would be wanted, decided on what a report has seen. What is being worked on is taken for
// what it was, since it will be free by the time that this is merged. What is not looked at
// before it is in force is taken to be there: that values which only a new reference names can be had. It is a
// risk of the action, and its digest will be another one.
func Foresee(want Desired, r Report) Plan {
	known := map[RefID]bool{}
	for _, it := range r.Want.Items {
		for _, ref := range it.Release.References {
			known[RefID{it.ID.Cluster + "/" + it.ID.Namespace, ref.Kind, ref.Name}] = true
		}
	}
	live := r.Live
	live.Clusters = make(map[string]ClusterLive, len(r.Live.Clusters))
	for name, c := range r.Live.Clusters {
		live.Clusters[name] = unlocked(c)
	}
	want.Items = slices.Clone(want.Items)
	for i := range want.Items {
		it := &want.Items[i]
		for _, ref := range it.Release.References {
			if known[RefID{it.ID.Cluster + "/" + it.ID.Namespace, ref.Kind, ref.Name}] {
				continue
			}
			live.Clusters[it.ID.Cluster] = assume(live.Clusters[it.ID.Cluster], RefID{it.ID.Namespace, ref.Kind, ref.Name})
			it.Risks = append(slices.Clone(it.Risks), "whether "+ref.Kind+" "+it.ID.Namespace+"/"+ref.Name+
				" is there is looked at only when this is merged")
		}
	}
	return Decide(want, live)
}

// unlocked is a cluster in which nobody is at anything.
func unlocked(c ClusterLive) ClusterLive {
	locked := func(obs Observed) bool { return obs.State == Locked }
	if !slices.ContainsFunc(slices.Collect(maps.Values(c.Releases)), locked) {
		return c
	}
	c.Releases = maps.Clone(c.Releases)
	for id, obs := range c.Releases {
		if obs.State = Deployed; locked(c.Releases[id]) && obs.Revision > 0 {
			c.Releases[id] = obs
		}
	}
	return c
}

// assume is a cluster in which something referred to is there.
func assume(c ClusterLive, ref RefID) ClusterLive {
	refs := make(map[RefID]RefState, len(c.Refs)+1)
	for id, state := range c.Refs {
		refs[id] = state
	}
	if _, there := refs[ref]; !there {
		refs[ref] = RefState{UID: "assumed"}
	}
	c.Refs = refs
	if c.Unlisted[ref.Kind] {
		unlisted := make(map[string]bool, len(c.Unlisted))
		for kind, is := range c.Unlisted {
			unlisted[kind] = is && kind != ref.Kind
		}
		c.Unlisted = unlisted
	}
	return c
}

// Seen says whether everything that a report tells of was looked at: a plan made before says of what was not
// seen that it is not known.
func (r Report) Seen() bool { return r.Commit.SHA != "" && unseen(r.Plan, r.Live) == "" }
