package reconcile

import (
	"fmt"
	"math"
	"strings"
)

// KindAccessURL is the kind of what a plan has to say of the access URL as a whole. Its ID has the cluster of
// the deployment, and the previous URL as its name.
const KindAccessURL = "AccessURL"

// followURL holds what would give a release the new access URL before that answers, as this deployment and
// used by it; and, when the previous one does not answer any more, what is in later waves than those begun.
func followURL(p Plan, want Desired, have Live) Plan {
	if p.URL == nil {
		return p
	}
	begun, unmoved := begun(p), p.URL.unmoved()
	for a := range p.each() {
		if !a.rolls() || !a.follows() || a.Have.AccessURL == p.URL.To {
			continue
		}
		*a = p.URL.admit(*a, want, have)
		if a.rolls() && a.Wave > begun && !p.URL.Back && !want.rollout(a.ID.Cluster).Override.counts(have.At) {
			*a = p.URL.keepReachable(*a, unmoved, have)
		}
	}
	return p
}

// admit holds a release until the new URL is known to work, from where the release is too if somebody looks
// from there.
func (c *URLChange) admit(a Action, want Desired, have Live) Action {
	for _, s := range c.Steps[:3] { // up to switching
		if !s.Done {
			return holdURL(a, s.Looking, s.Evidence)
		}
	}
	if c.Back && a.Have.FormerURL == c.To {
		a.Message = "it goes back to " + c.To
	}
	cluster := have.Clusters[a.ID.Cluster]
	inside, looked := cluster.URLs[c.To]
	switch {
	case a.Have.State != Absent && !cluster.Counted:
		return holdURL(a, true, "its environments are being counted, to be compared with those that run afterwards")
	case want.AccessURL.Image == "":
		return a
	case !cluster.Held:
		return holdURL(a, true, "whoever acts on cluster "+a.ID.Cluster+" looks at "+c.To+" from inside")
	case !looked || inside.At.IsZero():
		return holdURL(a, true, fmt.Sprintf("%s is being looked at from inside cluster %s", c.To, a.ID.Cluster))
	case inside.Err != "":
		return holdURL(a, false, fmt.Sprintf("%s does not answer from inside cluster %s: %s", c.To, a.ID.Cluster, inside.Err))
	}
	return a
}

func holdURL(a Action, looking bool, message string) Action {
	if looking {
		return hold(a, Settling, message)
	}
	return hold(a, URLNotReady, message)
}

// keepReachable holds a release while the previous URL, which those not moved yet depend on, does not answer:
// who it is that took it away should know before more is changed.
func (c *URLChange) keepReachable(a Action, gone string, have Live) Action {
	from := have.URLs[c.From]
	if from.At.IsZero() || from.Err == "" {
		return a
	}
	return hold(a, URLNotReady, fmt.Sprintf("%s does not answer any more, and is used by %s: %s", c.From,
		gone, from.Err))
}

// begun is the last wave that was let out: of which some release has the new URL, or the first that has another.
func begun(p Plan) int {
	first, last := math.MaxInt, -1
	for a := range p.each() {
		switch {
		case !a.follows() || a.Have.State == Absent:
		case a.Have.AccessURL == p.URL.To:
			last = max(last, a.Wave)
		case a.rolls() || a.Op == OpHold:
			first = min(first, a.Wave)
		}
	}
	if last < 0 && first < math.MaxInt {
		return first
	}
	return last
}

// unmoved names the first of the releases that do not have the new URL, and how many there are.
func (c *URLChange) unmoved() string {
	var out []string
	for _, u := range c.Users {
		if !u.Moved {
			out = append(out, u.ID.Cluster+"/"+u.Provider)
		}
	}
	return some(out)
}

// mostNamed bounds how many providers a message names.
const mostNamed = 10

// some is a list of names, cut to what can be read.
func some(names []string) string {
	if more := len(names) - mostNamed; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:mostNamed], ", "), more)
	}
	return strings.Join(names, ", ")
}

// withdrawn is the hold of a previous URL that was taken out of the declarations while it is needed. The change
// goes on all the same.
func (c *URLChange) withdrawn(want Desired) []Action {
	if c == nil || !c.Withdrawn {
		return nil
	}
	var needed []string
	for _, u := range c.Users {
		if !u.Confirmed {
			needed = append(needed, u.ID.Cluster+"/"+u.Provider)
		}
	}
	a := Action{ID: ID{Cluster: c.Users[0].ID.Cluster, Kind: KindAccessURL, Name: c.From}, Commit: want.Commit}
	for name, p := range want.Providers {
		if p.BuiltIn {
			a.ID.Cluster, a.Provider = p.Cluster, name
		}
	}
	return []Action{hold(a, URLNotReady, fmt.Sprintf("%s is still needed by %s; declare deployment: previousAccessURL: %q until "+
		"all of them are confirmed", c.From, some(needed), c.From))}
}
