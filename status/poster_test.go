package status

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/workspace-providers/reconcile/reconcile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func sortLines(lines []Line) {
	slices.SortFunc(lines, func(a, b Line) int {
		return strings.Compare(a.SHA+" "+a.Context, b.SHA+" "+b.Context)
	})
}

// posting is a Poster at work in front of a hub, in a bubble of its own time.
type posting struct {
	*hub
	*Poster
	stop func()
}

func startPosting(t *testing.T, before ...string) *posting {
	h := newHub("github")
	forge := h.forge(t, &http.Client{Transport: direct{h}}, "https://github.example.com")
	p := &posting{hub: h, Poster: NewPoster(PosterOptions{
		Forge:  func() Forge { return forge },
		Before: func(string) []string { return before },
	})}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Run(ctx)
	}()
	p.stop = func() {
		cancel()
		<-ended
	}
	return p
}

// stands shows what stands on the forge, as "sha context state text (posts)".
func (p *posting) stands() []string {
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	var out []string
	for _, l := range p.newest() {
		out = append(out, fmt.Sprintf("%s %s %s %s (%d)", short(l.SHA), strings.TrimPrefix(l.Context, "reconcile/acme/"),
			l.State, l.Text, len(p.statuses[place{l.SHA, l.Context}])))
	}
	return out
}

func (p *posting) want(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	if diff := cmp.Diff(want, p.stands()); diff != "" {
		t.Error(diff)
	}
}

// requests counts those that the hub got.
func (p *posting) requests() int {
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	return len(p.tokens)
}

// one is a world with one provider that a commit changed.
func one() (*world, reconcile.Item) {
	w := newWorld()
	delete(w.Want.Providers, "built-in")
	return w, w.want("eu", "frankfurt", "")
}

func TestStatusesArePostedWhenTheyChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPosting(t)
		defer p.stop()
		w, it := one()
		for range 20 {
			p.Report(w.report())
			time.Sleep(time.Minute)
		}
		p.want(t, "1a2b3c4 apply pending 0 of 1 providers applied (1)", "1a2b3c4 apply/eu pending 0 of 1 providers applied (1)")
		w.put(it, nil)
		for range 20 {
			p.Report(w.report())
			time.Sleep(time.Minute)
		}
		p.want(t, "1a2b3c4 apply success 1 of 1 Ready (2)", "1a2b3c4 apply/eu success 1 of 1 Ready (2)")
	})
}

func TestProgressIsPostedNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPosting(t)
		defer p.stop()
		w, it := one()
		for i := range 100 {
			w.want("us", fmt.Sprintf("p%03d", i), "")
			p.Report(w.report())
			time.Sleep(time.Second)
		}
		p.want(t, "1a2b3c4 apply pending 0 of 101 providers applied (11)",
			"1a2b3c4 apply/eu pending 0 of 1 providers applied (1)",
			"1a2b3c4 apply/us pending 0 of 100 providers applied (11)")
		w.Want.Items = w.Want.Items[:1]
		w.Want.Providers = map[string]reconcile.ProviderWant{}
		w.put(it, nil)
		p.Report(w.report())
		p.want(t, "1a2b3c4 apply success 1 of 1 Ready (12)", "1a2b3c4 apply/eu success 1 of 1 Ready (2)",
			"1a2b3c4 apply/us success nothing of this revision is left here (12)")
	})
}

func TestAnOvertakenCommitGetsItsClosingStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPosting(t)
		defer p.stop()
		w, it := one()
		p.Report(w.report())
		synctest.Wait()
		w.Commit.SHA, w.Head.SHA = "5e6f7a8", "5e6f7a8"
		w.put(it, nil)
		p.Report(w.report())
		p.want(t, "1a2b3c4 apply error superseded by 5e6f7a8 at 0 of 1 (2)",
			"1a2b3c4 apply/eu error superseded by 5e6f7a8 at 0 of 1 (2)",
			"5e6f7a8 apply success 1 of 1 Ready (1)", "5e6f7a8 apply/eu success 1 of 1 Ready (1)")
		w.Commit.SHA, w.Head.SHA = "9b0c1d2", "9b0c1d2"
		p.Report(w.report())
		p.want(t, "1a2b3c4 apply error superseded by 5e6f7a8 at 0 of 1 (2)",
			"1a2b3c4 apply/eu error superseded by 5e6f7a8 at 0 of 1 (2)",
			"5e6f7a8 apply success 1 of 1 Ready (1)", "5e6f7a8 apply/eu success 1 of 1 Ready (1)",
			"9b0c1d2 apply success 1 of 1 Ready (1)", "9b0c1d2 apply/eu success 1 of 1 Ready (1)")
	})
}

