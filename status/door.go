package status

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Enforcement says what happens to a new environment of somebody who is not allowed. Its JSON is part of
// /api/v1/status.
type Enforcement struct {
	Mode     reconcile.Enforcement `json:"mode"`     // in force; empty: not known
	Declared reconcile.Enforcement `json:"declared"` // empty: nothing is
	Reason   string                `json:"reason"`   // why what is in force is not what is declared, or not all that could be
}

// Headcount is how many environments an organization has in a provider. Its JSON is part of /api/v1/status.
type Headcount struct {
	Organization string `json:"organization"` // empty: it is not known whose they are
	Count        int    `json:"count"`        // that somebody has
	Running      int    `json:"running"`      // of these; the others are stopped
	Prebuilt     int    `json:"prebuilt"`     // beside these: made in advance, and nobody's yet
}

// Drain is what is left in a provider that nobody new may come into. Its JSON is part of /api/v1/status.
type Drain struct {
	Left          int            `json:"left"`          // environments that somebody has
	Organizations map[string]int `json:"organizations"` // of which; empty name: it is not known
}

// Freeze is what somebody stopped, until when. Its JSON is part of /api/v1/status.
type Freeze struct {
	Provider string    `json:"provider"` // empty: all of the cluster's
	Deletes  bool      `json:"deletes"`  // nothing but deletions
	Reason   string    `json:"reason"`
	By       string    `json:"by"`
	Until    time.Time `json:"until"`
}

// addDoor takes what is planned for a provider's guard, or for an organization's place on its allowlist,
// into the provider.
func (p *Provider) addDoor(a *reconcile.Action, r *reconcile.Report, first bool) {
	if p.Cluster == "" {
		p.Cluster, p.Namespace = a.ID.Cluster, a.ID.Namespace
	}
	p.busy = p.busy || a.Acts() || a.Class == reconcile.Progress
	p.addHold(a, first)
	if a.ID.Kind == reconcile.KindAdmission && a.ID.Cluster == p.Cluster {
		p.guard = a
	}
	if err := r.Failed[a.ID]; err != nil && a.Op != reconcile.OpKeep {
		p.failures = append(p.failures, clean(actionName(*a)+": "+err.Error()))
	}
}

// open fills in who may come into a provider and who is there, as its cluster has it.
func (p *Provider) open(r *reconcile.Report) {
	c := r.Live.Clusters[p.Cluster]
	want := r.Want.Providers[p.Name]
	p.Organizations = want.Allowed(r.Live.At)
	p.Enforcement = enforcement(p, r)
	p.Freezes = freezes(c.Freezes, r.Live.At, func(f reconcile.Freeze) bool {
		return f.Provider == "" || f.Provider == p.Name
	})
	live := c.Admissions[p.Name]
	for name, open := range live.Organizations {
		if live.Owner == r.Want.Owner && !open {
			p.Closed = append(p.Closed, name)
		}
	}
	slices.Sort(p.Closed)
	p.Counted = c.Reachable && c.Counted
	if !p.Counted {
		return
	}
	p.Environments = headcounts(c.Environments[p.Name])
	if p.Cordoned != "" {
		p.Drain = drainOf(p.Environments)
	}
}

// enforcement lays what is declared beside what is in force.
func enforcement(p *Provider, r *reconcile.Report) Enforcement {
	var out Enforcement
	if w := r.Want.Providers[p.Name].Admission; w != nil {
		out.Declared = w.Mode
	}
	c, seen := reach(r, p.Cluster)
	live := c.Admissions[p.Name]
	if live.Owner != r.Want.Owner {
		live = reconcile.AdmissionLive{}
	}
	out.Mode = cmp.Or(live.Mode, reconcile.EnforceOff)
	switch {
	case !seen || !c.Reachable:
		out.Mode, out.Reason = live.Mode, "its cluster cannot be seen"
	case c.Unenforceable != "" && cmp.Or(out.Declared, out.Mode) != reconcile.EnforceOff:
		out.Mode, out.Reason = reconcile.EnforceOff, clean(c.Unenforceable)
	case len(live.Drift) > 0:
		out.Reason = "it was edited: " + driftName(live.Drift[0])
	case out.Declared != "" && out.Mode != out.Declared:
		out.Reason = p.waiting()
	case out.Mode == reconcile.EnforceAudit:
		out.Reason = mute(r.Want.Providers[p.Name])
	}
	return out
}

