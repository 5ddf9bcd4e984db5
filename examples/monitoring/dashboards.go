package main

import "fmt"

// dashboards are those that we have. Several replicas tell the same of clusters, so that gauges are asked for their
// maximum, of each deployment for itself; what each has done itself is added up. Which deployments are asked, board.add puts
// into every query.
func dashboards() []dashboard {
	return []dashboard{overview(), provider(), rollout(), pulls(), internals()}
}

// Times within which somebody would want to know.
const (
	minute = 60.0
	day    = 24 * 60 * minute
)

// in is a selector of the clusters that were chosen, with more.
func in(more string) string {
	if more != "" {
		more = "," + more
	}
	return `{cluster=~"$cluster"` + more + `}`
}

// providers counts those with a status.
func providers(status string) string {
	return fmt.Sprintf(`sum(max by (job, namespace, provider, cluster) (reconcile_provider_status%s))`, in(`status="`+status+`"`))
}

// quantile is a quantile of a histogram, by labels.
func quantile(q float64, name, selector, by string) string {
	if by != "" {
		by = ", " + by
	}
	return fmt.Sprintf(`histogram_quantile(%v, sum by (le%s) (rate(%s_bucket%s[$__rate_interval])))`, q, by, name, selector)
}

// forPeople are the reasons for which something waits for a person; it is a hold of its own when a rollout is halted.
const forPeople = `reason!~"halted|locked|backing off|settling|suspended|cordoned|window|frozen"`

func overview() dashboard {
	b := newBoard("overview", "Overview", "How all providers and clusters are.", clusters())
	b.stat("Ready", look{}, providers("Ready"))
	b.stat("Pending", look{}, providers("Pending"))
	b.stat("In Error", look{red: 1}, providers("Error"))
	b.stat("Clusters out of reach", look{red: 1}, `sum(1 - max by (job, namespace, cluster) (reconcile_cluster_reachable`+in("")+`))`)
	b.stat("Waiting for a person", look{red: 1, about: "Actions that are held until somebody does something."},
		`sum(max by (job, namespace, cluster, reason) (reconcile_held_actions`+in(forPeople)+`))`)
	b.stat("Clusters with a freeze", look{red: 1}, `sum(max by (job, namespace, cluster) (reconcile_frozen`+in("")+`))`)
	b.stat("Oldest commit not in place", look{unit: "s", red: 30 * minute}, `max(reconcile_unapplied_commit_age_seconds)`)
	b.stat("Newest revision in force", look{red: 1, low: true, about: "1: it is valid and in force."}, `min(reconcile_config_valid)`)
	b.stat("Environments", look{}, `sum(max by (job, namespace, provider, organization) (reconcile_environments))`)
	b.stat("Rollout halted", look{red: 1}, `sum(max by (job, namespace, cluster) (reconcile_held_actions`+in(`reason="halted"`)+`))`)
	b.stat("First certificate ends", look{unit: "s", red: 14 * day, low: true, about: "Of clusters, of our credentials there, and of the page."},
		`min(reconcile_certificate_expiry_timestamp_seconds`+in("")+`) - time()`)
	b.stat("Fullest quota", look{unit: "percentunit", red: 0.9, about: "Empty where no namespace of a provider has a quota."},
		`max(reconcile_quota_used_ratio`+in("")+`)`)
	b.line("Providers")
	b.graph("Providers by status", look{}, query{`sum by (status) (max by (job, namespace, provider, cluster, status) (reconcile_provider_status` + in("") + `))`, "{{status}}"})
	b.table("In Error", look{about: "Empty while no provider is in Error."},
		`max by (job, namespace, provider, cluster) (reconcile_provider_status`+in(`status="Error"`)+`) == 1`)
	b.graph("Environments by provider", look{}, query{`sum by (provider) (max by (job, namespace, provider, organization) (reconcile_environments))`, "{{provider}}"})
	b.graph("Environments by organization", look{about: "Without a name: nobody knows whose they are."},
		query{`sum by (organization) (max by (job, namespace, provider, organization) (reconcile_environments))`, "{{organization}}"})
	b.line("Clusters")
	b.states("Cluster answers", look{}, query{`max by (job, namespace, cluster) (reconcile_cluster_reachable` + in("") + `)`, "{{cluster}}"})
	b.graph("Waiting, by reason", look{about: "Only reasons for which something waits now. Empty while nothing is held."},
		query{`sum by (reason) (max by (job, namespace, cluster, reason) (reconcile_held_actions` + in("") + `)) > 0`, "{{reason}}"})
	b.graph("Drift put back", look{about: "Fields and guards that were edited by hand and put back."},
		query{`sum by (cluster) (increase(reconcile_drift_corrected_total` + in("") + `[$__rate_interval]))`, "{{cluster}}"})
	b.table("Time until a certificate or token ends", look{unit: "s", red: 14 * day, low: true},
		`min by (job, namespace, cluster, of) (reconcile_certificate_expiry_timestamp_seconds`+in("")+`) - time()`)
	b.table("Fullest quotas", look{unit: "percentunit", red: 0.9, about: "Empty where no namespace of a provider has a quota."},
		`topk(20, max by (job, namespace, provider, cluster, resource) (reconcile_quota_used_ratio`+in("")+`))`)
	return b.dashboard
}

