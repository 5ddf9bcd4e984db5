package status

import (
	"cmp"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status/webhook"
)

// Metrics are the metrics of the program, listed in docs/metrics.md. What reports say (statuses, holds,
// reachability) is read from the newest report at each scrape, so that a series of what is gone goes with
// it. What happens (actions, fetches, posts) is counted when it is told.
type Metrics struct {
	PageEnds func() time.Time // when the certificate of the page ends; zero: there is none. May be nil; set it before anybody asks

	series  map[string]*prometheus.Desc // of the gauges made at each scrape, by metric
	actions *prometheus.CounterVec
	drift   *prometheus.CounterVec
	fetches *prometheus.CounterVec
	posts   *prometheus.CounterVec
	hooks   *prometheus.CounterVec
	retries *prometheus.CounterVec
	told    *prometheus.CounterVec
	took    *prometheus.HistogramVec
	passes  *prometheus.HistogramVec
	plans   *prometheus.CounterVec
	applied prometheus.Histogram
	planned prometheus.Histogram

	mu       sync.Mutex // guards the rest
	report   reconcile.Report
	clusters map[string]bool      // that have series
	began    map[string]time.Time // by cluster: when the round under way began
	success  map[string]time.Time // by cluster: when last everything was in place
	queue    map[queued]time.Time // since when each action is where it is
	waiting  string               // commit that was seen before it was in place
	pulls    pullWatch
	behind   time.Time // time of the oldest commit since everything was in place; zero: it is
}

// Build says what runs.
type Build struct {
	Version  string // of the program
	Revision string // commit it was built from
}

// NewMetrics registers the metrics.
func NewMetrics(r prometheus.Registerer, b Build) (*Metrics, error) {
	m := &Metrics{
		series:  map[string]*prometheus.Desc{},
		actions: counter("actions_total"), drift: counter("drift_corrected_total"),
		fetches: counter("git_fetches_total"), posts: counter("status_posts_total"),
		hooks: counter("webhooks_total"), retries: counter("retries_total"), told: counter("notifications_total"),
		plans:   counter("pull_request_plans_total"),
		planned: prometheus.NewHistogram(histogram("pull_request_plan_seconds")),
		took:    prometheus.NewHistogramVec(histogram("action_duration_seconds"), family("action_duration_seconds").Labels),
		passes:  prometheus.NewHistogramVec(histogram("pass_duration_seconds"), family("pass_duration_seconds").Labels),
		applied: prometheus.NewHistogram(histogram("merge_to_applied_seconds")),

		clusters: map[string]bool{}, began: map[string]time.Time{}, success: map[string]time.Time{},
		pulls: pullWatch{map[int]string{}, map[int]time.Time{}},
	}
	for _, f := range Families() {
		if f.Kind == "gauge" && f.Name != "build_info" {
			m.series[f.Name] = prometheus.NewDesc(namespace+f.Name, f.Help, f.Labels, nil)
		}
	}
	m.zero()
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: namespace + "build_info", Help: family("build_info").Help,
	}, family("build_info").Labels)
	build.WithLabelValues(b.Version, b.Revision, runtime.Version()).Set(1)
	for _, c := range []prometheus.Collector{m, m.actions, m.drift, m.fetches, m.posts, m.hooks, m.retries, m.told, m.took, m.passes,
		m.plans, m.planned, m.applied, build} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// zero starts the series that there always are.
func (m *Metrics) zero() {
	for _, result := range results() {
		m.fetches.WithLabelValues(result)
		m.plans.WithLabelValues(result)
		for _, forge := range forges() {
			m.posts.WithLabelValues(forge, result)
		}
		for _, kind := range NotifyKinds() {
			m.told.WithLabelValues(kind, result)
		}
	}
	for _, forge := range webhook.Forges() {
		for _, result := range webhook.Results() {
			m.hooks.WithLabelValues(forge, result)
		}
	}
}

// Report makes a report what the metrics show.
func (m *Metrics) Report(r reconcile.Report) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.report = r
	m.watchClusters(r)
	m.watchCommit(r)
	m.watchQueue(r)
}

// Done counts an action that was carried out, by how it ended.
func (m *Metrics) Done(o reconcile.Outcome) {
	a := o.Action
	if o.Stopped() {
		return // it was not carried out
	}
	m.actions.WithLabelValues(a.ID.Cluster, string(a.Op), string(a.Reason), result(o.Err)).Inc()
	m.took.WithLabelValues(a.ID.Cluster).Observe(o.Took.Seconds())
	if again(a) {
		m.retries.WithLabelValues(a.ID.Cluster).Inc()
	}
	if o.Err == nil {
		m.drift.WithLabelValues(a.ID.Cluster).Add(float64(len(putBack(a))))
	}
}

// Fetched counts a look at the repository.
func (m *Metrics) Fetched(err error) { m.fetches.WithLabelValues(result(err)).Inc() }

// Posted counts a status posted to a forge, with "ok" or "error".
func (m *Metrics) Posted(forge, result string) { m.posts.WithLabelValues(forge, result).Inc() }

// Webhook counts a webhook that was answered, with words of webhook.Forges and webhook.Results.
func (m *Metrics) Webhook(forge, result string) { m.hooks.WithLabelValues(forge, result).Inc() }

