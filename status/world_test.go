package status

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

var update = flag.Bool("update", false, "write the golden files anew")

// epoch is when everything in these tests happens.
func epoch() time.Time { return time.Date(2026, 10, 9, 14, 2, 0, 0, time.UTC) }

// world is a deployment under test. Its reports are made by the real plan from what is wanted and live.
type world struct {
	reconcile.Report
}

// newWorld is the deployment acme at one commit: the built-in provider, and the clusters eu and us.
func newWorld() *world {
	commit := reconcile.Commit{SHA: "1a2b3c4d5e6f", Author: "Ada <ada@example.com>", Subject: "Add frankfurt",
		Time: epoch().Add(-time.Minute)}
	w := &world{reconcile.Report{
		Head: commit, Commit: commit, Failed: map[reconcile.ID]error{},
		Want: reconcile.Desired{
			Owner: "acme", Clusters: map[string]reconcile.ClusterWant{}, Removed: map[string]reconcile.Removal{},
			Limits: reconcile.Limits{MaxDelete: 3, MaxDeletePercent: 100},
			Providers: map[string]reconcile.ProviderWant{
				"built-in": {
					Cluster: "built-in", Namespace: "coder", Default: true, BuiltIn: true,
					Organizations: []string{"blue", "red"},
				},
			},
		},
		Live: reconcile.Live{At: epoch(), Clusters: map[string]reconcile.ClusterLive{}},
	}}
	for _, name := range []string{"built-in", "eu", "us"} {
		w.Want.Clusters[name] = reconcile.ClusterWant{MaxConcurrent: 4}
		w.Live.Clusters[name] = reconcile.ClusterLive{
			Reachable: true, Looked: true, Held: true, Holder: "reconcile-0", Version: "v1.37.2",
			Since: epoch().Add(-time.Hour), Releases: map[reconcile.ID]reconcile.Observed{},
			Lacking: map[string]string{"built-in": ""}, Counted: true,
		}
	}
	return w
}

// report is the newest report of the world.
func (w *world) report() reconcile.Report {
	r := w.Report
	r.Want.Commit, r.Want.Items = r.Commit, slices.Clone(r.Want.Items)
	r.Want.Providers, r.Failed, r.Changed = maps.Clone(r.Want.Providers), maps.Clone(r.Failed), maps.Clone(r.Changed)
	r.Live.Clusters = maps.Clone(r.Live.Clusters)
	for name, c := range r.Live.Clusters {
		c.Releases = maps.Clone(c.Releases)
		r.Live.Clusters[name] = c
	}
	r.Plan = reconcile.Decide(r.Want, r.Live)
	return r
}

// want declares a provider with one release, for one organization or for all.
func (w *world) want(cluster, provider, organization string) reconcile.Item {
	name := provider
	if organization != "" {
		name += "-" + organization
	}
	it := reconcile.Item{
		ID:       reconcile.ID{Cluster: cluster, Kind: reconcile.KindRelease, Namespace: "coder", Name: name},
		Provider: provider, Organization: organization,
		Release: reconcile.Release{
			Chart:  reconcile.Chart{Name: "workspace-provider", Version: "1.44.0", Digest: "sha256:c0ffee"},
			Values: map[string]any{"name": name}, Timeout: 10 * time.Minute, Drift: reconcile.DriftRepair,
			Deletion: reconcile.Block, Ready: reconcile.ReadyCheck{HTTP: "https://example.com/healthz"},
		},
	}
	it.Base = fmt.Sprintf("%040x", sha256.Sum256([]byte(name)))[:40] // golden files do not depend on real digests
	w.Want.Items = append(w.Want.Items, it)
	p := w.Want.Providers[provider]
	p.Cluster, p.Namespace = cluster, "coder"
	if organization != "" {
		p.Organizations = append(p.Organizations, organization)
	}
	w.Want.Providers[provider] = p
	return it
}

