package status

import (
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// ofPage is, beside reconcile.Expiring, whose certificate ends: that of the page, which is in no cluster.
const ofPage = "page"

func collectPage(gauge func(string, float64, ...string), ends func() time.Time) {
	if ends == nil {
		return
	}
	if at := ends(); !at.IsZero() {
		gauge("certificate_expiry_timestamp_seconds", float64(at.Unix()), "", ofPage)
	}
}

// collectCluster says nothing of a cluster that was not looked at yet, and of one that does not answer not
// what is stopped there.
func collectCluster(gauge func(string, float64, ...string), r *reconcile.Report, name string) {
	c, seen := reach(r, name)
	if !seen {
		return
	}
	for what, at := range c.Expires {
		gauge("certificate_expiry_timestamp_seconds", float64(at.Unix()), name, what)
	}
	gauge("cluster_reachable", truth(c.Reachable), name)
	if c.Reachable {
		gauge("frozen", truth(len(frozenIn(c, r.Live.At)) > 0), name)
	}
}

// collectPeople counts, in a provider whose environments were counted, those of each organization that may
// come in and of each that is there; without a name those of nobody known, if there are any.
func collectPeople(gauge func(string, float64, ...string), p *Provider) {
	if !p.Counted {
		return
	}
	n := map[string]int{}
	for _, name := range p.Organizations {
		n[name] = 0
	}
	for _, h := range p.Environments {
		n[h.Organization] = h.Count
	}
	for name, count := range n {
		gauge("environments", float64(count), p.Name, name)
	}
}

func collectProviders(gauge func(string, float64, ...string), r reconcile.Report) {
	for _, p := range providers(r) {
		collectPeople(gauge, &p)
		collectQuotas(gauge, &p, r.Live.Clusters[p.Cluster])
		for _, s := range Statuses {
			gauge("provider_status", truth(p.Status == s), p.Name, p.Cluster, string(s))
		}
		gauge("provider_info", 1, p.Name, p.Cluster, p.Namespace, p.Chart, p.Version)
	}
}

// collectQuotas tells how full a provider is, as long as its cluster answers.
func collectQuotas(gauge func(string, float64, ...string), p *Provider, c reconcile.ClusterLive) {
	if !c.Reachable {
		return
	}
	for resource, used := range c.Quotas[p.Name] {
		gauge("quota_used_ratio", used, p.Name, p.Cluster, resource)
	}
}

func collectHolds(gauge func(string, float64, ...string), r reconcile.Report) {
	type series struct {
		cluster string
		reason  reconcile.Reason
	}
	n := map[series]int{}
	for _, a := range r.Plan.Actions {
		if a.Op == reconcile.OpHold {
			n[series{a.ID.Cluster, a.Reason}]++
		}
	}
	for _, c := range clustersOf(r.Plan) {
		for _, reason := range holdReasons() {
			gauge("held_actions", float64(n[series{c.Name, reason}]), c.Name, string(reason))
		}
	}
}
