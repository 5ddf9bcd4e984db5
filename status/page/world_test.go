package page

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	revision = "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d"
	earlier  = "0a0b0c0d0e0f0a0b0c0d0a0b0c0d0e0f0a0b0c0d"
)

// epoch is when everything in these tests happens.
func epoch() time.Time { return time.Date(2026, 10, 9, 14, 2, 0, 0, time.UTC) }

// world is a deployment under test. Its reports are made by the real plan from what is wanted and live.
type world struct {
	reconcile.Report
	web *status.Web
}

// newWorld is the deployment acme at one commit: the built-in provider, and the clusters eu-1, eu-2 and us-1.
func newWorld() *world {
	commit := reconcile.Commit{SHA: revision, Author: "Ada Lovelace <ada@example.com>", MergedBy: "Bob Frost", Subject: "Give sydney its own pool", Time: epoch().Add(-time.Minute)}
	w := &world{web: &status.Web{Metrics: prometheus.NewRegistry()}, Report: reconcile.Report{
		Head: commit, Commit: commit, Failed: map[reconcile.ID]error{},
		Want: reconcile.Desired{
			Owner: "acme", Clusters: map[string]reconcile.ClusterWant{}, Removed: map[string]reconcile.Removal{},
			Limits: reconcile.Limits{MaxDelete: 3, MaxDeletePercent: 100}, Places: map[string]reconcile.Place{},
			Organizations: map[string]reconcile.OrganizationWant{
				"blue": {DisplayName: "Blue Horizon", Default: "built-in"}, "red": {DisplayName: "Red Rock", Default: "frankfurt"}, "white": {Default: "built-in"},
			},
			Providers: map[string]reconcile.ProviderWant{"built-in": {
				Cluster: "built-in", Namespace: "coder", Default: true, BuiltIn: true, Organizations: []string{"blue", "red", "white"},
				Address: "https://coder.example.com", Region: "home",
			}},
		},
		Live: reconcile.Live{At: epoch(), Clusters: map[string]reconcile.ClusterLive{}},
	}}
	w.web.Repository = func() status.Repository {
		return status.Repository{Kind: "github", URL: "https://github.com/acme/providers"}
	}
	w.cluster("built-in", "home")
	return w
}

// cluster declares a cluster, which is there and well.
func (w *world) cluster(name, region string) {
	w.Want.Clusters[name] = reconcile.ClusterWant{MaxConcurrent: 4, Region: region, Address: "https://" + name + ".example.com:6443"}
	w.Want.Places["clusters."+name] = reconcile.Place{File: "clusters.cue", Line: 3 + len(w.Want.Clusters)}
	w.Live.Clusters[name] = reconcile.ClusterLive{
		Reachable: true, Looked: true, Held: true, Holder: "reconcile-0", Version: "v1.37.2", Latency: 5 * time.Millisecond,
		Since: epoch().Add(-26 * time.Hour), Releases: map[reconcile.ID]reconcile.Observed{}, Lacking: map[string]string{"built-in": ""}, Counted: true,
	}
}

// in changes what a cluster holds.
func (w *world) in(cluster string, change func(*reconcile.ClusterLive)) {
	c := w.Live.Clusters[cluster]
	change(&c)
	w.Live.Clusters[cluster] = c
}

// provider declares a provider with one release in a wave.
func (w *world) provider(cluster, name string, wave int, organizations ...string) reconcile.Item {
	it := reconcile.Item{
		ID: reconcile.ID{Cluster: cluster, Kind: reconcile.KindRelease, Namespace: "coder", Name: name}, Provider: name, Wave: wave,
		Release: reconcile.Release{
			Chart: reconcile.Chart{Name: "workspace-provider", Version: "1.44.0", Digest: "sha256:c0ffee"}, Timeout: 10 * time.Minute,
			Drift: reconcile.DriftRepair, Deletion: reconcile.Block, Ready: reconcile.ReadyCheck{HTTP: "https://example.com/healthz"},
		},
	}
	it.Base = fmt.Sprintf("%040x", sha256.Sum256([]byte(name)))[:40]
	w.Want.Items = append(w.Want.Items, it)
	w.Want.Providers[name] = reconcile.ProviderWant{
		Cluster: cluster, Namespace: "coder", Organizations: organizations, Region: w.Want.Clusters[cluster].Region,
		Address: "https://" + name + ".coder.example.com",
	}
	w.Want.Places["providers."+name] = reconcile.Place{File: "providers/" + cluster + ".yaml", Line: len(w.Want.Items)}
	w.Want.Places["allowlists."+name] = reconcile.Place{File: "allowlists.cue", Line: len(w.Want.Items)}
	return it
}

