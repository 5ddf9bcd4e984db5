package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Narrow is what is wanted of one provider, or in one cluster, or both; an empty name is all of them. What
// is left out is not taken for removed: only items that are there are looked at.
func (d Desired) Narrow(provider, cluster string) (Desired, error) {
	if provider == "" && cluster == "" {
		return d, nil
	}
	if err := known("provider", provider, d.Providers); err != nil {
		return Desired{}, err
	}
	if err := known("cluster", cluster, d.Clusters); err != nil {
		return Desired{}, err
	}
	out := d
	out.Narrowed, out.Items = true, nil
	out.Providers, out.Clusters = maps.Clone(d.Providers), map[string]ClusterWant{}
	maps.DeleteFunc(out.Providers, func(name string, p ProviderWant) bool {
		return provider != "" && name != provider || cluster != "" && p.Cluster != cluster
	})
	for _, p := range out.Providers {
		out.Clusters[p.Cluster] = d.Clusters[p.Cluster]
	}
	if cluster != "" {
		out.Clusters[cluster] = d.Clusters[cluster]
	}
	for _, it := range d.Items {
		if _, there := out.Providers[it.Provider]; there {
			out.Items = append(out.Items, it)
		}
	}
	return out, nil
}

// known says whether a name, if there is one, is among the declared ones.
func known[T any](what, name string, declared map[string]T) error {
	if _, there := declared[name]; name == "" || there {
		return nil
	}
	return fmt.Errorf("no %s %q is declared; there are: %s", what, name, names(declared))
}

// names lists the keys of a collection for people.
func names[T any](all map[string]T) string {
	return strings.Join(slices.Sorted(maps.Keys(all)), ", ")
}
