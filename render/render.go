// Package render turns declarations into what each cluster should hold. It is the only place where
// package schema (what people ask for) and package reconcile (what is done about it) meet.
//
// It is pure: in go the declarations of one revision and the charts that they name, found before; out
// come the items, sealed with the digests of their inputs and sorted. It knows no cluster, reads no
// file and no clock. What a chart makes of its values is not looked at here: that costs, and is only
// done for what changed.
package render

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/schema"
)

// Charts are the charts that declarations name, as they were looked for.
type Charts map[schema.Chart]Chart

// Chart is a chart that was found, or why it was not.
type Chart struct {
	reconcile.Chart
	Err error
}

// Wanted lists the charts that a configuration needs, each once, sorted.
func Wanted(cfg schema.Config) []schema.Chart {
	set := map[schema.Chart]bool{}
	for name, p := range cfg.Providers {
		if name != builtIn {
			set[p.Chart] = true
		}
	}
	out := slices.Collect(maps.Keys(set))
	slices.SortFunc(out, func(a, b schema.Chart) int { return compareCharts(a, b) })
	return out
}

// Render says what all clusters should hold. A provider whose chart was not found is broken and stays as it
// is; two releases that would be the same are an error.
func Render(cfg schema.Config, charts Charts, commit reconcile.Commit) (reconcile.Desired, error) {
	want := reconcile.Desired{
		Owner: cfg.Deployment.Name, Commit: commit, Clusters: map[string]reconcile.ClusterWant{},
		Removed: removed(cfg), Limits: limits(cfg), Providers: providers(cfg),
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Providers)) {
		p := cfg.Providers[name]
		want.Clusters[p.Cluster] = clusterWant(cfg, p.Cluster)
		if name == builtIn {
			continue
		}
		chart, found := charts[p.Chart]
		if !found {
			return reconcile.Desired{}, fmt.Errorf("providers.%s: its chart was not looked for", name)
		}
		want.Items = append(want.Items, items(name, p, chart)...)
	}
	for name := range cfg.Clusters {
		want.Clusters[name] = clusterWant(cfg, name)
	}
	return seal(want)
}

// seal computes the digests and refuses twins.
func seal(want reconcile.Desired) (reconcile.Desired, error) {
	slices.SortFunc(want.Items, func(a, b reconcile.Item) int { return a.ID.Compare(b.ID) })
	for i := range want.Items {
		want.Items[i].Seal()
		if i > 0 && want.Items[i].ID == want.Items[i-1].ID {
			return reconcile.Desired{}, fmt.Errorf("%s is declared by provider %s and by provider %s", want.Items[i].ID,
				want.Items[i-1].Provider, want.Items[i].Provider)
		}
	}
	return want, nil
}

// items are the releases of a provider: one, or one for each allowed organization.
func items(name string, p schema.Provider, chart Chart) []reconcile.Item {
	base := reconcile.Item{
		ID:       reconcile.ID{Cluster: p.Cluster, Kind: reconcile.KindRelease, Namespace: p.Namespace, Name: p.Release.Name},
		Provider: name, Wave: p.Wave, Suspended: reason(p.Suspend), Release: release(p, chart.Chart),
	}
	if chart.Err != nil {
		base.Broken = chart.Err.Error()
	}
	if p.PerOrganization == nil {
		return []reconcile.Item{base}
	}
	var out []reconcile.Item
	for _, org := range slices.Sorted(maps.Keys(p.PerOrganization)) {
		own, it := p.PerOrganization[org], base
		it.Organization = org
		it.ID.Namespace, it.ID.Name = own.Namespace, own.ReleaseName
		it.Release.Values, it.Release.References = own.Values, references(own.ValuesFrom)
		out = append(out, it)
	}
	return out
}

// release is what a provider's Helm release should be.
func release(p schema.Provider, chart reconcile.Chart) reconcile.Release {
	return reconcile.Release{
		Chart: chart, Values: p.Values, References: references(p.ValuesFrom),
		Timeout: time.Duration(p.Release.Timeout), OnFailure: reconcile.OnFailure(p.Release.OnFailure),
		MaxHistory: p.Release.MaxHistory, Adopt: p.Release.Adopt, Deletion: reconcile.Policy(p.Deletion.Policy),
		Drift: reconcile.DriftMode(p.Drift.Mode), Ignore: ignored(p.Drift),
		Ready: reconcile.ReadyCheck{HTTP: p.Ready.HTTP, Create: p.Ready.Create},
	}
}

// references say where values come from that only the target cluster knows.
func references(from map[string]schema.ValuesFrom) []reconcile.Reference {
	var out []reconcile.Reference
	for _, name := range slices.Sorted(maps.Keys(from)) {
		f := from[name]
		ref := reconcile.Reference{Path: name, Kind: f.Kind, Name: f.Name, Key: f.Key}
		if f.Key == "" {
			ref.Path, ref.Key = "", defaultKey
		}
		out = append(out, ref)
	}
	return out
}

// defaultKey is where a whole document of values stands in a Secret or ConfigMap, as with other tools.
const defaultKey = "values.yaml"

func ignored(d schema.Drift) []reconcile.FieldRef {
	var out []reconcile.FieldRef
	for _, kind := range slices.Sorted(maps.Keys(d.Ignore)) {
		for _, pointer := range slices.Sorted(maps.Keys(d.Ignore[kind])) {
			out = append(out, reconcile.FieldRef{Kind: kind, Pointer: pointer})
		}
	}
	return out
}

func reason(r *schema.Reason) string {
	if r == nil {
		return ""
	}
	return r.Reason
}

// builtIn is the provider that is part of the deployment and has no release.
const builtIn = "built-in"
