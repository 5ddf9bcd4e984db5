package source

import (
	"context"
	"reflect"

	"github.com/workspace-providers/reconcile/reconcile"
)

// changed are the providers that a revision changed: against what was in force before, however many
// commits ago that was, or, on a fresh start, against the revision's first parent. Nil says that it is not
// known.
func (s *Source) changed(ctx context.Context, rev Revision) map[string]bool {
	if s.force.Commit.SHA != "" {
		return difference(s.force, rev)
	}
	line, err := s.Origin.Ancestors(rev.Commit.SHA, 2)
	if err != nil || len(line) < 2 {
		return nil
	}
	before, err := s.Read(ctx, line[1], s.force)
	if err != nil {
		return nil
	}
	return difference(before, rev)
}

// difference are the providers that two revisions do not have in common: what is declared of them, who may
// use them, how they end, and what is in their charts.
func difference(before, after Revision) map[string]bool {
	out := map[string]bool{}
	unequal(out, before.Config.Providers, after.Config.Providers)
	unequal(out, before.Config.Allowlists, after.Config.Allowlists)
	for name, end := range after.Config.Removed {
		if before.Config.Removed[name] != end {
			out[name] = true
		}
	}
	unequal(out, own(before.Want.Providers), own(after.Want.Providers))
	if before.Want.AccessURL != after.Want.AccessURL {
		relocated(out, after.Want)
	}
	was := make(map[reconcile.ID]reconcile.Item, len(before.Want.Items))
	for _, it := range before.Want.Items {
		was[it.ID] = it
	}
	for _, it := range after.Want.Items {
		old, there := was[it.ID]
		known := it.Broken == "" && old.Broken == "" // else it is not known what is in the chart
		if there && known && old.Base != it.Base {
			out[it.Provider] = true
		}
	}
	return out
}

// relocated notes whom the access URL concerns, and how it is looked at: the provider that is where the deployment
// is, and all that are given it.
func relocated(out map[string]bool, want reconcile.Desired) {
	out[builtIn] = true
	for _, it := range want.Items {
		if !it.OwnURL {
			out[it.Provider] = true
		}
	}
}

// builtIn is the provider that is part of the deployment.
const builtIn = "built-in"

// own is what is wanted of providers, without those organizations that may not use them: all guards know all
// organizations, and yet a new one is not everybody's business.
func own(all map[string]reconcile.ProviderWant) map[string]reconcile.ProviderWant {
	out := make(map[string]reconcile.ProviderWant, len(all))
	for name, p := range all {
		if p.Admission != nil {
			guard := *p.Admission
			guard.Digest, guard.Recognition.Organizations = "", map[string]reconcile.Match{}
			for _, organization := range p.Organizations {
				guard.Recognition.Organizations[organization] = p.Admission.Recognition.Organizations[organization]
			}
			p.Admission = &guard
		}
		out[name] = p
	}
	return out
}

// unequal notes the keys whose values differ.
func unequal[T any](out map[string]bool, before, after map[string]T) {
	for name, b := range before {
		if a, there := after[name]; !there || !reflect.DeepEqual(a, b) {
			out[name] = true
		}
	}
	for name := range after {
		if _, there := before[name]; !there {
			out[name] = true
		}
	}
}
