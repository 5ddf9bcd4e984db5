package status

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status/webhook"
)

// namespace is what the name of every metric begins with.
const namespace = "reconcile_"

// Family describes one metric.
type Family struct {
	Name   string // without "reconcile_"
	Kind   string // "gauge", "counter", "histogram"
	Help   string
	Labels []string
}

// Families lists every metric, by name. It is a table.
func Families() []Family {
	return []Family{
		{"access_url_phase", "gauge", "Whether a change of the access URL is in this phase; all are 0 while none is under way.",
			[]string{"phase"}},
		{"action_duration_seconds", "histogram", "How long an action was in hand, however it ended.", []string{"cluster"}},
		{"actions_total", "counter", "Actions carried out, by what was done, why, and how it ended.",
			[]string{"cluster", "op", "reason", "result"}},
		{"build_info", "gauge", "What runs; always 1.", []string{"version", "revision", "goversion"}},
		{"certificate_expiry_timestamp_seconds", "gauge", "Until when the cluster's certificate counts, or ours or our token " +
			"there, or, without a cluster, the certificate of the page, in Unix time. Absent where there is none, where it does not say, and where it renews itself.",
			[]string{"cluster", "of"}},
		{"cluster_reachable", "gauge", "Whether the cluster answers. Absent before the first look at it.", []string{"cluster"}},
		{"config_valid", "gauge", "Whether the newest revision of the declarations is valid and in force.", nil},
		{"drift_corrected_total", "counter", "Fields of releases, and guards of providers, that were edited by hand and put back.",
			[]string{"cluster"}},
		{"environments", "gauge", "Environments that somebody has, running or stopped; without organization those " +
			"of which nobody knows whose they are. Absent while they cannot be counted.", []string{"provider", "organization"}},
		{"frozen", "gauge", "Whether somebody stopped something there: everything, a provider or deletions.",
			[]string{"cluster"}},
		{"git_fetches_total", "counter", "Looks at the repository, by how they ended.", []string{"result"}},
		{"held_actions", "gauge", "Actions that wait for somebody or something, by reason.",
			[]string{"cluster", "reason"}},
		{"last_success_timestamp_seconds", "gauge",
			"When everything in the cluster was last seen in place, in Unix time.", []string{"cluster"}},
		{"merge_to_applied_seconds", "histogram",
			"Time from a commit to everything it changed being in place.", nil},
		{"notifications_total", "counter", "Notifications delivered, by kind of receiver and how it ended.",
			[]string{"kind", "result"}},
		{"pass_duration_seconds", "histogram",
			"Duration of one round of work in a cluster, from its first action to its last.", []string{"cluster"}},
		{"provider_info", "gauge", "What is installed of a provider; always 1.",
			[]string{"provider", "cluster", "namespace", "chart", "version"}},
		{"provider_status", "gauge", "Whether a provider has this status: Pending, Ready or Error.",
			[]string{"provider", "cluster", "status"}},
		{"pull_request_plan_seconds", "histogram",
			"Time from when a head of a pull request is first looked at to its plan.", nil},
		{"pull_request_plans_total", "counter", "Plans made of pull requests; an error is told in place of a plan.",
			[]string{"result"}},
		{"pull_requests", "gauge", "Open pull requests, by how far they are.", []string{"stage"}},
		{"queue_actions", "gauge", "Actions that wait for a worker, for what comes before them or for their wave, and " +
			"those in hand.", []string{"cluster", "state"}},
		{"queue_oldest_seconds", "gauge", "For how long the oldest of these waits, or is in hand; 0 where there is none.",
			[]string{"cluster", "state"}},
		{"quota_used_ratio", "gauge", "How much is used of what quotas let environments of a provider take, in the " +
			"fullest of its namespaces; 1 is all. Absent where there is no quota, or it may not be read.",
			[]string{"provider", "cluster", "resource"}},
		{"retries_total", "counter", "Actions carried out again after the same had failed, however they ended.", []string{"cluster"}},
		{"status_posts_total", "counter", "Commit statuses and comments posted, by forge and how it ended.",
			[]string{"forge", "result"}},
		{"unapplied_commit_age_seconds", "gauge",
			"Age of the oldest commit seen that is not in place yet; 0 when everything is. It knows of no commit that " +
				"could not be fetched, and counts after a restart from the newest.", nil},
		{"webhooks_total", "counter", "Webhooks answered, by forge and how it ended.", []string{"forge", "result"}},
	}
}

