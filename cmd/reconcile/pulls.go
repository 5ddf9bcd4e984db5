package main

import (
	"fmt"
	"strings"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/pull"
	"github.com/workspace-providers/reconcile/reconcile/source"
	"github.com/workspace-providers/reconcile/reconcile/worker"
	"github.com/workspace-providers/reconcile/status"
)

// planner plans the pull requests of the repository and tells of them; nil where there can be none: of a directory,
// in a run that ends by itself, in one that looks at a part alone.
func (p *parts) planner(metrics *status.Metrics, poster *status.Poster, web *status.Web) *pull.Planner {
	if p.repo == nil || p.once || p.provider != "" || p.cluster != "" {
		return nil
	}
	pool := &worker.Pool{Parallel: 1, Beside: p.frugal.begin} // its own, so that requests take no turn from what is merged
	return &pull.Planner{
		Forge: p.requests, Repo: p.repo, Branch: branchOf(p.ref), Force: p.source.Force,
		Reader: &source.Reader{
			Origin: p.source.Origin, Evaluate: source.Evaluator(pool), Resolver: p.store, Foreign: true,
		},
		Previewer: p.previewer(pool),
		Tell: func(proposal reconcile.Proposal) {
			if err := p.shown.Show(proposal); err != nil {
				p.log.Warn("what a plan showed is not remembered after a restart", "request", proposal.Request.Number,
					"revision", fmt.Sprintf("%.7s", proposal.Request.Head), "reason", err.Error())
			}
			metrics.Propose(proposal)
			poster.Propose(proposal)
			web.Propose(proposal)
		},
		Poke: p.requestPoke, Interval: p.interval, Log: p.log,
	}
}

// requests is the forge, if it has pull requests. Each replica plans them all, since each needs to know what a plan
// showed; one of them tells.
func (p *parts) requests() pull.Forge {
	if forge, can := p.declaredForge().(status.Requests); can {
		return forge
	}
	return nil
}

// shownOf is the plan that was shown of a merged commit.
func (p *parts) shownOf(sha string) (reconcile.Shown, bool) {
	key, err := p.source.Origin.Key(sha)
	if err != nil {
		return reconcile.Shown{}, false
	}
	return p.shown.Shown(key)
}

// page is where this program's pages are, as declared.
func (p *parts) page() string {
	cfg, _ := p.source.Config()
	return strings.TrimSuffix(cfg.Deployment.Statuses.Page, "/")
}

// branchOf is the branch that a ref names, as far as it can be told: else requests for all branches are planned, as if
// they were for what the ref names.
func branchOf(ref string) string {
	hash := len(ref) == 40 && strings.Trim(ref, "0123456789abcdef") == ""
	if ref == "HEAD" || hash || strings.ContainsAny(ref, "*?[") || strings.HasPrefix(ref, "refs/tags/") {
		return ""
	}
	return strings.TrimPrefix(ref, "refs/heads/")
}
