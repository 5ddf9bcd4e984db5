package main

import (
	"sync"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/kube"
	"github.com/workspace-providers/reconcile/status"
)

// pools is a Reporter that keeps beside the deployment what each organization may choose from.
type pools struct {
	fleet *kube.Fleet

	mu     sync.Mutex        // guards what follows
	newest *reconcile.Report // that was not looked at yet; nil: there is none, and nobody is about to look
}

// poolsGap is how long reports are gathered before one is looked at.
const poolsGap = 2 * time.Second

// Report has a report looked at soon.
func (p *pools) Report(r reconcile.Report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.newest == nil {
		time.AfterFunc(poolsGap, p.note)
	}
	p.newest = &r
}

// note has the newest report written down in the cluster of the deployment, by whoever acts there.
func (p *pools) note() {
	p.mu.Lock()
	r := *p.newest
	p.newest = nil
	p.mu.Unlock()
	home, declared := r.Want.Providers[kube.BuiltIn]
	if all := status.Pools(r); declared && all != nil && r.Live.Clusters[home.Cluster].Held && seen(r) {
		p.fleet.Real(home.Cluster).NotePools(all)
	}
}

// seen says whether every cluster was looked at, or does not answer: before, what is not Ready may be.
func seen(r reconcile.Report) bool {
	for _, c := range r.Live.Clusters {
		if !c.Looked && c.Err == "" {
			return false
		}
	}
	return true
}
