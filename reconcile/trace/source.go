package trace

import (
	"cmp"
	"context"
	"io/fs"
	"time"

	"go.opentelemetry.io/otel/attribute"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
	"github.com/workspace-providers/reconcile/reconcile/source"
	"github.com/workspace-providers/reconcile/schema"
)

// step is something that was done while the declarations were read. Whether it becomes a span is known when the
// look has ended.
type step struct {
	name         string
	began, ended time.Time
	err          error
	attrs        []attribute.KeyValue
}

// note keeps a step that ends now, or makes a span of it where it was done for a request. One without a beginning began
// with the look.
func (t *Tracer) note(ctx context.Context, s step) {
	s.ended = time.Now()
	if of := proposalOf(ctx); of != nil {
		s.end(of.child(t, s.name, s.began, s.attrs...))
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.began.IsZero() {
		s.began = t.look
	}
	t.steps = append(t.steps, s)
}

// fetched notes how long it took to look for the newest revision, which is the first thing that a look does. The
// origin itself is not wrapped: the source asks it whether it can say who signed, and one that hides that is taken
// for one whose revisions need no signature.
func (t *Tracer) fetched(next func(error)) func(error) {
	return func(err error) {
		t.note(context.Background(), step{name: "fetch", err: err})
		if next != nil {
			next(err)
		}
	}
}

type evaluator func(context.Context, fs.FS) (schema.Config, error)

// evaluate notes how long it takes to evaluate declarations.
func (t *Tracer) evaluate(next evaluator) evaluator {
	return func(ctx context.Context, tree fs.FS) (schema.Config, error) {
		began := time.Now()
		cfg, err := next(ctx, tree)
		t.note(ctx, step{name: "evaluate", began: began, err: err})
		return cfg, err
	}
}

// resolver notes how long it takes to find charts.
type resolver struct {
	source.Resolver
	tracer *Tracer
}

func (r resolver) Resolve(ctx context.Context, req charts.Request) (reconcile.Chart, error) {
	began := time.Now()
	chart, err := r.Resolver.Resolve(ctx, req)
	r.tracer.note(ctx, step{name: "resolve", began: began, err: err, attrs: []attribute.KeyValue{
		attrChart.String(cmp.Or(req.Ref.Name, req.Ref.Path)), attrChartVersion.String(chart.Version),
	}})
	return chart, err
}

// looks is a source that makes traces.
type looks struct {
	reconcile.Source
	tracer *Tracer
	was    found
}

// found is what one look found, as far as it tells whether the next finds something new.
type found struct{ head, revision, invalid string }

// Latest looks, as the source does.
func (l *looks) Latest(ctx context.Context) reconcile.Target {
	l.tracer.lookBegins()
	target := l.Source.Latest(ctx)
	is := found{head: target.Head.SHA, revision: target.Commit.SHA}
	if target.HeadErr != nil {
		is.invalid = target.HeadErr.Error()
	}
	if ctx.Err() == nil { // else the program ends, and what a look found says nothing
		l.tracer.lookEnds(target, l.was, is)
	}
	l.was = is
	return target
}

func (t *Tracer) lookBegins() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.look, t.steps = time.Now(), nil
}

// lookEnds makes a trace of a look, if there is anything to tell. One that puts another revision in force begins the
// trace of all that is done for that.
func (t *Tracer) lookEnds(target reconcile.Target, was, is found) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case is.revision != was.revision:
		t.begin(is.revision, t.look)
		t.tell(t.now.root, target)
	case is != was || target.FetchErr != nil:
		root := t.root(is.revision, t.look)
		t.tell(root, target)
		root.End()
	}
}

// tell makes spans of the steps of a look. Callers hold the lock.
func (t *Tracer) tell(root oteltrace.Span, target reconcile.Target) {
	root.SetAttributes(attrHead.String(target.Head.SHA))
	fail(root, target.HeadErr)
	fail(root, target.FetchErr)
	for _, s := range t.steps {
		s.end(t.child(root, s.name, s.began, s.attrs...))
	}
}

// end ends the span of a step.
func (s step) end(span oteltrace.Span) {
	fail(span, s.err)
	span.End(oteltrace.WithTimestamp(s.ended))
}
