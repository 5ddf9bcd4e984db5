package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/reconcile/trace/tracetest"
)

// traced has daemons send traces to an address at once.
func (s *site) traced(url string) {
	s.env = append(s.env, "OTEL_EXPORTER_OTLP_ENDPOINT="+url, "OTEL_BSP_SCHEDULE_DELAY=50")
}

// spansOf waits until the trace of a revision has an apply of a release of this name that ended so, and returns the
// spans of that trace.
func (s *site) spansOf(c *tracetest.Collector, sha, result string) (out []tracetest.Span) {
	s.Helper()
	s.await("a trace of "+sha[:7], func() (any, bool) {
		all := c.Spans()
		at := slices.IndexFunc(all, func(s tracetest.Span) bool {
			return s.Name == "apply" && s.Attrs["reconcile.revision"] == sha && s.Attrs["reconcile.kind"] == "Release" &&
				s.Attrs["reconcile.result"] == result
		})
		if at < 0 {
			return all, false
		}
		out = slices.DeleteFunc(slices.Clone(all), func(s tracetest.Span) bool { return s.Trace != all[at].Trace })
		return out, slices.ContainsFunc(out, func(s tracetest.Span) bool { return s.Parent == "" })
	})
	return out
}

// A revision is one trace, from the look that found it to its release in the cluster.
func TestTraces(t *testing.T) {
	s := newSite(t, eu)
	collector := tracetest.New(t)
	s.traced(collector.URL)
	s.push()
	d := s.daemon()
	s.declare("a.cue", `providers: frankfurt: cluster: "eu"`)
	sha := s.push()
	d.ready(sha, "frankfurt")
	spans := s.spansOf(collector, sha, "ok")
	root := spans[0]
	if root.Name != "reconcile" || root.Parent != "" || root.Attrs["reconcile.revision"] != sha || root.Service != "reconcile" {
		t.Errorf("the first span is %+v", root)
	}
	var names []string
	for _, span := range spans[1:] {
		if !slices.Contains(names, span.Name) {
			names = append(names, span.Name)
		}
		if span.Parent != root.ID || span.Err != "" {
			t.Errorf("%s: parent %q, error %q", span.Name, span.Parent, span.Err)
		}
	}
	if want := []string{"fetch", "evaluate", "resolve", "plan", "render", "apply"}; !cmp.Equal(want, names) {
		t.Errorf("spans %v, want %v", names, want)
	}
	apply := spans[slices.IndexFunc(spans, func(s tracetest.Span) bool { return s.Attrs["reconcile.kind"] == "Release" })]
	want := map[string]string{
		"reconcile.op": "create", "reconcile.reason": "absent", "reconcile.kind": "Release", "reconcile.result": "ok",
		"reconcile.name": s.name + "/frankfurt", "reconcile.cluster": "eu", "reconcile.provider": "frankfurt",
		"reconcile.organization": "", "reconcile.revision": sha,
	}
	if diff := cmp.Diff(want, apply.Attrs); diff != "" {
		t.Errorf("apply: -want +got:\n%s", diff)
	}
	s.wrong(d, collector)
}

// wrong wants a revision that is not valid to be a trace with errors, and an action that fails to be one too.
func (s *site) wrong(d *daemon, collector *tracetest.Collector) {
	s.Helper()
	s.declare("a.cue", `providers: frankfurt: clustre: "eu"`)
	bad := s.push()
	s.await("a trace with the mistake", func() (any, bool) {
		spans := collector.Spans()
		return spans, slices.ContainsFunc(spans, func(s tracetest.Span) bool {
			return s.Name == "reconcile" && s.Attrs["reconcile.head"] == bad && strings.Contains(s.Err, "clustre")
		})
	})
	// The API server refuses this name of an annotation, and quotes it.
	s.kubectl(eu, "create", "secret", "generic", "odd", "--from-literal=values.yaml=podAnnotations: {canary/five/odd: x}")
	s.declare("a.cue", `providers: frankfurt: {cluster: "eu", valuesFrom: document: {kind: "Secret", name: "odd"}}`)
	sha := s.push()
	for _, span := range s.spansOf(collector, sha, "error") {
		if span.Name == "apply" && span.Attrs["reconcile.result"] == "error" && !strings.Contains(span.Err, "is withheld") {
			s.Errorf("what failed says %q", span.Err)
		}
	}
	d.stop()
	for _, secret := range []string{"canary", s.read(s.admin(eu))[:100]} {
		if strings.Contains(collector.Raw(), secret) {
			s.Errorf("a secret is in the traces: %s", secret)
		}
	}
}

// A collector that takes everything and never answers keeps neither clusters nor the end of the daemon waiting, and
// an environment that makes no sense is said and ignored.
func TestTracesThatNobodyTakes(t *testing.T) {
	s := newSite(t, eu)
	asked := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, in *http.Request) {
		_, _ = io.Copy(io.Discard, in.Body)
		select {
		case asked <- struct{}{}:
		default:
		}
		<-in.Context().Done()
	}))
	t.Cleanup(server.Close)
	s.traced(server.URL)
	s.declare("a.cue", `providers: frankfurt: cluster: "eu"`)
	s.push()
	d := s.daemon()
	<-asked
	s.declare("b.cue", `providers: munich: cluster: "eu"`)
	d.ready(s.push(), "frankfurt", "munich")
	d.stop()

	s.env = []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}
	s.declare("b.cue", "")
	sha := s.push()
	d = s.daemon()
	d.ready(sha, "frankfurt")
	if said := d.log.String(); !strings.Contains(said, "nothing is traced") {
		t.Errorf("it logs\n%s", said)
	}
	d.stop()
}
