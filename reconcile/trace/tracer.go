package trace

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/source"
)

// Options say what a Tracer is made from.
type Options struct {
	Env     func(string) string // os.Getenv
	Version string              // of this program
	Log     *slog.Logger        // says that traces are lost
}

// Tracer makes spans of what happens.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   oteltrace.Tracer
	end      context.CancelFunc // of what is being sent

	mu    sync.Mutex // guards what follows
	look  time.Time  // when the last look at the declarations began
	steps []step     // of it
	now   journey
	plan  planned // the newest
}

// journey is the trace that what is begun now belongs to.
type journey struct {
	root     oteltrace.Span // nil before the first
	began    time.Time
	revision string
}

// life is how long a trace takes in what is begun.
const life = 15 * time.Minute

// New makes a Tracer as the environment says. Where that names no endpoint, or asks for no traces, there is none.
func New(o Options) (*Tracer, error) {
	env := environment(o.Env)
	if env.off() {
		return nil, nil
	}
	s, err := env.settings()
	if err != nil {
		return nil, err
	}
	gone, end := context.WithCancel(context.Background())
	exporter, err := otlptrace.New(gone, newClient(gone, s))
	if err != nil {
		end()
		return nil, err
	}
	told := &teller{SpanExporter: exporter, log: o.Log, collector: s.endpoint.Host}
	return newTracer(sdktrace.NewBatchSpanProcessor(told), end, resourceOf(o)), nil
}

// newTracer hands spans that have ended to a processor.
func newTracer(to sdktrace.SpanProcessor, end context.CancelFunc, of *resource.Resource) *Tracer {
	limits := sdktrace.NewSpanLimits()
	if limits.AttributeValueLengthLimit < 0 {
		limits.AttributeValueLengthLimit = maxText
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(to), sdktrace.WithResource(of), sdktrace.WithRawSpanLimits(limits))
	return &Tracer{
		provider: provider, end: end,
		tracer: provider.Tracer("github.com/workspace-providers/reconcile/reconcile/trace"),
	}
}

// maxText is how long a text in a span may be.
const maxText = 1024

// resourceOf says who we are: a name that the environment may change, and what it adds. The SDK could tell more by
// itself, as the command line, in which there may be a password.
func resourceOf(o Options) *resource.Resource {
	of, err := resource.New(context.Background(),
		resource.WithAttributes(attribute.String("service.name", "reconcile"), attribute.String("service.version", o.Version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		o.Log.Warn("traces do not say all that the environment adds", "reason", err.Error())
	}
	return of
}

// Wrap has everything traced that a loop does, and the source that it reads from. It comes after all their fields are
// set, and before either works.
func (t *Tracer) Wrap(l *reconcile.Loop, s *source.Source) {
	s.Fetched, s.Resolver, s.Evaluate = t.fetched(s.Fetched), resolver{s.Resolver, t}, t.evaluate(s.Evaluate)
	l.Source, l.Fleet = &looks{Source: l.Source, tracer: t}, fleet{l.Fleet, t}
	if l.Previewer != nil {
		l.Previewer = previewer{l.Previewer, t}
	}
	l.Reporters = append(l.Reporters, t)
}

// closing is how long Close waits.
const closing = 2 * time.Second

// Close sends what is there, and waits for that, but not for long.
func (t *Tracer) Close() {
	t.mu.Lock()
	t.endRoot(time.Now())
	t.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // what did not get away in time is lost
	t.end()
}

// endRoot ends the first span of the trace, if it has not ended. Callers hold the lock.
func (t *Tracer) endRoot(at time.Time) {
	if t.now.root != nil {
		t.now.root.End(oteltrace.WithTimestamp(at)) // of one that has ended it does nothing
	}
}

// begin begins a trace about a revision, and puts it in place of the one before. Callers hold the lock.
func (t *Tracer) begin(revision string, at time.Time) {
	var links []oteltrace.Link
	if t.now.root != nil && t.now.revision == revision {
		links = []oteltrace.Link{{SpanContext: t.now.root.SpanContext()}}
	}
	t.endRoot(at)
	t.now = journey{t.root(revision, at, links...), at, revision}
}

// root starts a span without a parent.
func (t *Tracer) root(revision string, at time.Time, links ...oteltrace.Link) oteltrace.Span {
	_, span := t.tracer.Start(context.Background(), "reconcile", oteltrace.WithNewRoot(), oteltrace.WithTimestamp(at),
		oteltrace.WithLinks(links...), oteltrace.WithAttributes(attrRevision.String(revision)))
	return span
}

// start starts a span of the trace that what is begun now for a revision belongs to. Callers do not hold the lock.
func (t *Tracer) start(name, revision string, at time.Time, attrs ...attribute.KeyValue) oteltrace.Span {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now.root == nil || at.Sub(t.now.began) > life {
		t.begin(revision, at)
	}
	return t.child(t.now.root, name, at, append(attrs, attrRevision.String(revision))...)
}

// child starts a span below another.
func (t *Tracer) child(of oteltrace.Span, name string, at time.Time, attrs ...attribute.KeyValue) oteltrace.Span {
	ctx := oteltrace.ContextWithSpan(context.Background(), of)
	_, span := t.tracer.Start(ctx, name, oteltrace.WithTimestamp(at), oteltrace.WithAttributes(attrs...))
	return span
}

// fail says of a span that it went wrong.
func fail(span oteltrace.Span, err error) {
	if err != nil {
		line := oneLine(err.Error())
		span.RecordError(errors.New(line))
		span.SetStatus(codes.Error, line)
	}
}

// oneLine is the first line of a text, and not too much of it.
func oneLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	line = strings.ToValidUTF8(line, "")
	return strings.ToValidUTF8(line[:min(len(line), maxText)], "")
}

// The attributes.
const (
	attrRevision     = attribute.Key("reconcile.revision")
	attrHead         = attribute.Key("reconcile.head")
	attrRequest      = attribute.Key("reconcile.request")
	attrChart        = attribute.Key("reconcile.chart")
	attrChartVersion = attribute.Key("reconcile.chart.version")
	attrCluster      = attribute.Key("reconcile.cluster")
	attrProvider     = attribute.Key("reconcile.provider")
	attrOrganization = attribute.Key("reconcile.organization")
	attrKind         = attribute.Key("reconcile.kind")
	attrName         = attribute.Key("reconcile.name")
	attrOp           = attribute.Key("reconcile.op")
	attrReason       = attribute.Key("reconcile.reason")
	attrResult       = attribute.Key("reconcile.result")
	attrReleases     = attribute.Key("reconcile.releases")
	attrPlan         = "reconcile.plan." // and an op: how many there are
)