// RuntimeMetrics are those of the process and of Go, as the client library makes them, that our dashboards show.
func RuntimeMetrics() []string {
	return []string{
		"go_goroutines", "process_cpu_seconds_total", "process_max_fds", "process_open_fds", "process_resident_memory_bytes",
		"process_start_time_seconds",
	}
}

// MetricsDoc is the page docs/metrics.md.
func MetricsDoc() string {
	var b strings.Builder
	b.WriteString(`# Metrics

Served at ` + "`/metrics`" + `, in the Prometheus and OpenMetrics formats. Labels are names from the declarations or
words from closed lists: what is declared bounds the number of series, and a series of what is gone goes away.
This page is generated from the code.

| metric | type | labels | meaning |
|---|---|---|---|
`)
	for _, f := range Families() {
		labels := "–"
		if len(f.Labels) > 0 {
			labels = "`" + strings.Join(f.Labels, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s%s` | %s | %s | %s |\n", namespace, f.Name, f.Kind, labels, f.Help)
	}
	fmt.Fprintf(&b, "\nBeside these there is what the client library makes of the process and of Go: `%s` and others.\n",
		strings.Join(RuntimeMetrics(), "`, `"))
	b.WriteString("\n## Closed lists\n\n")
	list := func(label string, words []string) {
		fmt.Fprintf(&b, "- `%s`: %s\n", label, strings.Join(words, ", "))
	}
	list("status", texts(Statuses))
	list("op", texts(reconcile.Ops))
	list("reason", texts(reconcile.Reasons))
	list("result", results())
	list("forge", forges())
	list("phase", texts(reconcile.Phases))
	list("state", queueStates)
	list("kind", NotifyKinds())
	list("of", append(slices.Clone(reconcile.Expiring), ofPage))
	list("resource", reconcile.QuotaResources)
	list("stage", pullStates())
	b.WriteString("\nOf `reconcile_webhooks_total`:\n\n")
	list("forge", webhook.Forges())
	list("result", webhook.Results())
	return b.String()
}

func texts[T ~string](words []T) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = string(w)
	}
	return out
}

func results() []string { return []string{"ok", "error"} }

func forges() []string { return []string{"gitea", "github", "gitlab", "notes"} }

// NotifyKinds are the kinds of receivers of notifications: a closed list for a metric's label.
func NotifyKinds() []string { return []string{"slack", "webhook"} }

// cause is a pair of op and reason that a plan can bring about.
type cause struct {
	Op     reconcile.Op
	Reason reconcile.Reason
}

// causes lists the pairs whose series exist from the start.
func causes() []cause {
	return []cause{
		{reconcile.OpCreate, reconcile.Missing}, {reconcile.OpCreate, reconcile.HasFailed},
		{reconcile.OpUpdate, reconcile.Changed}, {reconcile.OpUpdate, reconcile.HasFailed},
		{reconcile.OpRepair, reconcile.Drifted}, {reconcile.OpAdopt, reconcile.Adopted},
		{reconcile.OpRollback, reconcile.HasFailed}, {reconcile.OpRollback, reconcile.Halted}, {reconcile.OpDelete, reconcile.Orphaned},
		{reconcile.OpOrphan, reconcile.Orphaned},
	}
}

// holdReasons are the reasons an action can be held for.
func holdReasons() []reconcile.Reason {
	never := []reconcile.Reason{
		reconcile.Missing, reconcile.Changed, reconcile.Drifted, reconcile.HasFailed,
		reconcile.Orphaned, reconcile.Adopted, reconcile.InSync,
	}
	return slices.DeleteFunc(slices.Clone(reconcile.Reasons), func(r reconcile.Reason) bool {
		return slices.Contains(never, r)
	})
}

// family is the description of a metric of this package.
func family(name string) Family {
	i := slices.IndexFunc(Families(), func(f Family) bool { return f.Name == name })
	return Families()[i]
}

func counter(name string) *prometheus.CounterVec {
	f := family(name)
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: namespace + name, Help: f.Help}, f.Labels)
}

// histogram has buckets from seconds to hours; few where there is a series of each for every cluster.
func histogram(name string) prometheus.HistogramOpts {
	buckets := []float64{1, 10, 60, 600}
	switch name {
	case "merge_to_applied_seconds":
		buckets = []float64{1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400}
	case "pull_request_plan_seconds":
		buckets = []float64{0.5, 1, 2.5, 5, 10, 30, 60, 300}
	case "action_duration_seconds":
		buckets = []float64{0.1, 1, 10, 60}
	}
	return prometheus.HistogramOpts{Name: namespace + name, Help: family(name).Help, Buckets: buckets}
}
