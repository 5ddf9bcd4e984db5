package reconcile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// AccessURL is where the deployment is reached, which every provider is told, and how that is found out.
type AccessURL struct {
	URL       string
	Previous  string // while a change is under way
	Path      string // where the deployment answers that it is well
	CA        string // name of a file of certificate authorities; empty: the usual ones
	Confirmed string // the URL that somebody declared to be in use by the deployment
	Image     string // has curl, to look from inside each cluster; empty: nobody looks from there
}

// URLLive is how a URL answered last. A previous one is lost only after some looks in a row; its ID and Version stay
// then as it said them last.
type URLLive struct {
	At        time.Time // zero: nobody looked yet
	Addresses []string  // that its host resolves to; none: it does not
	Err       string    // why it does not answer well; empty: it does
	Status    string    // "200 OK"
	Version   string    // of the deployment, as far as the answer says
	ID        string    // likewise
	Says      string    // the access URL that the deployment uses, likewise
}

// Phase is a part of the change of the access URL. Each begins when the one before is done.
type Phase string

// The phases, in order.
const (
	PhaseResolving   Phase = "resolving"   // the new URL's host gets an address
	PhaseAnswering   Phase = "answering"   // it answers as the same deployment
	PhaseSwitching   Phase = "switching"   // the deployment itself uses it
	PhaseRedeploying Phase = "redeploying" // providers are given it, in waves
	PhaseConfirming  Phase = "confirming"  // each is Ready with it, its environments still there
	PhaseRetirable   Phase = "retirable"   // nobody needs the previous URL any more
)

// Phases lists every phase, in order.
var Phases = []Phase{PhaseResolving, PhaseAnswering, PhaseSwitching, PhaseRedeploying, PhaseConfirming, PhaseRetirable}

// URLChange is how far a change of the access URL is. It is derived from what is declared and what is live, so
// that nothing has to be remembered.
type URLChange struct {
	From, To  string
	Back      bool  // some provider had To before it had From
	Phase     Phase // the first that is not done, or the last
	Steps     []URLStep
	Users     []URLUser // by cluster and name of the release
	Others    []string  // who else has From, and does not get To: "eu/frankfurt: why"
	Withdrawn bool      // the previous URL is not declared any more, though it is needed
}

// URLStep is one phase with what is known of it.
type URLStep struct {
	Phase    Phase
	Done     bool
	Looking  bool // it is not known yet, and will be soon
	Evidence string
}

// URLUser is a release that is given the deployment's access URL.
type URLUser struct {
	ID           ID
	Provider     string
	Organization string
	Wave         int
	URL          string // that it has; empty: not known, or nothing is installed
	Moved        bool   // it has the new one
	Confirmed    bool   // it is Ready with it, and none of its environments was lost
	Message      string // why it is not confirmed
}

// changeOf derives how far a change of the access URL is; nil where none is under way. One is while a previous
// URL is declared, and while a release has another URL than the declared one.
func changeOf(p Plan, want Desired, have Live) *URLChange {
	if want.AccessURL.URL == "" {
		return nil
	}
	c := &URLChange{From: want.AccessURL.Previous, To: want.AccessURL.URL}
	if c.From == "" {
		c.From = left(p, c.To)
		c.Withdrawn = c.From != ""
	}
	if c.From == "" {
		return nil
	}
	c.Users = usersOf(p, want, have)
	for a := range p.each() {
		c.Back = c.Back || a.follows() && a.Have.AccessURL == c.From && a.Have.FormerURL == c.To
	}
	c.Others = c.others(p, want)
	c.Steps = []URLStep{
		c.resolving(have), c.answering(have), c.switching(want, have), c.redeploying(), c.confirming(want, have),
	}
	c.Steps = append(c.Steps, c.retirable(want.Narrowed))
	c.Phase = PhaseRetirable
	if at := slices.IndexFunc(c.Steps, func(s URLStep) bool { return !s.Done }); at >= 0 {
		c.Phase = c.Steps[at].Phase
	}
	return c
}

