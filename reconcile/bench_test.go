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

// BenchmarkDecide decides about 1,000 providers: all in place and guarded, with 10 organizations each; and half of them
// not installed yet, without guards.
func BenchmarkDecide(b *testing.B) {
	for name, with := range map[string]struct {
		organizations, creates, keeps int
	}{"in place": {organizations: 10, keeps: 2000}, "half": {creates: 500, keeps: 500}} {
		b.Run(name, func(b *testing.B) {
			want, live := settledFleet(1000, with.organizations)
			for i := range with.creates {
				delete(live.Clusters["eu"].Releases, want.Items[2*i].ID)
			}
			if with.organizations == 0 {
				want.Providers = nil
				clear(live.Clusters["eu"].Admissions)
			}
			b.ReportAllocs()
			for b.Loop() {
				p := Decide(want, live)
				if sum := p.Summary(); sum[OpKeep] != with.keeps || sum[OpCreate] != with.creates {
					b.Fatal(sum)
				}
			}
		})
	}
}