// put makes a release what its cluster holds: in place as wanted and healthy, then edited.
func (w *world) put(it reconcile.Item, edit func(*reconcile.Observed)) {
	obs := reconcile.Observed{
		Owner: "acme", Provider: it.Provider, Digest: reconcile.Digest(it, nil), Policy: it.Release.Deletion,
		State: reconcile.Deployed, Revision: 3, ChartName: it.Release.Chart.Name, ChartVersion: it.Release.Chart.Version,
		Health: reconcile.Healthy, Since: epoch().Add(-2 * time.Hour), ReadySince: epoch().Add(-time.Hour), Commit: earlier,
		History: []reconcile.Step{
			{At: epoch().Add(-time.Hour), Op: "update", Reason: "changed", Revision: 3, Commit: earlier, Author: "Bob <bob@example.com>", Ready: true},
			{At: epoch().Add(-90 * time.Hour), Op: "create", Reason: "absent", Revision: 1, Commit: earlier, Author: "Bob <bob@example.com>", Ready: true},
		},
	}
	if edit != nil {
		edit(&obs)
	}
	w.Live.Clusters[it.ID.Cluster].Releases[it.ID] = obs
}

// people makes environments be in a provider: so many of each organization.
func (w *world) people(provider string, counts map[string]int) {
	var all []reconcile.Environment
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		for i := range counts[name] {
			all = append(all, reconcile.Environment{
				ID: fmt.Sprint(name, i), Organization: name, Owner: "ada", Namespace: "coder", Name: fmt.Sprint("ws-", i), Running: i%4 != 3,
			})
		}
	}
	w.in(w.Want.Providers[provider].Cluster, func(c *reconcile.ClusterLive) {
		c.Environments = maps.Clone(c.Environments)
		if c.Environments == nil {
			c.Environments = map[string][]reconcile.Environment{}
		}
		c.Environments[provider] = all
	})
}

// report makes the newest report what pages show.
func (w *world) report() reconcile.Report {
	r := w.Report
	r.Want.Commit, r.Want.Items = r.Commit, slices.Clone(r.Want.Items)
	r.Want.Providers, r.Failed = maps.Clone(r.Want.Providers), maps.Clone(r.Failed)
	r.Live.Clusters = maps.Clone(r.Live.Clusters)
	for name, c := range r.Live.Clusters {
		c.Releases = maps.Clone(c.Releases)
		r.Live.Clusters[name] = c
	}
	r.Plan = reconcile.Decide(r.Want, r.Live)
	w.web.Report(r)
	return r
}

// colourful is a deployment in which everything that pages show is there once.
func colourful() *world {
	w := newWorld()
	w.cluster("eu-1", "eu-central")
	w.cluster("eu-2", "eu-west")
	w.cluster("us-1", "us-east")
	w.put(w.provider("eu-1", "frankfurt", 0, "blue", "red"), nil)
	w.put(w.provider("eu-1", "munich", 0, "blue"), func(o *reconcile.Observed) {
		o.Health, o.Message = reconcile.Unhealthy, "container envproxy of pod envproxy-0: ImagePullBackOff: registry.example.com/envproxy:1.44.0 is not there"
		o.History = append([]reconcile.Step{{At: epoch().Add(-time.Minute), Op: "update", Reason: "changed", Revision: 4, Commit: revision,
			Author: "Ada Lovelace <ada@example.com>", Error: "helm upgrade: timed out"}}, o.History...)
	})
	w.web.Objects = func(id reconcile.ID) []status.ObjectDoc {
		if id.Name != "munich" {
			return nil
		}
		return []status.ObjectDoc{
			{Kind: "ConfigMap", Namespace: "coder", Name: "envproxy", Health: reconcile.Healthy},
			{Kind: "StatefulSet", Namespace: "coder", Name: "envproxy", Health: reconcile.Unhealthy, Message: "Ready: 0/1", Events: []status.ObjectEventDoc{
				{At: epoch(), About: "Pod/envproxy-0", Reason: "Failed", Message: "Error: ImagePullBackOff", Count: 12},
				{At: epoch().Add(-time.Minute), About: "StatefulSet/envproxy", Reason: "SuccessfulCreate", Message: "create Pod envproxy-0 in StatefulSet envproxy successful", Count: 1},
			}},
		}
	}
	w.put(w.provider("eu-2", "paris", 1, "blue", "red", "white"), func(o *reconcile.Observed) {
		o.Drift = []reconcile.Drift{{Object: "Deployment/envproxy", Field: "/spec/replicas", Message: "3, declared 2", By: "kubectl-edit"}}
	})
	old := w.provider("eu-2", "lisbon", 1, "red")
	w.put(old, func(o *reconcile.Observed) { o.Digest, o.ChartVersion = "0ddba11", "1.43.2" })
	w.put(w.provider("us-1", "boston", 2, "white"), nil)
	w.provider("us-1", "sydney", 2, "blue")
	w.put(w.provider("us-1", "austin", 2), func(o *reconcile.Observed) { o.Owner, o.Manager = "", "Flux" })
	p := w.Want.Providers["frankfurt"]
	p.DisplayName, p.Description, p.Cordoned = "Frankfurt am Main", "For everybody in central Europe. Moves to munich in spring.", "it moves to munich"
	p.Until = map[string]time.Time{"red": epoch().Add(1000 * time.Hour)}
	w.Want.Providers["frankfurt"] = p
	w.people("frankfurt", map[string]int{"blue": 9, "red": 4})
	w.people("paris", map[string]int{"blue": 2, "": 1})
	w.in("us-1", func(c *reconcile.ClusterLive) {
		c.Reachable, c.Err, c.Since, c.Held = false, "the daemon cannot reach cluster us-1: dial tcp 10.0.0.1:6443: connect: connection refused", epoch().Add(-5*time.Minute), false
	})
	w.in("eu-2", func(c *reconcile.ClusterLive) {
		c.Via, c.Held, c.Holder, c.Unenforceable = "edge", false, "reconcile-edge", "Kubernetes v1.29.0 has no ValidatingAdmissionPolicy"
		c.Freezes = []reconcile.Freeze{{Deletes: true, Reason: "incident 42", By: "ada@laptop", Until: epoch().Add(time.Hour)}}
	})
	return w
}