// Notified counts a notification, by the kind of its receiver, with "ok" or "error".
func (m *Metrics) Notified(kind, result string) { m.told.WithLabelValues(kind, result).Inc() }

// watchClusters starts the series of new clusters at zero, ends those of clusters that are gone, and notes
// in which everything is in place.
func (m *Metrics) watchClusters(r reconcile.Report) {
	now := map[string]bool{}
	for _, c := range r.Plan.Clusters {
		now[c.Name] = true
		if !m.clusters[c.Name] {
			m.begin(c.Name)
		}
	}
	for name := range m.clusters {
		if !now[name] {
			m.end(name)
		}
	}
	m.clusters = now
	working, open := work(r)
	for name := range now {
		m.watchPass(name, working[name], r.Live.At)
		if c, seen := reach(&r, name); seen && c.Reachable && !open[name] {
			m.success[name] = r.Live.At
		}
	}
}

// watchPass measures rounds: from the first report in which there is work in a cluster to the next in
// which there is none.
func (m *Metrics) watchPass(cluster string, working bool, at time.Time) {
	began, under := m.began[cluster]
	switch {
	case working && !under:
		m.began[cluster] = at
	case !working && under:
		m.passes.WithLabelValues(cluster).Observe(at.Sub(began).Seconds())
		delete(m.began, cluster)
	}
}

func (m *Metrics) begin(cluster string) {
	m.drift.WithLabelValues(cluster)
	m.passes.WithLabelValues(cluster)
	m.took.WithLabelValues(cluster)
	m.retries.WithLabelValues(cluster)
	for _, pair := range causes() {
		for _, result := range results() {
			m.actions.WithLabelValues(cluster, string(pair.Op), string(pair.Reason), result)
		}
	}
}

func (m *Metrics) end(cluster string) {
	gone := prometheus.Labels{"cluster": cluster}
	m.actions.DeletePartialMatch(gone)
	m.drift.DeletePartialMatch(gone)
	m.passes.DeletePartialMatch(gone)
	m.took.DeletePartialMatch(gone)
	m.retries.DeletePartialMatch(gone)
	delete(m.began, cluster)
	delete(m.success, cluster)
}

// work says in which clusters something is being done or about to be, and in which something is open: left
// to do, held by more than a declaration, or failed.
func work(r reconcile.Report) (working, open map[string]bool) {
	working, open = map[string]bool{}, map[string]bool{}
	for _, a := range r.Plan.Actions {
		working[a.ID.Cluster] = working[a.ID.Cluster] || a.Acts() || a.Reason == reconcile.IsLocked
		open[a.ID.Cluster] = open[a.ID.Cluster] || !done(a)
	}
	return working, open
}

// done says whether nothing is left to do for an action, as far as it is up to us.
func done(a reconcile.Action) bool {
	return a.Class == reconcile.Declared || a.Op == reconcile.OpKeep && a.Reason != reconcile.HasFailed
}

// watchCommit measures from the time of a commit to when the providers it changed are in place. A commit
// that was in place when it was first seen was not measured by us.
func (m *Metrics) watchCommit(r reconcile.Report) {
	if r.Head.SHA == "" || blind(&r) {
		return
	}
	if r.Head.SHA != r.Commit.SHA || !inPlace(r) {
		m.waiting = r.Head.SHA
		if m.behind.IsZero() {
			m.behind = cmp.Or(r.Head.Time, r.Live.At)
		}
		return
	}
	if m.waiting == r.Head.SHA && !r.Head.Time.IsZero() {
		m.applied.Observe(max(0, r.Live.At.Sub(r.Head.Time).Seconds()))
	}
	m.waiting, m.behind = "", time.Time{}
}

// inPlace says whether everything the commit in force changed is done.
func inPlace(r reconcile.Report) bool {
	return !slices.ContainsFunc(r.Plan.Actions, func(a reconcile.Action) bool {
		return !done(a) && (r.Changed == nil || r.Changed[a.Provider])
	})
}

// Describe names the gauges made at each scrape.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	for _, name := range slices.Sorted(maps.Keys(m.series)) {
		out <- m.series[name]
	}
}

// Collect makes the gauges from the newest report.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	m.mu.Lock()
	r, success, behind, queue, pulls := m.report, maps.Clone(m.success), m.behind, m.queue, m.pulls.counts()
	m.mu.Unlock()
	gauge := func(name string, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(m.series[name], prometheus.GaugeValue, value, labels...)
	}
	age := 0.0
	if !behind.IsZero() {
		age = max(0, time.Since(behind).Seconds())
	}
	gauge("unapplied_commit_age_seconds", age)
	gauge("config_valid", truth(r.HeadErr == nil && r.Commit.SHA != ""))
	collectProviders(gauge, r)
	collectHolds(gauge, r)
	collectAccessURL(gauge, r)
	collectQueue(gauge, r.Plan.Clusters, queue)
	collectPulls(gauge, pulls)
	collectPage(gauge, m.PageEnds)
	for _, c := range r.Plan.Clusters {
		collectCluster(gauge, &r, c.Name)
		if at, known := success[c.Name]; known {
			gauge("last_success_timestamp_seconds", float64(at.Unix()), c.Name)
		}
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func result(err error) string {
	if err != nil {
		return "error"
	}
	return "ok"
}
