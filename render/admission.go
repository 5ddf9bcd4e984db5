package render

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/schema"
)

// guards makes what guards each provider. It knows who may use which provider, and which cluster.
type guards struct {
	cfg      schema.Config
	shared   reconcile.Recognition
	allowed  map[string]map[string]bool // by provider and organization
	welcomed map[string]map[string]bool // by cluster and organization
}

func newGuards(cfg schema.Config) guards {
	g := guards{cfg, recognition(cfg), map[string]map[string]bool{}, map[string]map[string]bool{}}
	for name, p := range cfg.Providers {
		g.allowed[name] = map[string]bool{}
		if g.welcomed[p.Cluster] == nil {
			g.welcomed[p.Cluster] = map[string]bool{}
		}
		for _, organization := range cfg.Allowed(name) {
			g.allowed[name][organization], g.welcomed[p.Cluster][organization] = true, true
		}
	}
	return g
}

// of is what guards one provider.
func (g guards) of(provider string) *reconcile.Admission {
	p := g.cfg.Providers[provider]
	out := reconcile.Admission{
		Mode: reconcile.Enforcement(p.Enforcement), Namespaces: g.namespaces(provider), Cordoned: reason(p.Cordon),
		Contact:     cmp.Or(g.cfg.Deployment.Statuses.Page, "whoever declares deployment "+g.cfg.Deployment.Name),
		Recognition: g.shared,
	}
	out.Seal()
	return &out
}

// recognition says what is an environment, and whose.
func recognition(cfg schema.Config) reconcile.Recognition {
	e := cfg.Deployment.Environments
	out := reconcile.Recognition{
		Selectors: set(e.Selectors), IDLabel: e.IDLabel, OwnerLabel: e.OwnerLabel, OrganizationLabel: e.OrganizationLabel,
		Prebuilt: e.Prebuilt, Strict: e.Strict, AllowUnknown: e.Unknown == "allow", Trusted: set(e.TrustedControllers),
		Organizations: make(map[string]reconcile.Match, len(cfg.Organizations)),
	}
	for name, o := range cfg.Organizations {
		out.Organizations[name] = reconcile.Match{
			Namespaces: set(o.Match.Namespaces), ServiceAccounts: set(o.Match.ServiceAccounts), IDs: set(o.Match.IDs),
			Labels: o.Match.Labels,
		}
	}
	return out
}

// namespaces are those in which environments of a provider are: its own, those of its releases, and those
// that belong to an organization that may use it. The namespace of an organization that may use no provider
// of the cluster is every provider's, so that none of them goes while somebody works there.
func (g guards) namespaces(provider string) []string {
	p := g.cfg.Providers[provider]
	out := map[string]bool{p.Namespace: true}
	for _, one := range p.PerOrganization {
		out[one.Namespace] = true
	}
	for name, o := range g.cfg.Organizations {
		if g.allowed[provider][name] || !g.welcomed[p.Cluster][name] {
			maps.Copy(out, o.Match.Namespaces)
		}
	}
	return set(out)
}

// ends are the grants of an allowlist that end, and when.
func ends(list map[string]schema.Grant) map[string]time.Time {
	out := map[string]time.Time{}
	for name, grant := range list {
		if grant.Until != nil {
			out[name] = *grant.Until
		}
	}
	return out
}

// set lists the names that are true, sorted.
func set(names map[string]bool) []string {
	var out []string
	for name, in := range names {
		if in {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