// waiting says why a provider's guard is not as it is declared.
func (p *Provider) waiting() string {
	if a := p.guard; a != nil && a.Op == reconcile.OpHold {
		return fmt.Sprintf("held, %s: %s", a.Reason, clean(a.Message))
	}
	return "it is being put in place"
}

// mute names the organizations of an allowlist that do not say how they are recognised: those who are not
// allowed cannot be told from them.
func mute(want reconcile.ProviderWant) string {
	if want.Admission == nil {
		return "" // it is not declared any more
	}
	r := want.Admission.Recognition
	var out []string
	for _, name := range want.Organizations {
		if r.OrganizationLabel == "" && r.Organizations[name].String() == "" {
			out = append(out, name)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "organizations do not say how they are recognised: " + strings.Join(out, ", ")
}

// headcounts counts environments by organization, sorted.
func headcounts(all []reconcile.Environment) []Headcount {
	found := map[string]*Headcount{}
	for _, e := range all {
		h := found[e.Organization]
		if h == nil {
			h = &Headcount{Organization: e.Organization}
			found[e.Organization] = h
		}
		switch {
		case e.Prebuilt:
			h.Prebuilt++
		case e.Running:
			h.Count, h.Running = h.Count+1, h.Running+1
		default:
			h.Count++
		}
	}
	var out []Headcount
	for _, name := range slices.Sorted(maps.Keys(found)) {
		out = append(out, *found[name])
	}
	return out
}

// drainOf is who is still there.
func drainOf(all []Headcount) *Drain {
	out := &Drain{Organizations: map[string]int{}}
	for _, h := range all {
		if h.Count > 0 {
			out.Left += h.Count
			out.Organizations[h.Organization] = h.Count
		}
	}
	return out
}

// freezes are those of a cluster that count now and that say yes.
func freezes(all []reconcile.Freeze, now time.Time, counts func(reconcile.Freeze) bool) []Freeze {
	var out []Freeze
	for _, f := range all {
		if f.Until.After(now) && counts(f) {
			out = append(out, Freeze{
				Provider: f.Provider, Deletes: f.Deletes, Reason: clean(f.Reason), By: clean(f.By), Until: f.Until.UTC(),
			})
		}
	}
	return out
}

// frozenIn is everything that is stopped in a cluster.
func frozenIn(c reconcile.ClusterLive, now time.Time) []Freeze {
	return freezes(c.Freezes, now, func(reconcile.Freeze) bool { return true })
}

// Scope says in words what a freeze stops.
func (f Freeze) Scope() string {
	switch {
	case f.Provider != "":
		return "provider " + f.Provider
	case f.Deletes:
		return "deletions"
	}
	return "everything"
}

// String says a freeze in words: "deletions until 2026-11-23 18:00 UTC: incident (ada@laptop)".
func (f Freeze) String() string {
	return fmt.Sprintf("%s until %s: %s (%s)", f.Scope(), clock(f.Until), f.Reason, f.By)
}

// Thaw is the command that ends a freeze in a cluster.
func (f Freeze) Thaw(cluster string) string {
	command := "reconcile thaw --cluster " + cluster
	switch {
	case f.Provider != "":
		command += " --provider " + f.Provider
	case f.Deletes:
		command += " --deletes"
	}
	return command
}

// everybody adds up all organizations.
func everybody(all []Headcount) (out Headcount) {
	for _, h := range all {
		out.Count, out.Running, out.Prebuilt = out.Count+h.Count, out.Running+h.Running, out.Prebuilt+h.Prebuilt
	}
	return out
}

// String says a headcount in words: "12 (3 stopped), 2 made in advance".
func (h Headcount) String() string {
	text := fmt.Sprint(h.Count)
	if stopped := h.Count - h.Running; stopped > 0 {
		text += fmt.Sprintf(" (%d stopped)", stopped)
	}
	if h.Prebuilt > 0 {
		text += fmt.Sprintf(", %d made in advance", h.Prebuilt)
	}
	return text
}

// driftName says what was edited and how it is now.
func driftName(d reconcile.Drift) string {
	return clean(strings.Join([]string{d.Object, d.Field, d.Message}, " "))
}
