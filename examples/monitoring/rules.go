package main

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ruleFile is a file for rule_files of Prometheus.
type ruleFile struct {
	Groups []group `yaml:"groups"`
}

type group struct {
	Name  string `yaml:"name"`
	Rules []rule `yaml:"rules"`
}

// rule is a recording rule or an alert.
type rule struct {
	Record      string            `yaml:"record,omitempty"`
	Alert       string            `yaml:"alert,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// How soon somebody should look.
const (
	critical = "critical" // now
	warning  = "warning"  // today
)

// runbooks is where people read what to do.
const runbooks = "https://github.com/workspace-providers/reconcile/blob/main/docs/runbooks.md#"

// alert makes an alert; its runbook is the heading of its name.
func alert(name, severity, wait, summary, description, expr string) rule {
	return rule{
		Alert: name, Expr: expr, For: wait, Labels: map[string]string{"severity": severity},
		Annotations: map[string]string{"summary": summary, "description": description, "runbook_url": runbooks + strings.ToLower(name)},
	}
}

// groups are all rules. It is a table.
func groups() []group {
	return []group{{"reconcile.rules", recordings()}, {"reconcile.alerts", slicesOf(aboutProviders(), aboutChanges(), aboutOthers())}}
}

func slicesOf(all ...[]rule) (out []rule) {
	for _, one := range all {
		out = append(out, one...)
	}
	return out
}

// recordings are what alerts and people ask for often, with the replicas taken together. Here and in alerts, deployments
// are told apart by the job, and by the namespace where there is one: what is well in one says nothing of another.
func recordings() []rule {
	return []rule{
		{Record: "provider_cluster_status:reconcile_provider_status:max", Expr: `max by (job, namespace, provider, cluster, status) (reconcile_provider_status)`},
		{Record: "status:reconcile_providers:count", Expr: `sum by (job, namespace, status) (provider_cluster_status:reconcile_provider_status:max)`},
		{Record: "cluster:reconcile_cluster_reachable:max", Expr: `max by (job, namespace, cluster) (reconcile_cluster_reachable)`},
		{Record: "cluster_reason:reconcile_held_actions:max", Expr: `max by (job, namespace, cluster, reason) (reconcile_held_actions)`},
		{Record: "cluster:reconcile_drift_corrected:increase10m", Expr: `sum by (job, namespace, cluster) (increase(reconcile_drift_corrected_total[10m]))`},
		{Record: "provider_organization:reconcile_environments:max", Expr: `max by (job, namespace, provider, organization) (reconcile_environments)`},
	}
}

func aboutProviders() []rule {
	return []rule{
		alert("ReconcileProviderError", critical, "5m", "Provider {{ $labels.cluster }}/{{ $labels.provider }} is in Error",
			"Its release failed, or what it installed is not healthy. Whoever works there may be affected; nobody new can rely on it.",
			`provider_cluster_status:reconcile_provider_status:max{status="Error"} == 1
  and on (job, namespace, cluster) cluster:reconcile_cluster_reachable:max == 1`),
		alert("ReconcileClusterUnreachable", critical, "5m", "Cluster {{ $labels.cluster }} does not answer the daemon",
			"What goes on there is not known, and nothing there is changed. Environments that run go on running, as far as the cluster itself does.",
			`cluster:reconcile_cluster_reachable:max == 0`),
		alert("ReconcileQuotaNearlyUsed", warning, "15m", "Provider {{ $labels.cluster }}/{{ $labels.provider }} has used nine tenths of its quota of {{ $labels.resource }}",
			"Soon no more environments will fit into its fullest namespace: they will be refused or stay pending.",
			`max by (job, namespace, provider, cluster, resource) (reconcile_quota_used_ratio) > 0.9`),
		alert("ReconcileDriftStorm", warning, "", "More than 20 fields were edited in cluster {{ $labels.cluster }} and put back, within ten minutes",
			"Somebody edited much of what the daemon keeps there, or a little again and again: mostly another controller or script that has other ideas.",
			`cluster:reconcile_drift_corrected:increase10m > 20`),
		alert("ReconcileEnvironmentsUnrecognised", warning, "15m", "Nobody knows whose some environments of provider {{ $labels.provider }} are",
			"As long as that is so, nothing that they might be below of is removed, and the step to enforcement is held.",
			`provider_organization:reconcile_environments:max{organization=""} > 0`),
	}
}

func aboutChanges() []rule {
	return []rule{
		alert("ReconcileCommitUnapplied", warning, "5m", "A merged commit is not in place after half an hour",
			"Something it changed waits, fails or has not been begun.", `max by (job, namespace) (reconcile_unapplied_commit_age_seconds) > 1800`),
		alert("ReconcileDeclarationsInvalid", warning, "5m", "The newest revision of the declarations is not in force",
			"It is not valid, not signed as declared, or does not descend from the one before. The newest valid one stays in force.",
			`min by (job, namespace) (reconcile_config_valid) == 0`),
		alert("ReconcileHold", warning, "30m", "Something in cluster {{ $labels.cluster }} waits for somebody: {{ $labels.reason }}",
			"Time alone does not end it: a person has to do something.",
			`cluster_reason:reconcile_held_actions:max{`+forPeople+`} > 0`),
		alert("ReconcileRolloutHalted", critical, "5m", "A rollout is halted before cluster {{ $labels.cluster }}",
			"A provider of an earlier wave failed or cannot be reached, and the rest of the change waits.",
			`cluster_reason:reconcile_held_actions:max{reason="halted"} > 0`),
		alert("ReconcileFrozen", warning, "2h", "Writes in cluster {{ $labels.cluster }} have been stopped for two hours",
			"Somebody stopped everything, a provider or deletions there, and may have forgotten it.",
			`max by (job, namespace, cluster) (reconcile_frozen) == 1`),
		alert("ReconcileAccessURLStuck", warning, "1d", "A change of the access URL does not get on: {{ $labels.phase }}",
			"It has been in this phase for a day.", `max by (job, namespace, phase) (reconcile_access_url_phase{phase!="retirable"}) == 1`),
	}
}

func aboutOthers() []rule {
	failing := func(metric, by, within string) string {
		sum := "sum by (job, namespace" + by + ") (increase(" + metric + `{result="%"}[` + within + "]))"
		return strings.Replace(sum, "%", "error", 1) + " > 0\n  unless " + strings.Replace(sum, "%", "ok", 1) + " > 0"
	}
	return []rule{
		alert("ReconcileDown", critical, "5m", "The daemon does not run, or is not scraped",
			"Nothing is applied, repaired or told. What was installed goes on running, and allowlists go on being enforced.",
			`count by (job, namespace) (last_over_time(reconcile_build_info[1d])) unless count by (job, namespace) (reconcile_build_info)
  or absent_over_time(reconcile_build_info[1d])`),
		alert("ReconcileGitFailing", warning, "5m", "The repository of the declarations cannot be read",
			"Every look at it has failed for ten minutes. What is in force stays in force; newer commits are not seen.",
			failing("reconcile_git_fetches_total", "", "10m")),
		alert("ReconcileForgeFailing", warning, "15m", "No commit status or comment reaches {{ $labels.forge }}",
			"Every post has failed for fifteen minutes. Changes are applied all the same; nobody sees that on the commit.",
			failing("reconcile_status_posts_total", ", forge", "15m")),
		alert("ReconcileNotificationsFailing", warning, "15m", "No notification reaches the receivers of kind {{ $labels.kind }}",
			"Every delivery has failed for fifteen minutes.", failing("reconcile_notifications_total", ", kind", "15m")),
		alert("ReconcileWebhooksRefused", warning, "15m", "Webhooks of {{ $labels.forge }} are refused",
			"Their signature does not fit the secret. The repository is still looked at in its interval.",
			`sum by (job, namespace, forge) (increase(reconcile_webhooks_total{result="refused"}[15m])) > 0
  unless sum by (job, namespace, forge) (increase(reconcile_webhooks_total{result="accepted"}[15m])) > 0`),
		alert("ReconcileCertificateExpiring", warning, "1h", "A certificate ends within two weeks: {{ $labels.of }}{{ with $labels.cluster }} of cluster {{ . }}{{ end }}",
			"When it has ended, the cluster cannot be reached any more, or nobody can open the page. Server: that of the cluster; client: that of our kubeconfig; page: that of the page.",
			`min by (job, namespace, cluster, of) (reconcile_certificate_expiry_timestamp_seconds{of!="token"}) - time() < 14 * 86400`),
		alert("ReconcileTokenExpiring", critical, "5m", "Our token in cluster {{ $labels.cluster }} ends within six hours",
			"When it has ended, the cluster cannot be reached any more.",
			`min by (job, namespace, cluster) (reconcile_certificate_expiry_timestamp_seconds{of="token"}) - time() < 6 * 3600`),
	}
}

// prometheusRule is the same for the Prometheus operator.
func prometheusRule() any {
	type meta struct {
		Name   string            `yaml:"name"`
		Labels map[string]string `yaml:"labels"`
	}
	return struct {
		APIVersion string   `yaml:"apiVersion"`
		Kind       string   `yaml:"kind"`
		Metadata   meta     `yaml:"metadata"`
		Spec       ruleFile `yaml:"spec"`
	}{"monitoring.coreos.com/v1", "PrometheusRule", meta{"reconcile", map[string]string{"app.kubernetes.io/name": "reconcile"}}, ruleFile{groups()}}
}

// inYAML is a document as a file that says where it comes from.
func inYAML(doc any) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# Made by examples/monitoring: edit its Go files, and make fix writes this.\n")
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	err := enc.Encode(doc)
	return b.Bytes(), err
}
