package reconcile

import (
	"fmt"
	"testing"
)

// settledFleet is so many guarded providers with so many organizations each, all of it as declared, and an
// environment of each organization.
func settledFleet(providers, organizations int) (Desired, Live) {
	want := Desired{Owner: "acme", Clusters: map[string]ClusterWant{"eu": {MaxConcurrent: 4}}, Providers: map[string]ProviderWant{}}
	cluster := ClusterLive{
		Reachable: true, Looked: true, Counted: true, Held: true, Releases: map[ID]Observed{},
		Admissions: map[string]AdmissionLive{}, Environments: map[string][]Environment{},
	}
	admission := Admission{Mode: Enforce, Namespaces: []string{"coder"}, Recognition: Recognition{Organizations: map[string]Match{}}}
	open, names := map[string]bool{}, []string{}
	for o := range organizations {
		name := fmt.Sprintf("organization%02d", o)
		admission.Recognition.Organizations[name] = Match{Namespaces: []string{name}}
		open[name], names = true, append(names, name)
	}
	admission.Seal()
	for p := range providers {
		it := testItem("eu", fmt.Sprintf("provider%04d", p))
		want.Items, cluster.Releases[it.ID] = append(want.Items, it), inPlace(it)
		want.Providers[it.Provider] = ProviderWant{Cluster: "eu", Namespace: "coder", Organizations: names, Admission: &admission}
		cluster.Admissions[it.Provider] = AdmissionLive{Admission: admission, Owner: "acme", Namespace: "coder", Organizations: open}
		for o, name := range names {
			env := Environment{ID: fmt.Sprintf("%d-%d", p, o), Organization: name, Owner: "ada", Name: "ws"}
			cluster.Environments[it.Provider] = append(cluster.Environments[it.Provider], env)
		}
	}
	return want, Live{At: noon(), Clusters: map[string]ClusterLive{"eu": cluster}}
}

// BenchmarkDecide decides about 1,000 providers with 10 organizations each, where nothing is to be done.
func BenchmarkDecide(b *testing.B) {
	want, live := settledFleet(1000, 10)
	b.ReportAllocs()
	for b.Loop() {
		if p := Decide(want, live); p.Summary()[OpKeep] != 2000 {
			b.Fatal(p.Summary())
		}
	}
}
