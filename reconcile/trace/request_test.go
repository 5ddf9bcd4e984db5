package trace

import (
	"context"
	"errors"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
	"github.com/workspace-providers/reconcile/reconcile/pull"
	"github.com/workspace-providers/reconcile/reconcile/source"
	"github.com/workspace-providers/reconcile/schema"
)

// A plan for a request is a trace of its own, beside that of the revision in force. One that still holds is none, unless
// something had to be done to know that.
func TestAPlanOfARequestIsATrace(t *testing.T) {
	r := newRig(t)
	r.want("1a2b3c", "berlin")
	r.loop.Run(t.Context())
	planner := &pull.Planner{Previewer: r.cluster, Reader: &source.Reader{
		Resolver: everyChart{}, Evaluate: func(context.Context, fs.FS) (schema.Config, error) { return schema.Config{}, nil },
	}}
	r.WrapPlanner(planner)
	try := func(number int, news *reconcile.Proposal, failed error, does ...func(context.Context)) {
		ctx, ended := planner.Around(t.Context(), reconcile.PullRequest{Number: number, Head: "4d5e6f"})
		for _, do := range does {
			do(ctx)
		}
		ended(news, failed)
	}
	evaluates := func(ctx context.Context) { _, _ = planner.Reader.Evaluate(ctx, nil) }
	resolves := func(ctx context.Context) { _, _ = planner.Reader.Resolver.Resolve(ctx, charts.Request{}) }
	renders := func(ctx context.Context) {
		planner.Previewer.Preview(ctx, []reconcile.Action{{ID: reconcile.ID{Cluster: "eu", Name: "berlin"}}})
	}
	plan := reconcile.Plan{Actions: []reconcile.Action{{Op: reconcile.OpCreate}, {Op: reconcile.OpCreate}, {Op: reconcile.OpKeep}}}
	try(1, &reconcile.Proposal{Plan: plan}, nil, evaluates, resolves, renders)
	try(1, nil, nil)
	try(1, nil, nil, renders)
	try(2, &reconcile.Proposal{Err: errors.New("it does not merge")}, nil)
	try(3, nil, errors.New("no answer"), evaluates)

	spans := r.spans()
	want := []string{
		"propose 1 2", "propose evaluate", "propose resolve", "propose render",
		"propose 1", "propose render",
		"propose 2 0: it does not merge",
		"propose 3: no answer", "propose evaluate",
	}
	var got []string
	byTrace := map[string]bool{}
	for _, line := range spans {
		if line.Name == "propose" {
			byTrace[line.Trace] = true
		}
	}
	for i, line := range outline(spans, "reconcile.request", "reconcile.plan.create") {
		if byTrace[spans[i].Trace] {
			got = append(got, line)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || len(byTrace) != 4 {
		t.Errorf("%d traces, -want +got:\n%s", len(byTrace), diff)
	}
}
