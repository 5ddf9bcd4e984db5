package status

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/workspace-providers/reconcile/reconcile"
)

// step is one thing that happens while a Poster works.
type step struct {
	kind string
	wait time.Duration
}

// TestTheLastStatePostedIsTheNewest is the law of the Poster: whatever happens, in the end the forge has for
// each commit and context what the newest report says of it, and was asked within its limits.
func TestTheLastStatePostedIsTheNewest(t *testing.T) {
	kinds := []string{"pending", "ready", "broken", "lost", "found", "commit", "back", "invalid", "valid",
		"server error", "hang", "rate limit", "secondary limit", "too many", "gateway", "permission"}
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
			return step{rapid.SampledFrom(kinds).Draw(t, "kind"), time.Duration(rapid.IntRange(0, 30_000).Draw(t, "ms")) * time.Millisecond}
		}), 1, 40).Draw(rt, "steps")
		var diff string
		synctest.Test(t, func(t *testing.T) { diff = runSteps(t, steps) })
		if diff != "" {
			rt.Fatal(diff)
		}
	})
}

func runSteps(t *testing.T, steps []step) string {
	p := startPosting(t)
	defer p.stop()
	w, it := one()
	model := map[place]Line{}
	commits := 1
	for _, s := range steps {
		before := w.Commit.SHA
		if !happen(p, w, it, s, &commits) {
			continue
		}
		r := w.report()
		told := tell(model, r, before)
		p.Report(told)
		time.Sleep(s.wait)
	}
	time.Sleep(100 * time.Hour)
	synctest.Wait()
	var want []Line
	for _, l := range model {
		want = append(want, Line{SHA: l.SHA, Context: l.Context, State: l.State, Text: l.Text})
	}
	sortLines(want)
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	for _, l := range p.newest() {
		if utf8.RuneCountInString(l.Text) > MaxText {
			return "too long: " + l.Text
		}
	}
	return cmp.Diff(want, p.newest())
}

// tell brings the model up to a report.
func tell(model map[place]Line, r reconcile.Report, before string) reconcile.Report {
	now := map[place]bool{}
	for _, l := range Lines(r) {
		model[place{l.SHA, l.Context}] = l
		now[place{l.SHA, l.Context}] = true
	}
	for at, l := range model {
		if at.sha == before && r.Commit.SHA != before && l.State == StatePending && !now[at] {
			model[at] = superseded(l, r.Commit.SHA)
		}
	}
	return r
}

// happen makes one thing happen, and says whether there is something to report.
func happen(p *posting, w *world, it reconcile.Item, s step, commits *int) bool {
	put := func(h reconcile.Health) {
		w.put(it, func(o *reconcile.Observed) { o.Health, o.Message = h, s.wait.String() })
	}
	switch s.kind {
	case "pending":
		put(reconcile.Progressing)
	case "ready":
		put(reconcile.Healthy)
	case "broken":
		put(reconcile.Unhealthy)
	case "lost":
		w.lose("eu")
	case "found":
		c := w.Live.Clusters["eu"]
		c.Reachable, c.Err = true, ""
		w.Live.Clusters["eu"] = c
	case "commit":
		*commits++
		w.Commit.SHA = fmt.Sprintf("c%06d", *commits)
		w.Head, w.HeadErr = w.Commit, nil
	case "back":
		w.Commit.SHA = "1a2b3c4d5e6f"
		w.Head, w.HeadErr = w.Commit, nil
	case "invalid":
		*commits++
		w.Head.SHA = fmt.Sprintf("bad%04d", *commits)
		w.HeadErr = errors.New("a.cue:1:1: " + s.wait.String())
	case "valid":
		w.Head, w.HeadErr = w.Commit, nil
	default:
		p.failNext(map[string]func(http.ResponseWriter){
			"server error": serverError, "hang": hang, "rate limit": rateLimited(s.wait), "secondary limit": secondaryLimit,
			"too many": tooMany, "gateway": badGateway, "permission": noPermission,
		}[s.kind])
		return false
	}
	return true
}
