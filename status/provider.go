package status

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Status is how a provider or one of its releases is.
type Status string

// The statuses, from the best to the worst.
const (
	Ready   Status = "Ready"
	Pending Status = "Pending"
	Error   Status = "Error"
)

// Statuses lists every status, as people read them: how a provider comes up.
var Statuses = []Status{Pending, Ready, Error}

// Provider is one workspace provider as it is now. Its JSON is part of /api/v1/status.
type Provider struct {
	Name          string    `json:"name"`
	Cluster       string    `json:"cluster"`
	Namespace     string    `json:"namespace"`
	Status        Status    `json:"status"`         // the worst of its releases
	Unverified    bool      `json:"unverified"`     // Ready without declared evidence
	Message       string    `json:"message"`        // why; of the failing object, or who could not reach whom
	Since         time.Time `json:"since,omitzero"` // when this status was first seen
	Declared      bool      `json:"declared"`       // false: it is not wanted any more and still there
	Applied       bool      `json:"applied"`        // every release carries what is declared
	Default       bool      `json:"default"`        // pre-selected for a new environment
	Chart         string    `json:"chart"`          // as installed; as declared where nothing is yet
	Version       string    `json:"version"`        // of the chart
	Digest        string    `json:"digest"`         // first 12 digits of the inputs in force, of the first release
	Cordoned      string    `json:"cordoned"`       // why no new environment may be created there
	Organizations []string  `json:"organizations"`  // that may create new environments there now, sorted
	Closed        []string  `json:"closed"`         // still on the allowlist in force, and the door is closed to them; sorted
	Holds         []Hold    `json:"holds"`          // beside the status
	Freezes       []Freeze  `json:"freezes"`        // that stop something of it
	Releases      []Release `json:"releases"`       // those that are wanted first, by organization and name
	DisplayName   string    `json:"displayName"`
	Description   string    `json:"description"`
	Region        string    `json:"region"`
	Address       string    `json:"address"`    // where its developers reach it
	DeclaredAt    Place     `json:"declaredAt"` // where it is written

	Enforcement  Enforcement `json:"enforcement"`
	Counted      bool        `json:"counted"`      // Environments are all that there are
	Environments []Headcount `json:"environments"` // by organization
	Drain        *Drain      `json:"drain"`        // of one that is cordoned, if it was counted; else null

	busy     bool              // its guard is not as it is declared, and will be soon
	failures []string          // what became of actions on its guard
	guard    *reconcile.Action // what is planned for it; nil: nothing is
}

// Release is one Helm release of a provider. Its JSON is part of /api/v1/status.
type Release struct {
	Cluster      string           `json:"cluster"` // another than the provider's while it moves
	Namespace    string           `json:"namespace"`
	Name         string           `json:"name"`
	Organization string           `json:"organization"` // where there is one release for each
	Status       Status           `json:"status"`
	Message      string           `json:"message"`
	Since        time.Time        `json:"since,omitzero"`
	Revision     int              `json:"revision"` // Helm's; 0: not installed
	Health       reconcile.Health `json:"health"`   // what its objects say of themselves; empty: not looked at
	ReadySince   time.Time        `json:"readySince,omitzero"`
	Commit       string           `json:"commit"` // the revision of the declarations that it was last changed by
	Chart        string           `json:"chart"`
	Version      string           `json:"version"`
	Digest       string           `json:"digest"` // first 12 digits of the inputs in force
	Drift        int              `json:"drift"`  // fields that differ from what was applied
	Edits        []Edit           `json:"edits,omitempty"`

	declared   bool // it is wanted
	unverified bool
	applied    bool
}

// Edit is a field that differs from what was applied. Its JSON is part of /api/v1/status.
type Edit struct {
	Object    string `json:"object"` // "Deployment/envproxy"
	Field     string `json:"field"`  // JSON pointer; empty: the whole object
	Message   string `json:"message"`
	By        string `json:"by"`        // the field's manager; empty: not known
	Contested bool   `json:"contested"` // it was put back so often that it is left as it is for a while
}

