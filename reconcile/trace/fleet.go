package trace

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/workspace-providers/reconcile/reconcile"
)

// fleet is a fleet whose clusters make spans.
type fleet struct {
	reconcile.Fleet
	tracer *Tracer
}

func (f fleet) Cluster(name string) reconcile.Cluster {
	return cluster{f.Fleet.Cluster(name), f.tracer}
}

// cluster makes a span of each action.
type cluster struct {
	reconcile.Cluster
	tracer *Tracer
}

func (c cluster) Do(ctx context.Context, a reconcile.Action) error {
	span := c.tracer.start("apply", a.Commit.SHA, time.Now(),
		attrOp.String(string(a.Op)), attrReason.String(string(a.Reason)), attrKind.String(string(a.ID.Kind)),
		attrName.String(a.ID.Namespace+"/"+a.ID.Name), attrCluster.String(a.ID.Cluster),
		attrProvider.String(a.Provider), attrOrganization.String(a.Organization))
	result := "panicked"
	defer func() { // not End by itself, which would tell what a panic says
		span.SetAttributes(attrResult.String(result))
		span.End()
	}()
	err := c.Cluster.Do(ctx, a)
	switch {
	case reconcile.Outcome{Err: err}.Stopped():
		result = "stopped"
	case err != nil:
		result = "error"
		fail(span, err)
	default:
		result = "ok"
	}
	return err
}

// previewer makes a span of each batch.
type previewer struct {
	reconcile.Previewer
	tracer *Tracer
}

func (p previewer) Preview(ctx context.Context, actions []reconcile.Action) map[reconcile.ID]reconcile.Preview {
	if len(actions) == 0 {
		return p.Previewer.Preview(ctx, actions)
	}
	first := actions[0] // all are in one cluster, and called for by one revision
	attrs := []attribute.KeyValue{attrCluster.String(first.ID.Cluster), attrReleases.Int(len(actions))}
	var span oteltrace.Span
	if of := proposalOf(ctx); of != nil {
		span = of.child(p.tracer, "render", time.Now(), attrs...)
	} else {
		span = p.tracer.start("render", first.Commit.SHA, time.Now(), attrs...)
	}
	defer span.End()
	out := p.Previewer.Preview(ctx, actions)
	for _, a := range actions {
		if err := out[a.ID].Err; err != nil {
			fail(span, fmt.Errorf("%s/%s: %w", a.ID.Namespace, a.ID.Name, err))
		}
	}
	return out
}

// planned is a plan, as far as it tells whether the next is another one.
type planned struct {
	revision string
	lines    []line
}

// line is what counts of an action.
type line struct {
	id     reconcile.ID
	op     reconcile.Op
	reason reconcile.Reason
}

// Report makes a span of a plan that is another than before. It does not block.
func (t *Tracer) Report(r reconcile.Report) {
	if r.Commit.SHA == "" {
		return
	}
	if t.replanned(r.Plan) {
		t.start("plan", r.Commit.SHA, r.Live.At, summaryOf(r.Plan)...).End()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now.revision == r.Commit.SHA {
		t.endRoot(time.Now())
	}
}

// replanned says whether a plan differs from the one before it, and keeps it.
func (t *Tracer) replanned(p reconcile.Plan) bool {
	lines := make([]line, len(p.Actions))
	for i, a := range p.Actions {
		lines[i] = line{a.ID, a.Op, a.Reason}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	is := planned{p.Revision, lines}
	differs := is.revision != t.plan.revision || !slices.Equal(is.lines, t.plan.lines)
	t.plan = is
	return differs
}
