package status

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status/webhook"
)

func newMetrics(t *testing.T) (*prometheus.Registry, *Metrics) {
	t.Helper()
	registry := prometheus.NewRegistry()
	m, err := NewMetrics(registry, Build{Version: "v1.0.0", Revision: "1a2b3c4"})
	if err != nil {
		t.Fatal(err)
	}
	return registry, m
}

// total adds up what a collector's series of one metric have: the value of gauges and counters, the count
// and the sum of histograms.
func total(t *testing.T, c prometheus.Collector, name string) (value, sum float64) {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	all, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		for _, m := range f.GetMetric() {
			if f.GetName() == namespace+name {
				value += m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
				sum += m.GetHistogram().GetSampleSum()
			}
		}
	}
	return value, sum
}

// golden compares a text with a file, or writes it with -update.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is stale; go test ./status -update writes it:\n%s", path, diff)
	}
}

func TestTheMetricsPageIsFresh(t *testing.T) { golden(t, "../docs/metrics.md", MetricsDoc()) }

// TestTheExposition shows everything that Prometheus reads after some work.
func TestTheExposition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // so that the age of a commit is the same each time
		registry, m := newMetrics(t)
		w := newWorld()
		situations()["trouble"](w)
		r := w.report()
		r.Head.Time = time.Now().Add(-time.Minute)
		m.Report(r)
		m.Fetched(nil)
		m.Fetched(errors.New("no route"))
		m.Posted("github", "ok")
		m.Webhook("forgejo", webhook.TooLarge)
		m.Done(reconcile.Outcome{Action: r.Plan.Actions[1]})
		text := exposition(t, registry)
		golden(t, "testdata/metrics.txt", text)
	})
}

// exposition is what is gathered, without the version of Go.
func exposition(t *testing.T, g prometheus.Gatherer) string {
	t.Helper()
	all, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if problems, err := promlint.NewWithMetricFamilies(all).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", err, problems)
	}
	text := fetchMetrics(t, g)
	var lines []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "reconcile_build_info") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// TestEveryMetricIsDocumented holds the table of families against what is gathered.
func TestEveryMetricIsDocumented(t *testing.T) {
	registry, m := newMetrics(t)
	w := newWorld()
	situations()["rollout"](w)
	w.in("eu", func(c *reconcile.ClusterLive) {
		c.Quotas = map[string]map[string]float64{"frankfurt": {"pods": 0.5}}
		c.Expires = map[string]time.Time{reconcile.ExpiresServer: epoch()}
	})
	m.Report(w.report())
	all, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, f := range all {
		found[strings.TrimPrefix(f.GetName(), namespace)] = strings.ToLower(f.GetType().String())
	}
	want := map[string]string{}
	for _, f := range Families() {
		want[f.Name] = f.Kind
	}
	delete(found, "last_success_timestamp_seconds")
	delete(want, "last_success_timestamp_seconds")
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
}

func TestSeriesOfWhatIsGoneGoAway(t *testing.T) {
	registry, m := newMetrics(t)
	w := newWorld()
	it := w.want("eu", "frankfurt", "")
	w.put(it, nil)
	m.Report(w.report())
	m.Done(reconcile.Outcome{Action: w.report().Plan.Actions[0]})
	if text := exposition(t, registry); !strings.Contains(text, `cluster="eu"`) || !strings.Contains(text, "frankfurt") {
		t.Fatal("there is no series to go away")
	}
	w.Want.Items = nil
	delete(w.Want.Providers, "frankfurt")
	delete(w.Want.Clusters, "eu")
	delete(w.Live.Clusters, "eu")
	m.Report(w.report())
	if text := exposition(t, registry); strings.Contains(text, `cluster="eu"`) || strings.Contains(text, "frankfurt") {
		t.Errorf("still there:\n%s", text)
	}
}

func TestTheAgeOfACommitGrowsUntilItIsInPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, m := newMetrics(t)
		w, it := one()
		w.Commit.Time = time.Now()
		w.Head = w.Commit
		tell := func() {
			w.Live.At = time.Now()
			m.Report(w.report())
		}
		tell()
		time.Sleep(time.Minute)
		w.Head.SHA, w.Head.Time = "5e6f7a8", time.Now()
		tell()
		time.Sleep(time.Minute)
		if got, _ := total(t, m, "unapplied_commit_age_seconds"); got != 120 {
			t.Errorf("%v s after the oldest commit that is not in place", got)
		}
		w.Commit = w.Head
		w.put(it, nil)
		tell()
		if got, _ := total(t, m, "unapplied_commit_age_seconds"); got != 0 {
			t.Errorf("%v s after everything is in place", got)
		}
		tell()
		if n, sum := total(t, m.applied, "merge_to_applied_seconds"); n != 1 || sum != 60 {
			t.Errorf("from merge to applied: %v times, %v s", n, sum)
		}
	})
}