// Hold is something that waits, and for what. Its JSON is part of /api/v1/status.
type Hold struct {
	Reason       reconcile.Reason `json:"reason"`
	Class        reconcile.Class  `json:"class"`
	Would        reconcile.Op     `json:"would"` // what it would be if nothing held it
	Organization string           `json:"organization"`
	Message      string           `json:"message"`
}

// Label is the status as people read it: Pending, Ready, "Ready (unverified)" or Error.
func (p Provider) Label() string {
	if p.Status == Ready && p.Unverified {
		return "Ready (unverified)"
	}
	return string(p.Status)
}

// held is the first hold of a class that keeps something from being done, if there is one. A cordon keeps
// new environments out, and nothing else.
func (p *Provider) held(class reconcile.Class) (Hold, bool) {
	for _, h := range p.Holds {
		if h.Class == class && h.Reason != reconcile.Cordoned {
			return h, true
		}
	}
	return Hold{}, false
}

// reason is the first hold for a reason, if there is one.
func (p *Provider) reason(r reconcile.Reason) (Hold, bool) {
	i := slices.IndexFunc(p.Holds, func(h Hold) bool { return h.Reason == r })
	if i < 0 {
		return Hold{}, false
	}
	return p.Holds[i], true
}

// Providers lists, sorted by name, every provider that is declared and every one that is not declared
// any more and still there. The table in the package documentation says how its status comes about.
func Providers(r reconcile.Report) []Provider {
	return slices.Clone(providers(r))
}

// providers are shared with all who are told of the report: nobody may change them.
func providers(r reconcile.Report) []Provider {
	return reconcile.Shared(r, providersKey{}, providersOf)
}

// providersKey is what the providers of a report are shared under.
type providersKey struct{}

