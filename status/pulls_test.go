package status

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Open pull requests are counted by how far they are, plans once each, and what is closed is gone.
func TestPullRequestsAreCounted(t *testing.T) {
	registry, m := newMetrics(t)
	propose := func(number int, stage reconcile.Stage, after time.Duration, err error) {
		m.Propose(reconcile.Proposal{
			Request: reconcile.PullRequest{Number: number}, Stage: stage, At: epoch().Add(after), Err: err,
		})
	}
	propose(1, reconcile.Planning, 0, nil)
	propose(1, reconcile.Planned, 3*time.Second, nil)
	propose(1, reconcile.Planned, time.Hour, nil) // something moved
	propose(2, reconcile.Planning, 0, nil)
	propose(2, reconcile.Planned, 2*time.Second, errors.New("providers.cue:1:2: no"))
	propose(3, reconcile.Unplanned, 0, errors.New("a stranger's"))
	propose(4, reconcile.Planning, 0, nil)
	propose(5, reconcile.Planning, 0, nil)
	propose(5, reconcile.Closed, time.Second, nil)
	want := `reconcile_pull_request_plans_total{result="error"} 1
reconcile_pull_request_plans_total{result="ok"} 2
reconcile_pull_requests{stage="failing"} 1
reconcile_pull_requests{stage="planned"} 1
reconcile_pull_requests{stage="planning"} 1
reconcile_pull_requests{stage="unplanned"} 1
`
	if got := values(t, registry, "pull_request_plans_total", "pull_requests"); got != want {
		t.Errorf("got\n%s", got)
	}
	if n, sum := total(t, m.planned, "pull_request_plan_seconds"); n != 2 || sum != 5 {
		t.Errorf("%v plans took %v s", n, sum)
	}
}

// How full a provider is and until when a connection counts is told as long as it is known.
func TestWhatRunsOutIsMeasured(t *testing.T) {
	registry, m := newMetrics(t)
	w := newWorld()
	w.want("eu", "frankfurt", "")
	w.in("eu", func(c *reconcile.ClusterLive) {
		c.Quotas = map[string]map[string]float64{"frankfurt": {"pods": 0.5}, "gone": {"pods": 1}}
		c.Expires = map[string]time.Time{reconcile.ExpiresClient: epoch()}
	})
	want := func(text string) {
		t.Helper()
		m.Report(w.report())
		if got := values(t, registry, "quota_used_ratio", "certificate_expiry_timestamp_seconds"); got != text {
			t.Errorf("got\n%s", got)
		}
	}
	const expiry = "reconcile_certificate_expiry_timestamp_seconds{cluster=\"eu\",of=\"client\"} 1.79155452e+09\n"
	want(expiry + "reconcile_quota_used_ratio{cluster=\"eu\",provider=\"frankfurt\",resource=\"pods\"} 0.5\n")
	w.in("eu", func(c *reconcile.ClusterLive) { c.Reachable, c.Err = false, "no route to host" })
	want(expiry)
	ends := time.Time{}
	m.PageEnds = func() time.Time { return ends }
	want(expiry)
	ends = epoch()
	want("reconcile_certificate_expiry_timestamp_seconds{cluster=\"\",of=\"page\"} 1.79155452e+09\n" + expiry)
	ends = time.Time{}
	w.in("eu", func(c *reconcile.ClusterLive) { c.Reachable, c.Err, c.Expires, c.Quotas = true, "", nil, nil })
	want("")
}

// values are the series of some metrics.
func values(t *testing.T, g prometheus.Gatherer, names ...string) string {
	t.Helper()
	var out strings.Builder
	for line := range strings.Lines(exposition(t, g)) {
		for _, name := range names {
			if strings.HasPrefix(line, namespace+name+"{") {
				out.WriteString(line)
			}
		}
	}
	return out.String()
}