// follows says whether an action is about a release that is given the deployment's access URL.
func (a *Action) follows() bool {
	return a.ID.Kind == KindRelease && a.Want.AccessURL != "" && !a.Want.OwnURL
}

// left is the URL that some release still has, or left for the declared one and was not confirmed since.
func left(p Plan, to string) string {
	for a := range p.each() {
		old := cmp.Or(a.Have.AccessURL, to)
		switch {
		case !a.follows() || a.Have.OwnURL:
		case !a.inPlace() && old != to:
			return old
		case a.inPlace() && old == to && a.Have.FormerURL != "" && !a.proven():
			return a.Have.FormerURL
		}
	}
	return ""
}

// proven says whether a release was Ready at some time since it was applied, with its environments.
func (a *Action) proven() bool { return !a.Have.ReadySince.IsZero() && a.Have.Survived }

// usersOf are the releases that follow the access URL.
func usersOf(p Plan, want Desired, have Live) []URLUser {
	var out []URLUser
	for a := range p.each() {
		if !a.follows() {
			continue
		}
		u := URLUser{ID: a.ID, Provider: a.Provider, Organization: a.Organization, Wave: a.Wave, URL: a.Have.AccessURL}
		u.Moved = a.inPlace()
		c := have.Clusters[a.ID.Cluster]
		u.Confirmed = c.Reachable && u.Moved && a.Have.Health == Healthy && a.proven()
		switch {
		case !c.Reachable:
			u.Message = cmp.Or(c.Err, "its cluster was not looked at yet")
		case u.Moved:
			u.URL = want.AccessURL.URL // also where its inputs have nothing of the URL
			u.Message = unproven(a)
		default:
			u.Message = cmp.Or(a.Have.Failure, a.Message, string(a.Reason))
		}
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b URLUser) int { return a.ID.Compare(b.ID) })
	return out
}

// others are who has the previous URL and does not get the new one: a provider that declares it as its own, and
// releases that are not declared any more.
func (c *URLChange) others(p Plan, want Desired) []string {
	var out []string
	for a := range p.each() {
		name := a.ID.Cluster + "/" + label(a)
		switch {
		case a.ID.Kind != KindRelease:
		case a.Want.OwnURL && a.Want.AccessURL == c.From:
			out = append(out, name+": declares it as its own deploymentURL")
		case a.Want.ID == (ID{}) && a.Have.Owner == want.Owner && a.Have.AccessURL == c.From:
			out = append(out, name+": is not declared any more, and still has it")
		}
	}
	slices.Sort(out)
	return out
}

// unproven is why a release that has the new URL is not confirmed; empty: it is.
func unproven(a *Action) string {
	switch {
	case a.Have.Health != Healthy:
		return cmp.Or(a.Have.Message, "it is not Ready yet")
	case a.Have.ReadySince.IsZero():
		return "that it is Ready is being written down"
	case !a.Have.Survived:
		return "environments that ran before are gone: " + strings.Join(a.Have.Lost, ", ")
	}
	return ""
}

// looking says whether something will be known soon.
func (c *URLChange) looking() bool {
	return c != nil && slices.ContainsFunc(c.Steps, func(s URLStep) bool { return s.Looking })
}

func (c *URLChange) resolving(have Live) URLStep {
	s, to := URLStep{Phase: PhaseResolving}, have.URLs[c.To]
	switch {
	case to.At.IsZero():
		s.Looking, s.Evidence = true, c.To+" is being looked at"
	case len(to.Addresses) == 0:
		s.Evidence = c.To + " does not resolve: " + to.Err
	default:
		s.Done, s.Evidence = true, "its host is at "+strings.Join(to.Addresses, ", ")
	}
	return s
}

