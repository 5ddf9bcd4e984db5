package reconcile_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// hashedPlan is a plan of one update, edited.
func hashedPlan(edit func(p *reconcile.Plan, a *reconcile.Action)) reconcile.Plan {
	id := reconcile.ID{Cluster: "eu", Kind: reconcile.KindRelease, Namespace: "coder", Name: "frankfurt"}
	p := reconcile.Plan{
		Revision: "1a2b3c4",
		Clusters: []reconcile.ClusterState{{Name: "eu", Reachable: true}},
		Actions: []reconcile.Action{{
			Op: reconcile.OpUpdate, ID: id, Provider: "frankfurt", Reason: reconcile.Changed, Digest: "new",
			Want: reconcile.Item{ID: id}, Have: reconcile.Observed{State: reconcile.Deployed, Digest: "old", Revision: 3},
		}},
	}
	edit(&p, &p.Actions[0])
	return p
}

func TestTheHashMovesWithThePlansInputsAndWithNothingElse(t *testing.T) {
	type plan = reconcile.Plan
	type action = reconcile.Action
	before := hashedPlan(func(*plan, *action) {}).Hash()
	if !regexp.MustCompile(`^sha256:[0-9a-f]{64}$`).MatchString(before) {
		t.Fatalf("hash %q", before)
	}
	for _, test := range []struct {
		name  string
		moves bool
		edit  func(p *plan, a *action)
	}{
		{"nothing", false, func(*plan, *action) {}},
		{"revision", true, func(p *plan, _ *action) { p.Revision = "5e6f7a8" }},
		{"a cluster goes away", true, func(p *plan, _ *action) { p.Clusters[0].Reachable = false }},
		{"another cluster", true, func(p *plan, _ *action) { p.Clusters = append(p.Clusters, reconcile.ClusterState{Name: "us"}) }},
		{"another action", true, func(p *plan, a *action) { p.Actions = append(p.Actions, *a) }},
		{"op", true, func(_ *plan, a *action) { a.Op = reconcile.OpCreate }},
		{"reason", true, func(_ *plan, a *action) { a.Reason = reconcile.HasFailed }},
		{"target", true, func(_ *plan, a *action) { a.ID.Namespace = "other" }},
		{"inputs", true, func(_ *plan, a *action) { a.Digest = "newer" }},
		{"policy", true, func(_ *plan, a *action) { a.Want.Release.Deletion = reconcile.Uninstall }},
		{"what follows a failure", true, func(_ *plan, a *action) { a.Want.Release.OnFailure = reconcile.Rollback }},
		{"order", true, func(_ *plan, a *action) { a.After = []reconcile.ID{{Name: "paris"}} }},
		{"observed inputs", true, func(_ *plan, a *action) { a.Have.Digest = "other" }},
		{"observed revision", true, func(_ *plan, a *action) { a.Have.Revision++ }},
		{"observed state", true, func(_ *plan, a *action) { a.Have.State = reconcile.Failed }},
		{"observed drift", true, func(_ *plan, a *action) { a.Have.Drift = []reconcile.Drift{{Object: "Deployment/a"}} }},
		{"capabilities", true, func(_ *plan, a *action) { a.Have.Capabilities = "v1.38" }},
		{"words", false, func(_ *plan, a *action) { a.Message, a.Diff, a.Risks = "m", "d", []string{"r"} }},
		{"times", false, func(p *plan, a *action) { p.Clusters[0].Since, a.Have.Since = time.Unix(1, 0), time.Unix(1, 0) }},
		{"tries", false, func(_ *plan, a *action) { a.Have.Tries++ }},
	} {
		t.Run(test.name, func(t *testing.T) {
			if moved := hashedPlan(test.edit).Hash() != before; moved != test.moves {
				t.Errorf("moved: %v, want %v", moved, test.moves)
			}
		})
	}
}
