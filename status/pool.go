package status

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/workspace-providers/reconcile/reconcile"
)

// OrganizationDoc is an organization and what it may choose from. It is part of what /api/v1/organizations answers.
type OrganizationDoc struct {
	Name         string     `json:"name"`
	DisplayName  string     `json:"displayName"`
	Default      string     `json:"default"`      // the provider that is pre-selected for its new environments; empty: it may use none of that name
	Providers    []PoolLine `json:"providers"`    // that it may create environments in, by name
	Environments Headcount  `json:"environments"` // that it has, in all providers that were counted
	DeclaredAt   Place      `json:"declaredAt"`
}

// PoolDoc is the pool that an organization may choose from. It is what /api/v1/organizations/<name>/providers answers,
// and what stands in a ConfigMap beside the deployment. Nothing is in it that changes without need.
type PoolDoc struct {
	Organization string     `json:"organization"`
	DisplayName  string     `json:"displayName"`
	Providers    []PoolLine `json:"providers"` // by name
}

// PoolLine is one provider that an organization may choose.
type PoolLine struct {
	Name        string `json:"name"`
	DisplayName string `json:"displayName"`
	Region      string `json:"region"`
	Address     string `json:"address"`
	Default     bool   `json:"default"`  // of this organization
	Ready       bool   `json:"ready"`    // what is installed for this organization and for everybody is Ready
	Cordoned    string `json:"cordoned"` // why no new environment may be created there; empty: they may
}

// Organizations lists the declared organizations by name, each with what it may choose from.
func Organizations(r reconcile.Report) []OrganizationDoc {
	all := make(map[string]*OrganizationDoc, len(r.Want.Organizations))
	for name, want := range r.Want.Organizations {
		all[name] = &OrganizationDoc{
			Name: name, DisplayName: clean(want.DisplayName), Providers: []PoolLine{}, DeclaredAt: placeOf(r, "organizations."+name),
			Environments: Headcount{Organization: name},
		}
	}
	for _, p := range providers(r) {
		for _, name := range p.Organizations {
			if o := all[name]; o != nil {
				o.add(p, r.Want.Organizations[name].Default)
			}
		}
		for _, h := range p.Environments {
			if o := all[h.Organization]; o != nil {
				o.Environments.Count += h.Count
				o.Environments.Running += h.Running
				o.Environments.Prebuilt += h.Prebuilt
			}
		}
	}
	out := make([]OrganizationDoc, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, *all[name])
	}
	return out
}

// add lets an organization choose a provider.
func (o *OrganizationDoc) add(p Provider, preselected string) {
	if p.Name == preselected {
		o.Default = p.Name
	}
	o.Providers = append(o.Providers, PoolLine{
		Name: p.Name, DisplayName: p.DisplayName, Region: p.Region, Address: p.Address, Default: p.Name == preselected,
		Ready: p.readyFor(o.Name), Cordoned: clean(p.Cordoned),
	})
}

// readyFor says whether an organization can work in a provider: how releases of others are is nothing to it.
func (p *Provider) readyFor(organization string) bool {
	if len(p.Releases) == 0 || len(p.failures) > 0 {
		return p.Status == Ready
	}
	some := false
	for _, rel := range p.Releases {
		if rel.Organization != "" && rel.Organization != organization {
			continue
		}
		if some = rel.Status == Ready; !some {
			return false
		}
	}
	return some
}

// Pool is what the organization may choose from.
func (o OrganizationDoc) Pool() PoolDoc { return PoolDoc{o.Name, o.DisplayName, o.Providers} }

// Pools are the pools of all organizations as they stand beside the deployment, by organization; nil as long as no
// valid revision says who there is, or where a part alone was looked at.
func Pools(r reconcile.Report) map[string][]byte {
	if r.Commit.SHA == "" || r.Want.Narrowed {
		return nil
	}
	out := make(map[string][]byte, len(r.Want.Organizations))
	for _, o := range Organizations(r) {
		text, err := json.Marshal(o.Pool())
		if err != nil {
			panic(fmt.Sprintf("a pool is not JSON: %v", err)) // it holds strings and truths only
		}
		out[o.Name] = text
	}
	return out
}

// placeOf is where a path of the declarations is written.
func placeOf(r reconcile.Report, path string) Place {
	at := r.Want.Places[path]
	return Place{at.File, at.Line}
}
