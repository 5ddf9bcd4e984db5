package status

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/schema"
)

// proposed is a pull request that changes a world.
func proposed(before *world, change func(w *world)) reconcile.Proposal {
	r := before.report()
	after := &world{before.report()}
	change(after)
	now := after.report()
	now.Want.Commit.SHA = "feedfacefeedface"
	plan := reconcile.Decide(now.Want, r.Live)
	return reconcile.Proposal{
		Request: reconcile.PullRequest{
			Number: 7, Title: "Let <b>research</b> in", Head: "beefbeefbeefbeef", Base: "main", Page: "https://forge.example.com/7",
		},
		Stage: reconcile.Planned, Base: r.Head, Key: "tree", Before: r.Want, Want: now.Want, Live: r.Live,
		Plan: decorate(reconcile.Report{Plan: plan}).Plan, At: epoch(),
	}
}

// proposals are what may be told on a pull request.
func proposals() map[string]reconcile.Proposal {
	plain := func() *world {
		w := newWorld()
		for _, name := range []string{"frankfurt", "paris"} {
			w.put(w.want("eu", name, ""), nil)
		}
		w.Want.AccessURL.URL = "https://old.example.com"
		return w
	}
	out := map[string]reconcile.Proposal{
		"nothing": proposed(plain(), func(*world) {}),
		"people": proposed(plain(), func(w *world) {
			p := w.Want.Providers["frankfurt"]
			p.Organizations, p.Cordoned = []string{"research"}, ""
			w.Want.Providers["frankfurt"] = p
			p = w.Want.Providers["built-in"]
			p.Organizations = []string{"blue"}
			w.Want.Providers["built-in"] = p
			p = w.Want.Providers["paris"]
			p.Cordoned, p.Default = "it moves @everyone", true
			w.Want.Providers["paris"] = p
		}),
		"releases": proposed(plain(), func(w *world) {
			w.want("us", "boston", "")
			w.edit(w.Want.Items[0].ID, func(it *reconcile.Item) { it.Release.Chart.Version, it.Base = "1.45.0", "new" })
			w.edit(w.Want.Items[1].ID, func(it *reconcile.Item) { it.Base = "other" })
		}),
		"away": proposed(plain(), func(w *world) {
			w.Want.Items = w.Want.Items[:1]
			delete(w.Want.Providers, "paris")
		}),
		"url": proposed(plain(), func(w *world) {
			w.Want.AccessURL.URL, w.Want.AccessURL.Previous = "https://new.example.com", "https://old.example.com"
			for i := range w.Want.Items {
				it := &w.Want.Items[i]
				it.AccessURL, it.Base, it.Wave = "https://new.example.com", "url", i
			}
		}),
	}
	invalid := out["nothing"]
	invalid.Err = schema.Errors{
		{Position: schema.Position{File: "providers.cue", Line: 12, Col: 3}, Path: "providers.x.cluster", Message: `found "mars", which is not declared`},
		{Message: "and `something` <i>without</i> a place"},
	}
	invalid.Plan = reconcile.Plan{}
	out["invalid"] = invalid
	failing := out["releases"]
	failing.Failed = map[reconcile.ID]error{failing.Plan.Actions[0].ID: errors.New("templates/all.yaml:4: greeting is required")}
	out["failing"] = failing
	moved := out["people"]
	moved.Moved = []string{"eu/Release/coder/frankfurt: revision 3 → 4"}
	out["moved"] = moved
	planning := out["nothing"]
	planning.Stage = reconcile.Planning
	out["planning"] = planning
	stranger := out["nothing"]
	stranger.Stage, stranger.Err = reconcile.Unplanned, errors.New("who opened it may not push to the repository")
	out["stranger"] = stranger
	return out
}

func TestWhatIsToldOnPullRequests(t *testing.T) {
	names := []string{"nothing", "people", "releases", "away", "url", "invalid", "failing", "moved", "planning", "stranger"}
	archive := &txtar.Archive{}
	for _, name := range names {
		p := proposals()[name]
		l := ProposalLine(p)
		text := fmt.Sprintf("%s: %s, %s\n", l.Context, l.State, l.Text)
		if p.Stage == reconcile.Planned {
			text += ProposalMarkdown(p, "https://reconcile.example.com/revisions/beef", 60_000)
		}
		text = regexp.MustCompile(`sha256:[0-9a-f]{64}`).ReplaceAllString(text, "sha256:…")
		archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(text)})
	}
	const path = "testdata/proposals.txtar"
	if *update {
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(txtar.Format(archive))); diff != "" {
		t.Errorf("run go test -update and look at the difference:\n%s", diff)
	}
}

// A comment never has more than it may, still says what is left out, and is whole in itself.
func TestLongCommentsAreCut(t *testing.T) {
	w := newWorld()
	p := proposed(w, func(w *world) {
		for i := range 300 {
			w.want("eu", fmt.Sprintf("p%03d", i), "")
		}
	})
	for _, limit := range []int{2_000, 10_000, 60_000} {
		text := ProposalMarkdown(p, "https://reconcile.example.com/revisions/beef", limit)
		if len(text) > limit || !strings.Contains(text, "not shown") || !strings.Contains(text, "](https://reconcile.example.com/revisions/beef)") ||
			!strings.Contains(text, p.Plan.Hash()) || strings.Count(text, "<details>") != strings.Count(text, "</details>") {
			t.Errorf("limit %d: %d bytes\n%.3000s", limit, len(text), text)
		}
	}
}

func TestTheBookOfPullRequests(t *testing.T) {
	b := newBook(10 * time.Second)
	all := proposals()
	states := func() string {
		var out []string
		for {
			sha, lines, _ := b.due(epoch())
			if len(lines) == 0 {
				return strings.Join(out, "; ")
			}
			if !b.read[sha] {
				b.found(sha, nil)
				continue
			}
			for _, l := range lines {
				b.posted(l, epoch())
				out = append(out, fmt.Sprintf("%s %s %s", short(l.SHA), l.State, l.Text))
			}
			b.forget()
		}
	}
	step := func(p reconcile.Proposal, want string) {
		t.Helper()
		b.propose(announce(p, "", 0))
		if got := states(); got != want {
			t.Errorf("posted %q, want %q", got, want)
		}
	}
	step(all["planning"], "beefbee pending is being planned")
	next := all["planning"]
	next.Request.Head = "cafecafecafecafe"
	step(next, "cafecaf pending is being planned; beefbee error superseded by cafecaf")
	planned := all["nothing"]
	planned.Request.Head = next.Request.Head
	step(planned, "cafecaf success nothing to do")
	step(planned, "")
	if talk, _ := b.unsaid(epoch()); talk == nil || talk.request.Number != 7 {
		t.Error("there is no comment")
	} else {
		b.said(talk, epoch())
	}
	if talk, wait := b.unsaid(epoch()); talk != nil || wait >= 0 {
		t.Errorf("%v, %v", talk, wait)
	}
	b.propose(announce(planned, "", 0))
	if talk, wait := b.unsaid(epoch()); talk != nil || wait != 10*time.Second {
		t.Errorf("the next comment comes at once: %v, %v", talk, wait)
	}
	closed := planned
	closed.Stage = reconcile.Closed
	step(closed, "")
	if len(b.requests) > 0 || len(b.want) > 0 {
		t.Errorf("left: %v %v", b.requests, b.want)
	}
}
