package trace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/trace/tracetest"
)

// outline is what spans are, a line each: the name of the parent, the name, and some attributes.
func outline(spans []tracetest.Span, keys ...string) []string {
	names := map[string]string{}
	for _, s := range spans {
		names[s.ID] = s.Name
	}
	var out []string
	for _, s := range spans {
		line := strings.TrimSpace(names[s.Parent] + " " + s.Name)
		for _, key := range keys {
			if value, has := s.Attrs[key]; has {
				line += " " + value
			}
		}
		if s.Err != "" {
			line += ": " + s.Err
		}
		out = append(out, line)
	}
	return out
}

// traces are the names of spans by trace, in the order in which the traces began.
func traces(spans []tracetest.Span) [][]string {
	var order []string
	names := map[string][]string{}
	for _, s := range spans {
		if names[s.Trace] == nil {
			order = append(order, s.Trace)
		}
		names[s.Trace] = append(names[s.Trace], s.Name)
	}
	var out [][]string
	for _, id := range order {
		out = append(out, names[id])
	}
	return out
}

func TestARevisionIsOneTrace(t *testing.T) {
	r := newRig(t)
	r.want("1a2b3c", "berlin")
	r.loop.Run(t.Context())
	spans := r.spans()
	plans := 0
	got := slices.DeleteFunc(outline(spans), func(line string) bool {
		if line == "reconcile plan" {
			plans++
		}
		return line == "reconcile plan" && plans > 1 // what is in hand is another plan, and so is what is in place
	})
	want := []string{
		"reconcile", "reconcile fetch", "reconcile evaluate", "reconcile resolve", "reconcile plan", "reconcile render",
		"reconcile apply",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if n := len(traces(spans)); n != 1 {
		t.Errorf("there are %d traces", n)
	}
	for _, s := range spans {
		if s.Ended.Before(s.Began) || s.Service != "reconcile" {
			t.Errorf("%+v", s)
		}
	}
	attrs := map[string]map[string]string{
		"reconcile": {"reconcile.revision": "1a2b3c", "reconcile.head": "1a2b3c"},
		"resolve":   {"reconcile.chart": "envs", "reconcile.chart.version": "1.0.0"},
		"render":    {"reconcile.cluster": "eu", "reconcile.releases": "1", "reconcile.revision": "1a2b3c"},
		"apply": {
			"reconcile.op": "create", "reconcile.reason": "absent", "reconcile.kind": "Release", "reconcile.name": "coder/berlin",
			"reconcile.cluster": "eu", "reconcile.provider": "berlin", "reconcile.organization": "",
			"reconcile.revision": "1a2b3c", "reconcile.result": "ok",
		},
	}
	for _, s := range spans {
		if want, told := attrs[s.Name]; told && !maps.Equal(want, s.Attrs) {
			t.Errorf("%s: -want +got:\n%s", s.Name, cmp.Diff(want, s.Attrs))
		}
	}
	plan := spans[slices.IndexFunc(spans, func(s tracetest.Span) bool { return s.Name == "plan" })]
	if plan.Attrs["reconcile.plan.create"] != "1" || plan.Attrs["reconcile.revision"] != "1a2b3c" {
		t.Errorf("plan: %v", plan.Attrs)
	}
	if strings.Contains(r.collector.Raw(), "hunter2") {
		t.Error("differences are told")
	}
}

// The source asks its origin whether it can say who signed. A wrapper that hides that would switch signatures off.
func TestTheOriginIsNotWrapped(t *testing.T) {
	r := newRig(t)
	before := r.source.Origin
	r.Wrap(r.loop, r.source)
	if r.source.Origin != before {
		t.Errorf("it is %T now", r.source.Origin)
	}
	r.spans()
}

func TestALookThatFindsNothingNewIsNoTrace(t *testing.T) {
	r := newRig(t)
	r.want("1a2b3c")
	look := func() { r.loop.Source.Latest(t.Context()) }
	look()
	look()
	r.declared.target.FetchErr = errors.New("no route to host")
	look()
	look()
	r.declared.target.FetchErr = nil
	look()
	r.declared.target.Head.SHA, r.declared.invalid = "bad", errors.New("a.cue:1:1: x\na.cue:2:1: y")
	look()
	look()
	stopped, stop := context.WithCancel(t.Context())
	stop()
	r.declared.target.FetchErr = context.Canceled
	r.loop.Source.Latest(stopped)
	want := []string{
		"reconcile", "reconcile fetch", "reconcile evaluate", "reconcile resolve",
		"reconcile: no route to host", "reconcile fetch: no route to host",
		"reconcile: no route to host", "reconcile fetch: no route to host",
		"reconcile: a.cue:1:1: x", "reconcile fetch", "reconcile evaluate: a.cue:1:1: x", "reconcile resolve",
	}
	spans := r.spans()
	if diff := cmp.Diff(want, outline(spans)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if n := len(traces(spans)); n != 4 {
		t.Errorf("there are %d traces", n)
	}
}

func TestAnActionSaysHowItEnded(t *testing.T) {
	r := newRig(t)
	act := func(err error) {
		a := reconcile.Action{Op: reconcile.OpUpdate, Commit: reconcile.Commit{SHA: "1a2b3c"}}
		r.cluster.fails = func(reconcile.Action) error { return err }
		if got := r.loop.Fleet.Cluster("eu").Do(t.Context(), a); got != err {
			t.Errorf("Do returns %v, want %v", got, err)
		}
	}
	act(nil)
	act(io.ErrUnexpectedEOF)
	act(fmt.Errorf("eu: %w", reconcile.ErrFenced))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a panic does not get through")
			}
		}()
		r.cluster.fails = func(reconcile.Action) error { panic("hunter2") }
		_ = r.loop.Fleet.Cluster("eu").Do(t.Context(), reconcile.Action{})
	}()
	want := []string{
		"reconcile", "reconcile apply ok", "reconcile apply error: unexpected EOF", "reconcile apply stopped",
		"reconcile apply panicked",
	}
	if diff := cmp.Diff(want, outline(r.spans(), "reconcile.result")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if strings.Contains(r.collector.Raw(), "hunter2") {
		t.Error("a secret is told")
	}
}