func provider() dashboard {
	one := choice("provider", "Provider", "label_values(reconcile_provider_info, provider)")
	one.IncludeAll, one.Multi, one.AllValue, one.Current = false, false, "", struct{}{}
	its := choice("cluster", "Cluster", `label_values(reconcile_provider_info{provider="$provider"}, cluster)`)
	its.Hide = 2
	b := newBoard("provider", "Provider", "One provider, and its cluster.", one, its)
	const of = `{provider="$provider"}`
	b.states("Status", look{}, query{`max by (job, namespace, status) (reconcile_provider_status` + of + `)`, "{{status}}"})
	b.table("Installed", look{}, `max by (job, namespace, cluster, chart, version) (reconcile_provider_info`+of+`)`)
	b.graph("Environments by organization", look{about: "Without a name: nobody knows whose they are."},
		query{`max by (job, namespace, organization) (reconcile_environments` + of + `)`, "{{organization}}"})
	b.graph("Quota used", look{unit: "percentunit", full: 1, about: "Empty where its namespaces have no quota."},
		query{`max by (job, namespace, resource) (reconcile_quota_used_ratio` + of + `)`, "{{resource}}"})
	b.graph("Version over time", look{}, query{`count by (version) (reconcile_provider_info` + of + `)`, "{{version}}"})
	b.line("Its cluster")
	b.states("Answers", look{}, query{`max by (job, namespace, cluster) (reconcile_cluster_reachable` + in("") + `)`, "{{cluster}}"})
	b.graph("Waiting, by reason", look{about: "Of all providers of the cluster. Empty while nothing is held there."},
		query{`max by (job, namespace, reason) (reconcile_held_actions` + in("") + `) > 0`, "{{reason}}"})
	b.graph("Actions", look{about: "Of all providers of the cluster, within the step of the graph."},
		query{`sum by (op, result) (increase(reconcile_actions_total` + in("") + `[$__rate_interval]))`, "{{op}} {{result}}"})
	b.graph("Drift put back", look{}, query{`sum(increase(reconcile_drift_corrected_total` + in("") + `[$__rate_interval]))`, "fields"})
	b.graph("Since everything was in place", look{unit: "s"},
		query{`time() - max by (job, namespace, cluster) (reconcile_last_success_timestamp_seconds` + in("") + `)`, "{{cluster}}"})
	return b.dashboard
}

