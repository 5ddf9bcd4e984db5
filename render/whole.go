package render

import (
	"cmp"
	"fmt"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/schema"
)

// empty says whether nothing is declared but the deployment itself.
func empty(cfg schema.Config) bool {
	for name := range cfg.Providers {
		if name != builtIn {
			return false
		}
	}
	for name := range cfg.Clusters {
		if name != builtIn {
			return false
		}
	}
	return len(cfg.Organizations) == 0
}

// clusters are what is declared of each cluster as a whole. How changes go out there was completed from what is
// declared for all.
func clusters(cfg schema.Config) (map[string]reconcile.ClusterWant, error) {
	out := make(map[string]reconcile.ClusterWant, len(cfg.Clusters))
	for name, c := range cfg.Clusters {
		declared := cfg.Deployment.Rollout
		if own := c.Defaults.Rollout; own != nil {
			declared = *own
		}
		r, err := rollout(declared)
		if err != nil {
			return nil, fmt.Errorf("cluster %s: %w", name, err)
		}
		out[name] = reconcile.ClusterWant{Context: c.Context, MaxConcurrent: declared.MaxConcurrent, Rollout: r, Region: c.Region, Address: c.Address}
	}
	return out, nil
}

// removed are the declared ends of providers.
func removed(cfg schema.Config) map[string]reconcile.Removal {
	out := make(map[string]reconcile.Removal, len(cfg.Removed))
	for name, r := range cfg.Removed {
		out[name] = reconcile.Removal{Policy: reconcile.Policy(r.Policy), Forget: r.Policy == "forget", Reason: r.Reason}
	}
	return out
}

func limits(cfg schema.Config) reconcile.Limits {
	d := cfg.Deployment.Deletion
	out := reconcile.Limits{MaxDelete: d.Max, MaxDeletePercent: d.MaxPercent}
	if d.Raised != nil {
		out.Raised, out.RaisedUntil = d.Raised.Max, d.Raised.Until
	}
	return out
}

// providers are the declared providers for those who tell about them.
func providers(cfg schema.Config) map[string]reconcile.ProviderWant {
	out := make(map[string]reconcile.ProviderWant, len(cfg.Providers))
	guards := newGuards(cfg)
	for name, p := range cfg.Providers {
		out[name] = reconcile.ProviderWant{
			Cluster: p.Cluster, Namespace: p.Namespace, Default: name == cfg.Deployment.DefaultProvider,
			Cordoned: reason(p.Cordon), Organizations: cfg.Allowed(name),
			BuiltIn: name == builtIn, Ready: health(cfg, name), Until: ends(cfg.Allowlists[name]),
			Suspended: reason(p.Suspend), Previous: set(p.PreviousNames),
			Deletion: reconcile.Policy(p.Deletion.Policy), Admission: guards.of(name),
			DisplayName: p.DisplayName, Description: p.Description, Region: p.Region, Address: address(cfg, name),
		}
	}
	return out
}

// address is where the developers of a provider reach it. The built-in one is where the deployment is.
func address(cfg schema.Config, provider string) string {
	if p := cfg.Providers[provider]; p.Hostname != "" || provider != builtIn {
		return p.Hostname
	}
	return cfg.Deployment.AccessURL
}

// organizations are the declared organizations for those who tell about them.
func organizations(cfg schema.Config) map[string]reconcile.OrganizationWant {
	out := make(map[string]reconcile.OrganizationWant, len(cfg.Organizations))
	for name, o := range cfg.Organizations {
		out[name] = reconcile.OrganizationWant{
			DisplayName: o.DisplayName, Default: cmp.Or(o.DefaultProvider, cfg.Deployment.DefaultProvider),
		}
	}
	return out
}

// places say where entries are written, for people who want to change them.
func places(cfg schema.Config) map[string]reconcile.Place {
	out := make(map[string]reconcile.Place, len(cfg.Positions))
	for path, p := range cfg.Positions {
		out[path] = reconcile.Place{File: p.File, Line: p.Line}
	}
	return out
}

// health is the evidence wanted of the built-in provider: the deployment's own answer.
func health(cfg schema.Config, provider string) reconcile.ReadyCheck {
	if h := cfg.Deployment.Health; provider == builtIn && h != nil {
		return reconcile.ReadyCheck{HTTP: cfg.Deployment.AccessURL + h.Path, CA: h.CA}
	}
	return reconcile.ReadyCheck{}
}

func compareCharts(a, b schema.Chart) int {
	return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Repo, b.Repo), cmp.Compare(a.OCI, b.OCI),
		cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Digest, b.Digest),
		cmp.Compare(a.Shape, b.Shape))
}

// bound says whether only what was shown may happen. What was shown is not declared.
func bound(p *schema.PullRequests) reconcile.Bound {
	if p == nil || !p.Required {
		return reconcile.Bound{}
	}
	out := reconcile.Bound{Required: true}
	if o := p.Override; o != nil {
		out.Override = reconcile.Override{Reason: o.Reason, Until: o.Until}
	}
	return out
}