func TestWhatWasOvertakenWhileNobodyRanIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPosting(t, "eeeeeee", "ddddddd", "deadbee", "ccccccc", "bbbbbbb", "aaaaaaa")
		defer p.stop()
		for sha, lines := range map[string]string{ // nobody ever told of eeeeeee
			"ddddddd": "reconcile/acme/apply pending 3 of 12 providers applied; 1 other in Error\n" +
				"reconcile/acme/apply/eu pending waits\nreconcile/acme/apply/us success 1 of 1 Ready\n" +
				"reconcile/acme/plan pending soon\nreconcile/acme-two/apply pending 1 of 2 providers applied\nci/lint pending runs",
			"ccccccc": "reconcile/acme/apply failure eu/frankfurt: crashed\nreconcile/acme/apply/eu pending 1 of 2 providers applied",
			"bbbbbbb": "reconcile/acme/apply success 1 of 1 Ready",
			"aaaaaaa": "reconcile/acme/apply pending 1 of 2 providers applied",
		} {
			for _, l := range noteLines(sha, lines) {
				p.statuses[place{sha, l.Context}] = []Line{l}
			}
		}
		w, it := one()
		w.put(it, nil)
		p.Report(w.report())
		synctest.Wait()
		w.Commit.SHA, w.Head.SHA = "5e6f7a8", "5e6f7a8"
		p.Report(w.report())
		p.want(t, "1a2b3c4 apply success 1 of 1 Ready (1)", "1a2b3c4 apply/eu success 1 of 1 Ready (1)",
			"5e6f7a8 apply success 1 of 1 Ready (1)", "5e6f7a8 apply/eu success 1 of 1 Ready (1)",
			"aaaaaaa apply pending 1 of 2 providers applied (1)",
			"bbbbbbb apply success 1 of 1 Ready (1)",
			"ccccccc apply failure eu/frankfurt: crashed (1)",
			"ccccccc apply/eu error superseded by 1a2b3c4 at 1 of 2 (2)",
			"ddddddd ci/lint pending runs (1)",
			"ddddddd reconcile/acme-two/apply pending 1 of 2 providers applied (1)",
			"ddddddd apply error superseded by 1a2b3c4 at 3 of 12 (2)",
			"ddddddd apply/eu error superseded by 1a2b3c4 (2)",
			"ddddddd apply/us success 1 of 1 Ready (1)", "ddddddd plan pending soon (1)")
		if n := p.requests(); n != 3+5+3+3 {
			t.Errorf("%d requests, want three for each revision, one for each that was there before, three to close", n)
		}
	})
}

func TestAfterARestartNothingIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPosting(t)
		defer p.stop()
		for _, context := range []string{"reconcile/acme/apply", "reconcile/acme/apply/eu", "ci/lint"} {
			p.statuses[place{"1a2b3c4d5e6f", context}] = []Line{
				{SHA: "1a2b3c4d5e6f", Context: context, State: StateSuccess, Text: "1 of 1 Ready"},
			}
		}
		w, it := one()
		looked := w.Live.Clusters["eu"]
		w.Live.Clusters["eu"] = reconcile.ClusterLive{}
		p.Report(w.report())
		synctest.Wait()
		w.Live.Clusters["eu"] = looked
		w.put(it, nil)
		p.Report(w.report())
		p.want(t, "1a2b3c4 ci/lint success 1 of 1 Ready (1)", "1a2b3c4 apply success 1 of 1 Ready (1)",
			"1a2b3c4 apply/eu success 1 of 1 Ready (1)")
	})
}

func TestAForgeThatIsDownGetsTheLastStateOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPosting(t)
		defer p.stop()
		w, it := one()
		p.isDown(true)
		for range 6 * 60 { // six hours of changes
			w.put(it, func(o *reconcile.Observed) { o.Health = reconcile.Progressing })
			p.Report(w.report())
			time.Sleep(30 * time.Second)
			w.put(it, nil)
			p.Report(w.report())
			time.Sleep(30 * time.Second)
		}
		if n := p.requests(); n > 100 {
			t.Errorf("%d requests in six hours", n)
		}
		p.isDown(false)
		time.Sleep(10 * time.Minute)
		p.want(t, "1a2b3c4 apply success 1 of 1 Ready (1)", "1a2b3c4 apply/eu success 1 of 1 Ready (1)")
	})
}