// answering wants an answer as of the same deployment: what both URLs say of it must agree.
func (c *URLChange) answering(have Live) URLStep {
	s, from, to := URLStep{Phase: PhaseAnswering}, have.URLs[c.From], have.URLs[c.To]
	differs := func(a, b string) bool { return a != "" && b != "" && a != b }
	switch {
	case to.At.IsZero() || from.At.IsZero():
		s.Looking, s.Evidence = true, "both are being looked at"
	case to.Err != "":
		s.Evidence = c.To + " does not answer: " + to.Err
	case differs(from.ID, to.ID):
		s.Evidence = fmt.Sprintf("it is another deployment: %s has the id %s, and %s has %s", c.From, from.ID, c.To, to.ID)
	case from.Err == "" && differs(from.Version, to.Version): // one that is lost may be of the past
		s.Evidence = fmt.Sprintf("it may be another deployment: %s is version %s, and %s is %s", c.From, from.Version, c.To, to.Version)
	default:
		s.Done, s.Evidence = true, "it answers "+to.Status+told(to)
	}
	return s
}

// told is what an answer says of its deployment.
func told(u URLLive) string {
	var out []string
	if u.ID != "" {
		out = append(out, "deployment "+u.ID)
	}
	if u.Version != "" {
		out = append(out, "version "+u.Version)
	}
	if len(out) == 0 {
		return ", and says neither which deployment nor which version"
	}
	return ", " + strings.Join(out, ", ")
}

// switching wants the deployment to use the new URL itself: it says so, or somebody declared it.
func (c *URLChange) switching(want Desired, have Live) URLStep {
	s, to := URLStep{Phase: PhaseSwitching}, have.URLs[c.To]
	switch {
	case to.Says == c.To:
		s.Done, s.Evidence = true, "the deployment says that it uses it"
	case to.Says != "":
		s.Evidence = "the deployment says that it uses " + to.Says + ": give it the new access URL"
	case want.AccessURL.Confirmed == c.To:
		s.Done, s.Evidence = true, "declared under deployment.health.confirmed"
	case to.At.IsZero():
		s.Looking, s.Evidence = true, "it is being asked"
	default:
		s.Evidence = fmt.Sprintf("its answer does not say which access URL the deployment uses: when it uses the new one, declare "+
			"deployment: health: confirmed: %q", c.To)
	}
	return s
}

func (c *URLChange) redeploying() URLStep {
	moved := 0
	for _, u := range c.Users {
		if u.Moved {
			moved++
		}
	}
	return URLStep{
		Phase: PhaseRedeploying, Done: moved == len(c.Users), Evidence: fmt.Sprintf("%d of %d releases have it", moved, len(c.Users)),
	}
}

// confirming wants all releases Ready with the new URL. The built-in provider is verified where the deployment
// is asked how it is.
func (c *URLChange) confirming(want Desired, have Live) URLStep {
	var missing []string
	for _, u := range c.Users {
		if !u.Confirmed {
			missing = append(missing, fmt.Sprintf("%s/%s: %s", u.ID.Cluster, u.Provider, cmp.Or(u.Message, "it is not Ready yet")))
		}
	}
	for name, p := range want.Providers {
		lacking, asked := have.Clusters[p.Cluster].Lacking[name]
		if p.BuiltIn && p.Ready.HTTP != "" && (!asked || lacking != "") {
			missing = append(missing, p.Cluster+"/"+name+": "+cmp.Or(lacking, "it was not looked at yet"))
		}
	}
	s := URLStep{Phase: PhaseConfirming, Done: len(missing) == 0}
	s.Evidence = "all are Ready, and no environment that ran before is gone"
	if !s.Done {
		s.Evidence = several(missing)
	}
	return s
}

// retirable is whether the previous URL may go: nothing is left to do, and nobody else has it. Whoever looks at a
// part alone cannot say.
func (c *URLChange) retirable(narrowed bool) URLStep {
	s := URLStep{Phase: PhaseRetirable}
	switch {
	case slices.ContainsFunc(c.Steps, func(s URLStep) bool { return !s.Done }):
		s.Evidence = c.From + " is still needed"
	case len(c.Others) > 0:
		s.Evidence = c.From + " is still used: " + several(c.Others)
	case narrowed:
		s.Evidence = "only a part of what is declared is looked at"
	default:
		s.Done, s.Evidence = true, c.From+" may go: nobody needs it any more"
	}
	return s
}