func TestACommitThatWasInPlaceBeforeIsNotMeasured(t *testing.T) {
	_, m := newMetrics(t)
	w, it := one()
	w.Live.Clusters["eu"] = reconcile.ClusterLive{}
	m.Report(w.report())
	w = newWorld()
	w.Want.Items = []reconcile.Item{it}
	w.put(it, nil)
	m.Report(w.report())
	if n, _ := total(t, m.applied, "merge_to_applied_seconds"); n != 0 {
		t.Errorf("measured %v", n)
	}
}

func TestAPassIsFromTheFirstWorkToTheLast(t *testing.T) {
	_, m := newMetrics(t)
	w, it := one()
	m.Report(w.report())
	w.put(it, func(o *reconcile.Observed) { o.State = reconcile.Locked })
	w.Live.At = epoch().Add(4 * time.Second)
	m.Report(w.report())
	if n, _ := total(t, m.passes, "pass_duration_seconds"); n != 0 {
		t.Errorf("measured %v before its end", n)
	}
	w.put(it, nil)
	w.Live.At = epoch().Add(7 * time.Second)
	m.Report(w.report())
	m.Report(w.report())
	if n, _ := total(t, m.passes, "pass_duration_seconds"); n != 1 {
		t.Errorf("measured %v", n)
	}
}

func TestActionsAreCounted(t *testing.T) {
	_, m := newMetrics(t)
	m.Report(newWorld().report())
	do := func(op reconcile.Op, reason reconcile.Reason, err error) {
		drift := []reconcile.Drift{{Field: "/a"}, {Field: "/b"}, {Field: "/c", Contested: true}}
		a := reconcile.Action{Op: op, Reason: reason, ID: reconcile.ID{Cluster: "eu"}, Have: reconcile.Observed{Drift: drift}}
		m.Done(reconcile.Outcome{Action: a, Err: err})
	}
	do(reconcile.OpRepair, reconcile.Drifted, nil)
	do(reconcile.OpRepair, reconcile.Drifted, errors.New("denied"))
	do(reconcile.OpCreate, reconcile.Missing, reconcile.ErrFenced)
	for _, test := range []struct {
		labels []string
		want   float64
	}{{[]string{"eu", "repair", "drifted", "ok"}, 1}, {[]string{"eu", "repair", "drifted", "error"}, 1},
		{[]string{"eu", "create", "absent", "error"}, 0}} {
		if got, _ := total(t, m.actions.WithLabelValues(test.labels...), "actions_total"); got != test.want {
			t.Errorf("%v: %v, want %v", test.labels, got, test.want)
		}
	}
	if got, _ := total(t, m.drift, "drift_corrected_total"); got != 2 {
		t.Errorf("corrected %v", got)
	}
}

func TestTwoRegistrationsFail(t *testing.T) {
	registry, _ := newMetrics(t)
	if _, err := NewMetrics(registry, Build{}); err == nil {
		t.Error("the second took the place of the first")
	}
}

func TestEnvironmentsAndFreezesAreMeasured(t *testing.T) {
	registry, m := newMetrics(t)
	w := guarded()
	w.people("frankfurt", "blue", "blue stopped", "white", "?", "prebuilt")
	w.in("eu", func(c *reconcile.ClusterLive) {
		c.Freezes = []reconcile.Freeze{{Provider: "frankfurt", Until: epoch().Add(time.Hour)}}
	})
	w.lose("us")
	w.in("built-in", func(c *reconcile.ClusterLive) { *c = reconcile.ClusterLive{} })
	gather := func() (out []string) {
		m.Report(w.report())
		for line := range strings.Lines(exposition(t, registry)) {
			for _, name := range []string{"environments{", "frozen{", "cluster_reachable{"} {
				if strings.HasPrefix(line, namespace+name) {
					out = append(out, strings.TrimPrefix(strings.TrimSpace(line), namespace))
				}
			}
		}
		return out
	}
	want := []string{
		`cluster_reachable{cluster="eu"} 1`, `cluster_reachable{cluster="us"} 0`,
		`environments{organization="",provider="frankfurt"} 1`, `environments{organization="blue",provider="frankfurt"} 2`,
		`environments{organization="red",provider="frankfurt"} 0`, `environments{organization="white",provider="frankfurt"} 1`,
		`frozen{cluster="eu"} 1`,
	}
	if diff := cmp.Diff(want, gather()); diff != "" {
		t.Error(diff)
	}
	w.people("frankfurt")
	w.guard("frankfurt", reconcile.Enforce, "blue")
	w.in("eu", func(c *reconcile.ClusterLive) { c.Freezes = nil })
	want = []string{
		`cluster_reachable{cluster="eu"} 1`, `cluster_reachable{cluster="us"} 0`,
		`environments{organization="blue",provider="frankfurt"} 0`, `frozen{cluster="eu"} 0`,
	}
	if diff := cmp.Diff(want, gather()); diff != "" {
		t.Errorf("what is gone: %s", diff)
	}
}