func providersOf(r reconcile.Report) []Provider {
	out := make([]Provider, 0, len(r.Want.Providers))
	byName := make(map[string]int, len(r.Want.Providers))
	entry := func(p Provider) int {
		byName[p.Name] = len(out)
		out = append(out, p)
		return byName[p.Name]
	}
	for _, name := range slices.Sorted(maps.Keys(r.Want.Providers)) { // a Provider is large: few should move below
		want := r.Want.Providers[name]
		entry(Provider{
			Name: name, Cluster: want.Cluster, Namespace: want.Namespace, Declared: true,
			Default: want.Default, Cordoned: want.Cordoned, DisplayName: clean(want.DisplayName),
			Description: clean(want.Description), Region: clean(want.Region), Address: want.Address,
			DeclaredAt: placeOf(r, "providers."+name),
		})
	}
	first := blind(&r)
	for i := range r.Plan.Actions {
		a := &r.Plan.Actions[i]
		if a.Provider == "" {
			continue
		}
		at, there := byName[a.Provider]
		if !there {
			at = entry(Provider{Name: a.Provider})
		}
		p := &out[at]
		if a.ID.Kind == reconcile.KindRelease {
			p.add(a, judge(a, &r), first)
		} else {
			p.addDoor(a, &r, first)
		}
	}
	for i := range out {
		out[i].open(&r)
		out[i].settle(&r)
	}
	slices.SortFunc(out, func(a, b Provider) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// add takes one release and what is planned for it into the provider.
func (p *Provider) add(a *reconcile.Action, rel Release, first bool) {
	if p.Cluster == "" || wanted(a) && !p.Declared {
		p.Cluster, p.Namespace = a.ID.Cluster, a.ID.Namespace
	}
	p.Declared = p.Declared || wanted(a)
	p.Releases = append(p.Releases, rel)
	p.addHold(a, first)
}

// addHold takes what holds an action into the provider. While clusters are looked at for the first time,
// what is unknown needs nobody: the look ends it.
func (p *Provider) addHold(a *reconcile.Action, first bool) {
	if a.Op != reconcile.OpHold {
		return
	}
	class := a.Class
	if first && a.Reason == reconcile.Unknown {
		class = reconcile.Progress
	}
	p.Holds = append(p.Holds, Hold{
		Reason: a.Reason, Class: class, Would: a.Would,
		Organization: a.Organization, Message: clean(a.Message),
	})
}

// settle folds the releases into the provider's own fields.
func (p *Provider) settle(r *reconcile.Report) {
	if p.Cordoned != "" {
		p.Holds = append(p.Holds, Hold{
			Reason: reconcile.Cordoned, Class: reconcile.Declared, Message: clean(p.Cordoned),
		})
	}
	slices.SortFunc(p.Holds, compareHolds)
	slices.SortFunc(p.Releases, compareReleases)
	if len(p.Releases) == 0 {
		p.settleBare(r)
	} else {
		p.settleReleases()
	}
	p.Applied = p.Applied && !p.busy
	if len(p.failures) > 0 && p.Status != Error {
		p.Status, p.Message = Error, p.failures[0]
	}
}

// settleReleases is about a provider with releases: it is as the worst of them.
func (p *Provider) settleReleases() {
	p.Applied = true
	for i := range p.Releases {
		rel := &p.Releases[i]
		p.Applied = p.Applied && rel.applied
		p.Unverified = p.Unverified || rel.unverified && rel.declared
	}
	first, worst := p.Releases[0], slices.MaxFunc(p.Releases, compareTrouble)
	p.Chart, p.Version, p.Digest = first.Chart, first.Version, first.Digest
	p.Status, p.Message, p.Since = worst.Status, worst.Message, worst.Since
	if len(p.Releases) > 1 && worst.Organization != "" && worst.Message != "" {
		p.Message = worst.Organization + ": " + worst.Message
	}
}

// compareHolds orders by what needs somebody most, then by words.
func compareHolds(a, b Hold) int {
	return cmp.Or(-cmp.Compare(weight(a.Class), weight(b.Class)), cmp.Compare(a.Reason, b.Reason),
		cmp.Compare(a.Organization, b.Organization), cmp.Compare(a.Message, b.Message))
}

// compareReleases orders those that are wanted first, then by organization and name.
func compareReleases(a, b Release) int {
	return cmp.Or(-cmp.Compare(truth(a.declared), truth(b.declared)), cmp.Compare(a.Organization, b.Organization),
		cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Cluster, b.Cluster))
}

// compareTrouble orders by how bad it is, and where it is equally bad by how new.
func compareTrouble(a, b Release) int {
	return cmp.Or(cmp.Compare(rank(a.Status), rank(b.Status)), a.Since.Compare(b.Since))
}

// settleBare is about a provider without releases: how its cluster is, it is.
func (p *Provider) settleBare(r *reconcile.Report) {
	c, seen := reach(r, p.Cluster)
	p.Applied, p.Since = true, c.Since
	p.Unverified = r.Want.Providers[p.Name].Ready.HTTP == ""
	lacking, asked := c.Lacking[p.Name]
	switch {
	case !seen:
		p.Status, p.Message = Pending, unseen(p.Cluster)
	case !c.Reachable:
		p.Status, p.Message = Error, unreachable(p.Cluster, c)
	case lacking != "":
		p.Status, p.Message = Pending, clean(lacking)
	case !asked && r.Want.Providers[p.Name].BuiltIn:
		p.Status, p.Message = Pending, "was not looked at yet"
	default:
		p.Status = Ready
	}
	if !p.Declared && p.Status == Ready {
		p.Message, p.Applied = "not declared any more", false
	}
}

// weight orders the classes of holds by how much they need somebody.
func weight(c reconcile.Class) int {
	return slices.Index([]reconcile.Class{reconcile.NoClass, reconcile.Progress, reconcile.Declared, reconcile.Person}, c)
}

// rank orders the statuses from the best to the worst.
func rank(s Status) int { return slices.Index([]Status{Ready, Pending, Error}, s) }

// prefix is the part of a digest that people compare.
func prefix(digest string) string {
	digest = strings.TrimPrefix(digest, "sha256:")
	return digest[:min(len(digest), 12)]
}