func rollout() dashboard {
	b := newBoard("rollout", "Rollout", "How changes get on: what waits, what is in hand, how long it takes.", clusters())
	b.stat("Oldest commit not in place", look{unit: "s", red: 30 * minute}, `max(reconcile_unapplied_commit_age_seconds)`)
	b.stat("To do", look{}, `sum(max by (job, namespace, cluster, state) (reconcile_queue_actions`+in(`state="waiting"`)+`))`)
	b.stat("In hand", look{}, `sum(max by (job, namespace, cluster, state) (reconcile_queue_actions`+in(`state="working"`)+`))`)
	b.stat("Halted", look{red: 1}, `sum(max by (job, namespace, cluster) (reconcile_held_actions`+in(`reason="halted"`)+`))`)
	b.stat("Outside of a window", look{}, `sum(max by (job, namespace, cluster) (reconcile_held_actions`+in(`reason="window"`)+`))`)
	b.stat("Failed in an hour", look{red: 1}, `sum(increase(reconcile_actions_total`+in(`result="error"`)+`[1h]))`)
	b.line("Actions")
	b.graph("Queue", look{}, query{`sum by (cluster, state) (max by (job, namespace, cluster, state) (reconcile_queue_actions` + in("") + `))`, "{{cluster}} {{state}}"})
	b.graph("Oldest of the queue", look{unit: "s"}, query{`max by (job, namespace, cluster, state) (reconcile_queue_oldest_seconds` + in("") + `)`, "{{cluster}} {{state}}"})
	b.graph("Actions by op", look{}, query{`sum by (op) (increase(reconcile_actions_total` + in("") + `[$__rate_interval]))`, "{{op}}"})
	b.graph("Failures and retries", look{},
		query{`sum by (cluster) (increase(reconcile_actions_total` + in(`result="error"`) + `[$__rate_interval]))`, "{{cluster}} failed"},
		query{`sum by (cluster) (increase(reconcile_retries_total` + in("") + `[$__rate_interval]))`, "{{cluster}} again"})
	b.graph("Time of an action", look{unit: "s", about: "Empty while nothing is done."},
		query{quantile(0.5, "reconcile_action_duration_seconds", in(""), ""), "half of them"},
		query{quantile(0.95, "reconcile_action_duration_seconds", in(""), ""), "95 %"})
	b.graph("Time of a round of work", look{unit: "s", about: "Empty while nothing is done."},
		query{quantile(0.95, "reconcile_pass_duration_seconds", in(""), "cluster"), "{{cluster}} 95 %"})
	b.line("Commits and versions")
	b.graph("From commit to everything in place", look{unit: "s", about: "Empty while no commit comes."},
		query{quantile(0.5, "reconcile_merge_to_applied_seconds", "", ""), "half of them"},
		query{quantile(0.95, "reconcile_merge_to_applied_seconds", "", ""), "95 %"})
	b.graph("Age of the oldest commit not in place", look{unit: "s"}, query{`max(reconcile_unapplied_commit_age_seconds)`, "age"})
	b.graph("Providers by version", look{}, query{`count by (chart, version) (max by (job, namespace, provider, chart, version) (reconcile_provider_info` + in("") + `))`, "{{chart}} {{version}}"})
	b.graph("Waiting, by reason", look{about: "Empty while nothing is held."},
		query{`sum by (reason) (max by (job, namespace, cluster, reason) (reconcile_held_actions` + in("") + `)) > 0`, "{{reason}}"})
	b.states("Change of the access URL", look{about: "Which phase it is in, while there is one."}, query{`max by (job, namespace, phase) (reconcile_access_url_phase)`, "{{phase}}"})
	return b.dashboard
}

func pulls() dashboard {
	b := newBoard("pulls", "Pull requests", "How plans of pull requests get on, and what forges say and are told.")
	for _, stage := range []string{"planning", "planned", "failing", "unplanned"} {
		b.stat("Open, "+stage, look{}, `sum(max by (job, namespace) (reconcile_pull_requests{stage="`+stage+`"}))`)
	}
	b.stat("Plans in a day", look{}, `sum(max by (job, namespace) (sum by (job, namespace, instance) (increase(reconcile_pull_request_plans_total[1d]))))`)
	b.stat("Posts failed in an hour", look{red: 1}, `sum(increase(reconcile_status_posts_total{result="error"}[1h]))`)
	b.line("Plans")
	b.graph("Open pull requests", look{}, query{`max by (job, namespace, stage) (reconcile_pull_requests)`, "{{stage}}"})
	b.graph("Plans", look{about: "An error is told in place of a plan."},
		query{`max by (job, namespace, result) (increase(reconcile_pull_request_plans_total[$__rate_interval]))`, "{{result}}"})
	b.graph("Time to a plan", look{unit: "s", about: "Empty while no pull request is planned."},
		query{quantile(0.5, "reconcile_pull_request_plan_seconds", "", ""), "half of them"},
		query{quantile(0.95, "reconcile_pull_request_plan_seconds", "", ""), "95 %"})
	b.line("Forges")
	b.graph("Statuses and comments posted", look{},
		query{`sum by (forge, result) (increase(reconcile_status_posts_total[$__rate_interval]))`, "{{forge}} {{result}}"})
	b.graph("Webhooks", look{}, query{`sum by (forge, result) (increase(reconcile_webhooks_total[$__rate_interval]))`, "{{forge}} {{result}}"})
	b.graph("Looks at the repository", look{}, query{`sum by (result) (increase(reconcile_git_fetches_total[$__rate_interval]))`, "{{result}}"})
	return b.dashboard
}