func TestARateLimitIsRespected(t *testing.T) {
	for _, test := range []struct {
		name string
		fail func(http.ResponseWriter)
		wait time.Duration
	}{{"primary", rateLimited(20 * time.Minute), 20 * time.Minute}, {"secondary", secondaryLimit, 90 * time.Second},
		{"429", tooMany, 30 * time.Second}} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := startPosting(t)
				defer p.stop()
				w, it := one()
				w.put(it, nil)
				p.failNext(test.fail)
				began := time.Now()
				for time.Since(began) < test.wait-time.Second {
					p.Report(w.report())
					time.Sleep(time.Second)
				}
				synctest.Wait()
				if n := p.requests(); n != 1 {
					t.Errorf("%d requests while it wanted to be left alone", n)
				}
				time.Sleep(test.wait/2 + time.Second)
				p.want(t, "1a2b3c4 apply success 1 of 1 Ready (1)", "1a2b3c4 apply/eu success 1 of 1 Ready (1)")
			})
		})
	}
}

func TestARefusedLineStopsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPosting(t)
		defer p.stop()
		w, it := one()
		w.put(it, nil)
		full := place{w.Commit.SHA, "reconcile/acme/apply"}
		for range 1000 {
			p.statuses[full] = append(p.statuses[full], Line{SHA: full.sha, Context: full.context, State: StatePending})
		}
		for range 10 {
			p.Report(w.report())
			time.Sleep(time.Minute)
		}
		p.want(t, "1a2b3c4 apply pending  (1000)", "1a2b3c4 apply/eu success 1 of 1 Ready (1)")
		if n := p.requests(); n != 3 {
			t.Errorf("%d requests, want one read and two posts", n)
		}
	})
}

func TestTheForgesLimitIsNeverReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPosting(t)
		defer p.stop()
		w, it := one()
		for i := range 14 * 24 * 60 { // two weeks of a provider that comes and goes, in ever new words
			w.put(it, func(o *reconcile.Observed) {
				if i%3 > 0 {
					o.Health, o.Message = reconcile.Unhealthy, fmt.Sprintf("attempt %d", i)
				}
			})
			p.Report(w.report())
			time.Sleep(time.Minute)
		}
		p.stop()
		for at, all := range p.statuses {
			if len(all) < 100 || len(all) > 1000-100 {
				t.Errorf("%s was posted %d times", at.context, len(all))
			}
		}
	})
}

func TestWhatIsUnsureDoesNotReplaceWhatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPosting(t)
		defer p.stop()
		w, it := one()
		w.put(it, nil)
		p.failNext(tooMany)
		p.Report(w.report())
		synctest.Wait()
		w.Live.Clusters["eu"] = reconcile.ClusterLive{}
		p.Report(w.report())
		time.Sleep(time.Minute)
		p.want(t, "1a2b3c4 apply success 1 of 1 Ready (1)", "1a2b3c4 apply/eu success 1 of 1 Ready (1)")
	})
}

func TestAfterARecoveryItIsTriedAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPosting(t)
		defer p.stop()
		w, it := one()
		p.isDown(true)
		p.Report(w.report())
		time.Sleep(time.Hour)
		p.isDown(false)
		time.Sleep(time.Hour)
		p.failNext(serverError)
		w.put(it, nil)
		p.Report(w.report())
		time.Sleep(2 * time.Second)
		p.want(t, "1a2b3c4 apply success 1 of 1 Ready (2)", "1a2b3c4 apply/eu success 1 of 1 Ready (2)")
	})
}

func TestFailuresToPostAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub("github")
		forge := h.forge(t, &http.Client{Transport: direct{h}}, "https://github.example.com")
		counts := map[string]int{}
		p := NewPoster(PosterOptions{
			Forge: func() Forge { return forge },
			Count: func(forge, result string) { counts[forge+" "+result]++ },
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			p.Run(ctx)
		}()
		h.failNext(noPermission, noPermission) // of the look at what stands there
		w, it := one()
		w.put(it, nil)
		p.Report(w.report())
		time.Sleep(time.Minute)
		cancel()
		<-ended
		if diff := cmp.Diff(map[string]int{"github error": 2, "github ok": 2}, counts); diff != "" {
			t.Error(diff)
		}
	})
}
