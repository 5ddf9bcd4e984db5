package status

import (
	"cmp"
	"slices"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// ProviderPage is everything that is known of one provider. It is what /api/v1/providers/<name> answers.
type ProviderPage struct {
	Provider
	Revision  RevisionDoc      `json:"revision"`  // in force
	Wave      int              `json:"wave"`      // of the first release
	Planned   []PlannedDoc     `json:"planned"`   // for it, in the order of the plan; what is kept too
	Allowlist []AllowedDoc     `json:"allowlist"` // who may come in, or is there, by name
	History   []StepDoc        `json:"history"`   // what was done to its releases, as their records have it; newest first
	Objects   []ObjectDoc      `json:"objects"`   // of its releases, those that are not well first
	Events    []Event          `json:"events"`    // what this program saw; newest first
	AccessURL AccessURLDoc     `json:"accessURL"` // of which users are this provider's alone
	Places    map[string]Place `json:"places"`    // where it is declared: "provider", "allowlist", "cluster"
}

// ObjectDoc is an object of a release.
type ObjectDoc struct {
	Kind      string           `json:"kind"`
	Namespace string           `json:"namespace"` // empty: of the whole cluster
	Name      string           `json:"name"`
	Health    reconcile.Health `json:"health"` // empty: not looked at
	Message   string           `json:"message"`
	Events    []ObjectEventDoc `json:"events"` // newest first, of what is not well alone, where they may be read
}

// objects are those of some releases, what needs somebody first.
func (w *Web) objects(releases []Release) []ObjectDoc {
	out := []ObjectDoc{}
	if w.Objects == nil {
		return out
	}
	for _, rel := range releases {
		id := reconcile.ID{Cluster: rel.Cluster, Kind: reconcile.KindRelease, Namespace: rel.Namespace, Name: rel.Name}
		out = append(out, w.Objects(id)...)
	}
	slices.SortStableFunc(out, func(a, b ObjectDoc) int { return cmp.Compare(a.rank(), b.rank()) })
	return out
}

// rank orders objects: what needs somebody first.
func (o ObjectDoc) rank() int {
	return slices.Index([]reconcile.Health{reconcile.Unhealthy, reconcile.Progressing, reconcile.HealthUnknown, reconcile.Healthy}, o.Health)
}

// ObjectEventDoc is what a cluster said of an object or of one of its pods.
type ObjectEventDoc struct {
	At      time.Time `json:"at"`
	About   string    `json:"about"` // "Pod/envproxy-0"
	Reason  string    `json:"reason"`
	Message string    `json:"message"` // empty where it may quote a Secret's value
	Count   int       `json:"count"`
}

// PlannedDoc is what is planned, and what would end it where it is held.
type PlannedDoc struct {
	PlanAction
	Cluster string `json:"cluster"`
	Advice  string `json:"advice"`
}

// AllowedDoc is an organization on an allowlist, or one that has environments all the same.
type AllowedDoc struct {
	Headcount
	Allowed    bool      `json:"allowed"`        // it may create new environments, unless one of the next two says otherwise
	Cordoned   string    `json:"cordoned"`       // why it may not, although the allowlist has it: the provider is cordoned
	Closed     bool      `json:"closed"`         // the door is closed to it, while it is still on the allowlist in force
	Until      time.Time `json:"until,omitzero"` // when its grant ends
	Recognised string    `json:"recognised"`     // how its environments are told; empty: by nothing
	DeclaredAt Place     `json:"declaredAt"`
}

// StepDoc is something that was done to a release, or tried.
type StepDoc struct {
	At           time.Time `json:"at"`
	Release      string    `json:"release"` // "coder/frankfurt"
	Organization string    `json:"organization"`
	Op           string    `json:"op"`
	Reason       string    `json:"reason"`
	Revision     int       `json:"revision"` // Helm's
	Commit       string    `json:"commit"`
	Author       string    `json:"author"` // of the commit
	Error        string    `json:"error"`
	Ready        bool      `json:"ready"` // it became Ready
}

// ProviderReport is what a report says of one provider; false: there is none of that name.
func ProviderReport(r reconcile.Report, name string) (ProviderPage, bool) {
	all := Providers(r)
	i := slices.IndexFunc(all, func(p Provider) bool { return p.Name == name })
	if i < 0 {
		return ProviderPage{}, false
	}
	p := all[i]
	full(&p)
	page := ProviderPage{
		Provider: p, Revision: revisionDoc(r.Commit), Planned: []PlannedDoc{}, History: []StepDoc{}, Objects: []ObjectDoc{}, Events: []Event{},
		Allowlist: allowedDocs(r, p), AccessURL: accessURLOf(r, name), Places: map[string]Place{},
	}
	for what, path := range map[string]string{
		"provider": "providers." + name, "allowlist": "allowlists." + name, "cluster": "clusters." + p.Cluster, "deployment": "deployment",
	} {
		if at := placeOf(r, path); at.File != "" {
			page.Places[what] = at
		}
	}
	for _, a := range r.Plan.Actions {
		if a.Provider == name {
			page.add(a, r.Want.Owner)
		}
	}
	slices.SortStableFunc(page.History, func(a, b StepDoc) int { return b.At.Compare(a.At) })
	return page, true
}

// add takes one action, and what is known of its release, into the page.
func (p *ProviderPage) add(a reconcile.Action, owner string) {
	doc := PlannedDoc{PlanAction: planAction(a), Cluster: a.ID.Cluster}
	if a.Op == reconcile.OpHold {
		doc.Advice = advice(a)
	}
	p.Planned = append(p.Planned, doc)
	if a.ID.Kind != reconcile.KindRelease {
		return
	}
	p.Wave = cmp.Or(p.Wave, a.Wave)
	if a.Have.Owner != owner {
		return
	}
	for _, s := range a.Have.History {
		p.History = append(p.History, StepDoc{
			At: s.At.UTC(), Release: clean(a.ID.Namespace + "/" + a.ID.Name), Organization: a.Organization, Op: clean(s.Op),
			Reason: clean(s.Reason), Revision: s.Revision, Commit: clean(s.Commit), Author: clean(s.Author),
			Error: cut(clean(s.Error), keptError), Ready: s.Ready,
		})
	}
}

// accessURLOf is the change of the access URL as far as one provider is concerned.
func accessURLOf(r reconcile.Report, provider string) AccessURLDoc {
	doc := AccessURL(r)
	doc.Users = slices.DeleteFunc(doc.Users, func(u URLUserDoc) bool { return u.Provider != provider })
	return doc
}

// allowedDocs are who may come into a provider, and who else is there.
func allowedDocs(r reconcile.Report, p Provider) []AllowedDoc {
	want := r.Want.Providers[p.Name]
	all := map[string]*AllowedDoc{}
	entry := func(name string) *AllowedDoc {
		if all[name] == nil {
			all[name] = &AllowedDoc{Headcount: Headcount{Organization: name}, DeclaredAt: placeOf(r, "allowlists."+p.Name+"."+name)}
			if want.Admission != nil {
				all[name].Recognised = recognition(want.Admission.Recognition, name)
			}
		}
		return all[name]
	}
	for name, until := range want.Until {
		entry(name).Until = until
	}
	for _, name := range p.Organizations {
		entry(name).Allowed, entry(name).Cordoned = true, clean(p.Cordoned)
	}
	for _, name := range p.Closed {
		entry(name).Closed = true
	}
	for _, h := range p.Environments {
		entry(h.Organization).Headcount = h
	}
	out := make([]AllowedDoc, 0, len(all))
	for _, one := range all {
		out = append(out, *one)
	}
	slices.SortFunc(out, func(a, b AllowedDoc) int { return cmp.Compare(a.Organization, b.Organization) })
	return out
}

// recognition says how the environments of an organization are told from those of others; empty: by nothing.
func recognition(r reconcile.Recognition, organization string) string {
	how := r.Organizations[organization].String()
	switch {
	case organization == "":
		return ""
	case r.OrganizationLabel == "":
		return how
	case how == "":
		return "label " + r.OrganizationLabel + "=" + organization
	}
	return how + ", label " + r.OrganizationLabel + "=" + organization
}
