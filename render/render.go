// Package render turns declarations into what each cluster should hold. It is the only place where
// package schema (what people ask for) and package reconcile (what is done about it) meet.
//
// It is pure: in go the declarations of one revision and the charts that they name, found before; out
// come the items, sealed with the digests of their inputs and sorted. It knows no cluster, reads no
// file and no clock. What a chart makes of its values is not looked at here: that costs, and is only
// done for what changed.
package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
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
	slices.SortFunc(out, compareCharts)
	return out
}

// Render says what all clusters should hold. A provider whose chart was not found is broken and stays as it
// is; two releases that would be the same are an error.
func Render(cfg schema.Config, charts Charts, commit reconcile.Commit) (reconcile.Desired, error) {
	all, err := rollout(cfg.Deployment.Rollout)
	if err != nil {
		return reconcile.Desired{}, err
	}
	each, err := clusters(cfg)
	if err != nil {
		return reconcile.Desired{}, err
	}
	want := reconcile.Desired{
		Owner: cfg.Deployment.Name, Commit: commit, Empty: empty(cfg), Clusters: each,
		Removed: removed(cfg), Limits: limits(cfg), Providers: providers(cfg), Recognition: recognition(cfg),
		Organizations: organizations(cfg), Places: places(cfg),
		AccessURL: accessURL(cfg.Deployment), Rollout: all, Bound: bound(cfg.Deployment.PullRequests),
	}
	for name, p := range cfg.Providers {
		if name == builtIn {
			continue
		}
		chart, found := charts[p.Chart]
		if !found {
			return reconcile.Desired{}, fmt.Errorf("providers.%s: its chart was not looked for", name)
		}
		for _, it := range items(name, p, chart) {
			pace(&it, cfg, p)
			want.Items = append(want.Items, it)
		}
	}
	slices.SortFunc(want.Items, func(a, b reconcile.Item) int {
		return cmp.Or(a.ID.Compare(b.ID), cmp.Compare(a.Provider, b.Provider))
	})
	for i := range want.Items {
		want.Items[i].Seal()
	}
	return want, twins(want.Items)
}

// twins refuses two releases at one place.
func twins(sorted []reconcile.Item) error {
	for i := range sorted {
		if i > 0 && sorted[i].ID == sorted[i-1].ID {
			return fmt.Errorf("release %s is declared by provider %s and by provider %s: give one of them another "+
				"release name or namespace", sorted[i].ID, sorted[i-1].Provider, sorted[i].Provider)
		}
	}
	return nil
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
	if p.Release.Name == name || p.PreviousNames[p.Release.Name] { // nobody declared another
		base.Previous = set(p.PreviousNames)
	}
	if p.PerOrganization == nil {
		return []reconcile.Item{base}
	}
	var out []reconcile.Item
	for _, org := range slices.Sorted(maps.Keys(p.PerOrganization)) {
		own, it := p.PerOrganization[org], base
		it.Organization = org
		it.ID.Namespace, it.ID.Name = own.Namespace, own.ReleaseName
		if own.ReleaseName != p.Release.Name+"-"+org {
			it.Previous = nil
		}
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

// references say where values come from that only the target cluster knows. An entry whose name is a dotted
// path sets that value; its key is the last part of the path unless it says otherwise. Any other is a
// document of values.
func references(from map[string]schema.ValuesFrom) []reconcile.Reference {
	var out []reconcile.Reference
	for _, name := range slices.Sorted(maps.Keys(from)) {
		f := from[name]
		ref := reconcile.Reference{Kind: f.Kind, Name: f.Name, Key: cmp.Or(f.Key, documentKey)}
		if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
			ref.Path, ref.Key = strings.TrimPrefix(name, "."), cmp.Or(f.Key, name[dot+1:])
		}
		out = append(out, ref)
	}
	return out
}

// documentKey is where a whole document of values stands in a Secret or ConfigMap, as with other tools.
const documentKey = "values.yaml"

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