// eventful is colourful while much is under way: a change of the access URL, a quarrel over a field, a pull request, and
// a revision whose plan was shown and of which something was done.
func eventful() *world {
	w := colourful()
	w.Want.AccessURL = reconcile.AccessURL{URL: "https://coder.example.com", Previous: "https://old.example.com"}
	w.Live.URLs = map[string]reconcile.URLLive{}
	for _, url := range []string{w.Want.AccessURL.URL, w.Want.AccessURL.Previous} {
		w.Live.URLs[url] = reconcile.URLLive{At: epoch(), Addresses: []string{"192.0.2.1"}, Status: "200 OK", Version: "v2.33.0", Says: w.Want.AccessURL.URL}
	}
	for i := range w.Want.Items {
		w.switches(&w.Want.Items[i])
	}
	quarrel := w.Want.Items[0] // frankfurt
	w.in(quarrel.ID.Cluster, func(c *reconcile.ClusterLive) {
		obs := c.Releases[quarrel.ID]
		obs.Drift = []reconcile.Drift{{Object: "Deployment/envproxy", Field: "/spec/replicas", Message: "3, declared 2", By: "autoscaler", Contested: true}}
		c.Releases[quarrel.ID] = obs
	})
	w.web.Shown = func(sha string) (reconcile.Shown, bool) {
		return reconcile.Shown{
			Request: 6, Page: "https://github.com/acme/providers/pull/6", Hash: "sha256:feed", At: epoch().Add(-time.Hour),
			Actions: []reconcile.ShownAction{{ID: w.Want.Items[1].ID, Op: reconcile.OpUpdate}, {ID: w.Want.Items[5].ID, Op: reconcile.OpCreate}},
		}, sha == revision
	}
	w.web.Propose(reconcile.Proposal{
		Request: reconcile.PullRequest{Number: 7, Title: "Let <b>white</b> in", Author: "carl", Head: "beefbeef", Page: "https://github.com/acme/providers/pull/7"},
		Stage:   reconcile.Planned, Base: w.Commit, Plan: w.report().Plan, At: epoch(),
	})
	return w
}

// switches declares the access URL for a release: what is in place has it, and the others have the one before.
func (w *world) switches(it *reconcile.Item) {
	obs, there := w.Live.Clusters[it.ID.Cluster].Releases[it.ID]
	current := obs.Digest == reconcile.Digest(*it, nil)
	it.AccessURL = w.Want.AccessURL.URL
	if !there || obs.Owner == "" {
		return
	}
	obs.AccessURL = w.Want.AccessURL.Previous
	if current {
		obs.Digest, obs.AccessURL, obs.FormerURL, obs.Survived = reconcile.Digest(*it, nil), it.AccessURL, obs.AccessURL, true
	}
	w.Live.Clusters[it.ID.Cluster].Releases[it.ID] = obs
}

// act makes an action of the revision in force have ended.
func (w *world) act(it reconcile.Item, op reconcile.Op, err error) {
	w.web.Done(reconcile.Outcome{Took: time.Second, Err: err, Action: reconcile.Action{
		ID: it.ID, Op: op, Reason: reconcile.Changed, Provider: it.Provider, Commit: w.Commit,
	}})
}

// crowd is a deployment with n providers in 20 clusters.
func crowd(n int) *world {
	w := newWorld()
	for i := range 20 {
		w.cluster(fmt.Sprintf("cluster-%02d", i), fmt.Sprintf("region-%d", i%5))
	}
	for i := range n {
		it := w.provider(fmt.Sprintf("cluster-%02d", i%20), fmt.Sprintf("provider-%04d", i), i%4, "blue", "red", "white")
		w.put(it, func(o *reconcile.Observed) {
			if i%97 == 5 {
				o.Health, o.Message = reconcile.Unhealthy, fmt.Sprintf("pod envproxy-%d: CrashLoopBackOff", i)
			}
		})
	}
	return w
}
