package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"

	"helm.sh/helm/v3/pkg/chartutil"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/account"
	"github.com/workspace-providers/reconcile/reconcile/charts"
	"github.com/workspace-providers/reconcile/reconcile/preview"
	"github.com/workspace-providers/reconcile/reconcile/source"
	"github.com/workspace-providers/reconcile/reconcile/worker"
	"github.com/workspace-providers/reconcile/schema"
)

// accountFor is the daemon's account in a cluster where providers are declared: it may write in their namespaces and
// those named, what their charts install. tree is where charts of the repository are.
func (s *settings) accountFor(ctx context.Context, cfg schema.Config, tree fs.FS, cluster string, namespaces []string) (account.Account, error) {
	a := account.Account{Name: "reconcile", Namespace: "reconcile", State: s.stateNamespace}
	for _, p := range cfg.Providers {
		if p.Cluster != cluster {
			continue
		}
		namespaces = append(namespaces, p.Namespace)
		for _, o := range p.PerOrganization {
			namespaces = append(namespaces, o.Namespace)
		}
	}
	slices.Sort(namespaces)
	a.Namespaces = slices.DeleteFunc(slices.Compact(namespaces), func(name string) bool { return name == "" })
	needs, err := s.needs(ctx, cfg, tree, cluster)
	a.Needs = needs
	return a, err
}

// errNeeds says that it is not known what charts of a cluster install.
var errNeeds = errors.New("what charts install there is not known")

// needs are the rights that the charts of a cluster's providers ask for.
func (s *settings) needs(ctx context.Context, cfg schema.Config, tree fs.FS, cluster string) (account.Needs, error) {
	store := charts.NewStore(charts.Config{
		Credentials: s.credentialFiles(), Dir: s.cacheDir("charts"), Recheck: s.checkInterval, Log: slog.New(slog.DiscardHandler),
	})
	want, err := source.Desired(ctx, cfg, tree, store)
	if err != nil {
		return account.Needs{}, err
	}
	var there []reconcile.Item
	for _, it := range want.Items {
		if it.ID.Cluster == cluster && it.ID.Kind == reconcile.KindRelease {
			there = append(there, it)
		}
	}
	p := preview.Previewer{Archive: store.Archive, Worker: source.Renderer(&worker.Pool{})}
	objects, err := p.Objects(ctx, there)
	if err != nil {
		return account.Needs{}, fmt.Errorf("%w: %w", errNeeds, err)
	}
	out, err := account.NeedsOf(objects)
	out.LookInside = cfg.Deployment.Health != nil && cfg.Deployment.Health.ProbeImage != ""
	return out, err
}

// chartValues reads values of the daemon's chart from a file; empty: none.
func chartValues(file string) (map[string]any, error) {
	if file == "" {
		return nil, nil
	}
	return chartutil.ReadValuesFile(file)
}
