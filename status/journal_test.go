package status

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/workspace-providers/reconcile/reconcile"
)

// seenOf are the events of a provider in a line each, newest first.
func seenOf(web *Web, provider string) []string {
	var out []string
	page, _ := web.See(Viewer{All: true}).Provider(provider)
	for _, e := range page.Events {
		line := e.Status
		if e.Kind == ActionDone {
			line = fmt.Sprintf("%s %s (%s)", e.Op, e.What, e.Reason)
		}
		for _, edit := range e.Edits {
			line += " " + edit.Object + edit.Field
		}
		if e.Message != "" {
			line += ": " + e.Message
		}
		out = append(out, line)
	}
	return out
}

func TestWhatHappensToAProviderIsKept(t *testing.T) {
	w, web := newWorld(), &Web{Metrics: prometheus.NewRegistry()}
	report := func() { web.Report(w.report()); seenOf(web, "frankfurt") } // whoever asks hurries it
	it := w.want("eu", "frankfurt", "")
	report()
	web.Done(reconcile.Outcome{Action: w.report().Plan.Actions[0], Took: time.Second})
	w.put(it, func(o *reconcile.Observed) { o.Health = reconcile.Progressing })
	report()
	w.put(it, nil)
	report()
	w.put(it, func(o *reconcile.Observed) {
		o.Drift = []reconcile.Drift{{Object: "Deployment/envproxy", Field: "/spec/replicas", Message: "3, declared 2", By: "kubectl-edit"}}
	})
	report()
	web.Done(reconcile.Outcome{Action: w.report().Plan.Actions[0], Took: time.Second})
	web.Done(reconcile.Outcome{Action: w.report().Plan.Actions[0], Err: reconcile.ErrFenced}) // which is no end
	w.put(it, func(o *reconcile.Observed) { o.Health, o.Message = reconcile.Unhealthy, "ImagePullBackOff" })
	report()
	web.Done(reconcile.Outcome{Action: w.report().Plan.Actions[0], Err: errors.New("no\nsuch chart")})
	want := []string{
		"keep coder/frankfurt (failed): no such chart",
		"Error: ImagePullBackOff",
		"repair coder/frankfurt (drifted) Deployment/envproxy/spec/replicas",
		"Ready",
		"create coder/frankfurt (absent)",
		"Pending: not installed yet",
	}
	if diff := cmp.Diff(want, seenOf(web, "frankfurt")); diff != "" {
		t.Error(diff)
	}
	delete(w.Want.Providers, "frankfurt")
	w.Want.Items = nil
	w.Live.Clusters["eu"] = reconcile.ClusterLive{Reachable: true, Looked: true}
	report()
	web.journal.of("")
	if len(web.journal.events) > 0 {
		t.Error("what is gone is remembered for ever")
	}
}

func TestTheJournalIsBounded(t *testing.T) {
	var j journal
	for range 10 * keptEvents {
		j.done(reconcile.Outcome{Action: reconcile.Action{Op: reconcile.OpRepair, Provider: "frankfurt", Have: reconcile.Observed{
			Drift: make([]reconcile.Drift, 1000),
		}}})
	}
	all := j.of("frankfurt")
	if len(all) != keptEvents || len(all[0].Edits) != keptEdits {
		t.Errorf("%d events with %d edits", len(all), len(all[0].Edits))
	}
}

func TestAReportWakesWhoeverWaits(t *testing.T) {
	web := &Web{Metrics: prometheus.NewRegistry()}
	changed := web.Changed()
	web.Report(newWorld().report())
	select {
	case <-changed:
	default:
		t.Error("nobody was told")
	}
	select {
	case <-web.Changed():
		t.Error("there is no other report yet")
	default:
	}
}

func TestRevisionsOfWhichSomethingIsKnown(t *testing.T) {
	w, web := newWorld(), &Web{Metrics: prometheus.NewRegistry()}
	it := w.want("eu", "frankfurt", "")
	old := reconcile.Commit{SHA: "0a0b0c0", Author: "Bob", Subject: "Begin"}
	web.Done(reconcile.Outcome{Action: reconcile.Action{Op: reconcile.OpCreate, ID: it.ID, Commit: old}})
	web.Done(reconcile.Outcome{Action: reconcile.Action{Op: reconcile.OpCreate, ID: it.ID}}) // of no revision
	web.Propose(reconcile.Proposal{
		Request: reconcile.PullRequest{Number: 7, Title: "Let white in", Author: "carl", Head: "beef"}, Stage: reconcile.Planned,
		Err: errors.New("a.cue:1:1: no"),
	})
	w.Head, w.HeadErr = reconcile.Commit{SHA: "badbad", Subject: "Oops"}, errors.New("b.cue:2:1: broken\nmore")
	web.Report(w.report())
	all, _ := web.See(Viewer{All: true}).Revisions()
	var got []string
	for _, l := range all {
		got = append(got, fmt.Sprintf("%s %s %q by %q: %s", short(l.SHA), l.State, l.Subject, l.Author, l.Text))
		if page, known := web.See(Viewer{All: true}).Revision(l.SHA); !known || page.Commit.Subject != l.Subject {
			t.Errorf("the page of %s is about %q", l.SHA, page.Commit.Subject)
		}
	}
	want := []string{
		`badbad not valid "Oops" by "": b.cue:2:1: broken`,
		`1a2b3c4 in force "Add frankfurt" by "Ada <ada@example.com>": 1 of 2 providers applied`,
		`0a0b0c0 earlier "Begin" by "Bob": `,
		`beef planned "Let white in" by "carl": a.cue:1:1: no`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