func TestWhatComesLaterIsATraceOfItsOwn(t *testing.T) {
	r := newRig(t)
	r.want("1a2b3c")
	r.loop.Source.Latest(t.Context())
	act := func() {
		_ = r.loop.Fleet.Cluster("eu").Do(t.Context(), reconcile.Action{Commit: reconcile.Commit{SHA: "1a2b3c"}})
	}
	act()
	r.now.began = r.now.began.Add(-life)
	act()
	act()
	r.want("4d5e6f")
	r.loop.Source.Latest(t.Context())
	act()
	spans := r.spans()
	want := [][]string{
		{"reconcile", "fetch", "evaluate", "resolve", "apply"}, {"reconcile", "apply", "apply"},
		{"reconcile", "fetch", "evaluate", "resolve", "apply"},
	}
	if diff := cmp.Diff(want, traces(spans)); diff != "" {
		t.Fatalf("-want +got:\n%s", diff)
	}
	for i, s := range spans {
		linked := s.Name == "reconcile" && s.Attrs["reconcile.revision"] == "1a2b3c" && s.Trace != spans[0].Trace
		if want := []string{spans[0].Trace}; linked && !slices.Equal(s.Links, want) || !linked && s.Links != nil {
			t.Errorf("span %d, %s, links to %v", i, s.Name, s.Links)
		}
	}
}

func TestWhatCannotBeRenderedIsAnError(t *testing.T) {
	r := newRig(t)
	r.cluster.spoils = errors.New("envs: values do not meet the schema")
	id := reconcile.ID{Cluster: "eu", Namespace: "coder", Name: "berlin"}
	r.loop.Previewer.Preview(t.Context(), []reconcile.Action{{ID: id}})
	r.loop.Previewer.Preview(t.Context(), nil)
	want := []string{"reconcile", "reconcile render: coder/berlin: envs: values do not meet the schema"}
	if diff := cmp.Diff(want, outline(r.spans())); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAPlanThatIsTheSameIsNoSpan(t *testing.T) {
	r := newRig(t)
	report := func(actions ...reconcile.Action) {
		r.Report(reconcile.Report{
			Commit: reconcile.Commit{SHA: "1a2b3c"}, Plan: reconcile.Plan{Revision: "1a2b3c", Actions: actions},
		})
	}
	r.Report(reconcile.Report{})
	hold := reconcile.Action{Op: reconcile.OpHold, Reason: reconcile.Frozen}
	report(hold)
	report(hold)
	hold.Reason = reconcile.Suspended
	report(hold)
	spans := r.spans()
	if n := len(slices.DeleteFunc(spans, func(s tracetest.Span) bool { return s.Name != "plan" })); n != 2 {
		t.Errorf("%d plans are told, want 2", n)
	}
}