func internals() dashboard {
	b := newBoard("internals", "Daemon", "The daemon itself: what it needs, and whom it cannot reach.", clusters())
	b.stat("Replicas", look{red: 1, low: true}, `count(reconcile_build_info)`)
	b.stat("Memory", look{unit: "bytes"}, `max(process_resident_memory_bytes and on (instance, job) reconcile_build_info)`)
	b.stat("CPU", look{unit: "percentunit", about: "Of one core."}, `max(rate(process_cpu_seconds_total[5m]) and on (instance, job) reconcile_build_info)`)
	b.stat("Looks at git failed in an hour", look{red: 1}, `sum(increase(reconcile_git_fetches_total{result="error"}[1h]))`)
	b.stat("Posts failed in an hour", look{red: 1}, `sum(increase(reconcile_status_posts_total{result="error"}[1h]))`)
	b.stat("Notifications failed in an hour", look{red: 1}, `sum(increase(reconcile_notifications_total{result="error"}[1h]))`)
	b.line("Process")
	b.table("What runs", look{}, `max by (job, namespace, instance, version, revision, goversion) (reconcile_build_info)`)
	b.graph("Up since", look{unit: "s"}, query{`time() - (process_start_time_seconds and on (instance, job) reconcile_build_info)`, "{{instance}}"})
	b.graph("Memory", look{unit: "bytes"}, query{`process_resident_memory_bytes and on (instance, job) reconcile_build_info`, "{{instance}}"})
	b.graph("CPU", look{unit: "percentunit"},
		query{`rate(process_cpu_seconds_total[$__rate_interval]) and on (instance, job) reconcile_build_info`, "{{instance}}"})
	b.graph("Goroutines", look{}, query{`go_goroutines and on (instance, job) reconcile_build_info`, "{{instance}}"})
	b.graph("Open files", look{}, query{`process_open_fds and on (instance, job) reconcile_build_info`, "{{instance}}"},
		query{`process_max_fds and on (instance, job) reconcile_build_info`, "{{instance}} at most"})
	b.line("Whom it talks to")
	b.graph("Looks at the repository", look{}, query{`sum by (instance, result) (increase(reconcile_git_fetches_total[$__rate_interval]))`, "{{instance}} {{result}}"})
	b.graph("Statuses and comments posted", look{},
		query{`sum by (forge, result) (increase(reconcile_status_posts_total[$__rate_interval]))`, "{{forge}} {{result}}"})
	b.graph("Notifications", look{}, query{`sum by (kind, result) (increase(reconcile_notifications_total[$__rate_interval]))`, "{{kind}} {{result}}"})
	b.graph("Webhooks", look{}, query{`sum by (forge, result) (increase(reconcile_webhooks_total[$__rate_interval]))`, "{{forge}} {{result}}"})
	b.graph("Since everything was in place", look{unit: "s"},
		query{`time() - max by (job, namespace, cluster) (reconcile_last_success_timestamp_seconds` + in("") + `)`, "{{cluster}}"})
	b.graph("Queue", look{}, query{`sum by (cluster, state) (reconcile_queue_actions` + in("") + `)`, "{{cluster}} {{state}}"})
	return b.dashboard
}
