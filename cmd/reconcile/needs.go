package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"reflect"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chartutil"
	rbacv1 "k8s.io/api/rbac/v1"

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

// besides says what an account needs that one before did not: namespaces, kinds, and rights to give to others.
func besides(before, after account.Account) (out []string) {
	for _, name := range after.Namespaces {
		if !slices.Contains(before.Namespaces, name) {
			out = append(out, "to write in namespace "+name)
		}
	}
	had := resources(before.Needs.Charts)
	if kinds := slices.DeleteFunc(resources(after.Needs.Charts), func(kind string) bool { return slices.Contains(had, kind) }); len(kinds) > 0 {
		out = append(out, "to write "+strings.Join(kinds, ", "))
	}
	for _, rule := range after.Needs.Grants {
		if !slices.ContainsFunc(before.Needs.Grants, func(have rbacv1.PolicyRule) bool { return reflect.DeepEqual(have, rule) }) {
			of := append(resources([]rbacv1.PolicyRule{rule}), rule.NonResourceURLs...)
			out = append(out, fmt.Sprintf("to grant %s of %s", strings.Join(rule.Verbs, ", "), strings.Join(of, ", ")))
		}
	}
	return out
}

// resources are those of rules, as "deployments.apps".
func resources(rules []rbacv1.PolicyRule) (out []string) {
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, name := range rule.Resources {
				out = append(out, strings.TrimSuffix(name+"."+group, "."))
			}
		}
	}
	return out
}

// chartValues reads values of the daemon's chart from a file; empty: none.
func chartValues(file string) (map[string]any, error) {
	if file == "" {
		return nil, nil
	}
	return chartutil.ReadValuesFile(file)
}
