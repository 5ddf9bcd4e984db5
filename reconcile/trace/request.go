package trace

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/pull"
)

// WrapPlanner has it traced how the plans of pull requests are made. It comes after all fields of the planner are set, and
// before it works.
func (t *Tracer) WrapPlanner(p *pull.Planner) {
	p.Reader.Resolver, p.Reader.Evaluate = resolver{p.Reader.Resolver, t}, t.evaluate(p.Reader.Evaluate)
	p.Previewer = previewer{p.Previewer, t}
	p.Around = t.proposing
}

// proposal is the trace of a plan for a request.
type proposal struct {
	root oteltrace.Span
	told atomic.Bool // something was done for it
}

// proposalKey finds the proposal that something is done for in a context.
type proposalKey struct{}

func proposalOf(ctx context.Context) *proposal {
	p, _ := ctx.Value(proposalKey{}).(*proposal)
	return p
}

// proposing begins a trace of one plan, which is none if nothing was done for it, and what was shown still holds.
func (t *Tracer) proposing(ctx context.Context, r reconcile.PullRequest) (context.Context, func(*reconcile.Proposal, error)) {
	_, root := t.tracer.Start(context.Background(), "propose", oteltrace.WithNewRoot(),
		oteltrace.WithAttributes(attrRequest.Int(r.Number), attrHead.String(r.Head)))
	p := &proposal{root: root}
	return context.WithValue(ctx, proposalKey{}, p), func(news *reconcile.Proposal, failed error) {
		if news == nil && failed == nil && !p.told.Load() {
			return // it is never ended, and so never sent
		}
		if news != nil {
			root.SetAttributes(summaryOf(news.Plan)...)
			fail(root, news.Err)
		}
		fail(root, failed)
		root.End()
	}
}

// child starts a span of the trace.
func (p *proposal) child(t *Tracer, name string, at time.Time, attrs ...attribute.KeyValue) oteltrace.Span {
	p.told.Store(true)
	return t.child(p.root, name, at, attrs...)
}

// summaryOf counts the actions of a plan by op.
func summaryOf(p reconcile.Plan) (attrs []attribute.KeyValue) {
	for op, n := range p.Summary() {
		attrs = append(attrs, attribute.Int(attrPlan+string(op), n))
	}
	return attrs
}