// guard declares what guards a provider, and for whom.
func (w *world) guard(provider string, mode reconcile.Enforcement, organizations ...string) {
	p := w.Want.Providers[provider]
	a := reconcile.Admission{Mode: mode, Namespaces: []string{"coder"}, Cordoned: p.Cordoned, Contact: "ops"}
	a.Recognition.Organizations = map[string]reconcile.Match{
		"blue": {Namespaces: []string{"ws-blue"}}, "red": {Labels: map[string]string{"team": "red"}}, "white": {},
	}
	a.Seal()
	p.Organizations, p.Admission, p.Deletion = organizations, &a, reconcile.Uninstall
	w.Want.Providers[provider] = p
}

// putGuard makes a guard what the cluster holds: as declared, then edited.
func (w *world) putGuard(provider string, edit func(*reconcile.AdmissionLive)) {
	p := w.Want.Providers[provider]
	live := reconcile.AdmissionLive{
		Admission: *p.Admission, Owner: "acme", Namespace: p.Namespace, Deletion: p.Deletion, Organizations: map[string]bool{},
	}
	for _, name := range p.Organizations {
		live.Organizations[name] = true
	}
	if edit != nil {
		edit(&live)
	}
	w.in(p.Cluster, func(c *reconcile.ClusterLive) {
		c.Admissions = maps.Clone(c.Admissions)
		if c.Admissions == nil {
			c.Admissions = map[string]reconcile.AdmissionLive{}
		}
		c.Admissions[provider] = live
	})
}

// people makes environments be there: "red", "red stopped", "prebuilt"; "?" is nobody known.
func (w *world) people(provider string, all ...string) {
	var envs []reconcile.Environment
	for i, text := range all {
		organization, how, _ := strings.Cut(strings.TrimPrefix(text, "?"), " ")
		e := reconcile.Environment{
			ID: fmt.Sprint(i), Organization: organization, Owner: "ada", Namespace: "coder", Name: fmt.Sprint("ws-", i), Running: how != "stopped",
		}
		if organization == "prebuilt" {
			e.Organization, e.Prebuilt = "", true
		}
		envs = append(envs, e)
	}
	w.in(w.Want.Providers[provider].Cluster, func(c *reconcile.ClusterLive) {
		c.Environments = maps.Clone(c.Environments)
		if c.Environments == nil {
			c.Environments = map[string][]reconcile.Environment{}
		}
		c.Environments[provider] = envs
	})
}

// in changes what a cluster holds.
func (w *world) in(cluster string, change func(*reconcile.ClusterLive)) {
	c := w.Live.Clusters[cluster]
	change(&c)
	w.Live.Clusters[cluster] = c
}

// edit changes the declaration of a release.
func (w *world) edit(id reconcile.ID, edit func(*reconcile.Item)) {
	for i := range w.Want.Items {
		if it := &w.Want.Items[i]; it.ID == id {
			edit(it)
		}
	}
}

// put makes a release what the cluster holds: in place as wanted and healthy, then edited.
func (w *world) put(it reconcile.Item, edit func(*reconcile.Observed)) {
	obs := reconcile.Observed{
		Owner: "acme", Provider: it.Provider, Organization: it.Organization, Digest: reconcile.Digest(it, nil),
		Policy: it.Release.Deletion, State: reconcile.Deployed, Revision: 3, ChartName: it.Release.Chart.Name,
		ChartVersion: it.Release.Chart.Version, Health: reconcile.Healthy, Since: epoch().Add(-2 * time.Minute),
		ReadySince: epoch().Add(-time.Minute),
	}
	if edit != nil {
		edit(&obs)
	}
	w.Live.Clusters[it.ID.Cluster].Releases[it.ID] = obs
}

// lose makes a cluster unreachable.
func (w *world) lose(cluster string) {
	c := w.Live.Clusters[cluster]
	c.Reachable, c.Err, c.Since = false, "dial tcp 10.0.0.1:6443: connect: connection refused", epoch()
	w.Live.Clusters[cluster] = c
}

// provider finds one provider of the newest report.
func (w *world) provider(t *testing.T, name string) Provider {
	t.Helper()
	for _, p := range Providers(w.report()) {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("there is no provider %s", name)
	return Provider{}
}

var errImage = errors.New("helm upgrade coder/frankfurt: pod frankfurt-0: ImagePullBackOff")
