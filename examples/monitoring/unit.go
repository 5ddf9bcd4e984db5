package main

import (
	"maps"
	"slices"
	"strings"
	"text/template"
)

// testFile is a file for promtool test rules.
type testFile struct {
	RuleFiles          []string   `yaml:"rule_files"`
	EvaluationInterval string     `yaml:"evaluation_interval"`
	GroupEvalOrder     []string   `yaml:"group_eval_order"`
	Tests              []unitTest `yaml:"tests"`
}

type unitTest struct {
	Name        string      `yaml:"name"`
	Interval    string      `yaml:"interval"`
	InputSeries []input     `yaml:"input_series"`
	AlertRule   []alertTest `yaml:"alert_rule_test"`
}

type input struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type alertTest struct {
	EvalTime  string     `yaml:"eval_time"`
	Alertname string     `yaml:"alertname"`
	Alerts    []expected `yaml:"exp_alerts"`
}

type expected struct {
	Labels      map[string]string `yaml:"exp_labels"`
	Annotations map[string]string `yaml:"exp_annotations"`
}

// trial provokes one alert: series, a value a minute; when it is not firing yet, when it fires, and when it does not
// any more.
type trial struct {
	alert             string
	labels            map[string]string
	inputs            []input
	early, fires, off string
}

// trials are one for each alert, with what must not set it off beside it. They are a table.
func trials() []trial { return slices.Concat(ofProviders(), ofChanges(), ofDaemons(), ofOthers()) }

// labels are names and values, one after the other.
func labels(pairs ...string) map[string]string {
	out := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

// one is a single series.
func one(series, values string) []input { return []input{{series, values}} }

// ofProviders are about providers, and the clusters they are in.
func ofProviders() []trial {
	return []trial{
		{"ReconcileProviderError", labels("provider", "frankfurt", "cluster", "eu", "status", "Error"), []input{
			{`reconcile_cluster_reachable{cluster="eu"}`, "1x5000"}, {`reconcile_provider_status{provider="frankfurt",cluster="eu",status="Error",instance="a"}`, "0 1x10 0x30"},
			{`reconcile_provider_status{provider="frankfurt",cluster="eu",status="Error",instance="b"}`, "0 1x10 0x30"},
			{`reconcile_provider_status{provider="munich",cluster="us",status="Error"}`, "1x40"}, // of a cluster that does not answer
			{`reconcile_cluster_reachable{cluster="us"}`, "0x40"},
		}, "5m", "7m", "14m"},
		{"ReconcileClusterUnreachable", labels("cluster", "eu"), one(`reconcile_cluster_reachable{cluster="eu"}`, "1 0x10 1x30"), "5m", "7m", "14m"},
		{"ReconcileQuotaNearlyUsed", labels("provider", "frankfurt", "cluster", "eu", "resource", "pods"), []input{
			{`reconcile_quota_used_ratio{provider="frankfurt",cluster="eu",resource="pods"}`, "0.95x30 0.5x30"},
			{`reconcile_quota_used_ratio{provider="munich",cluster="eu",resource="pods"}`, "0.85x60"},
		}, "14m", "16m", "32m"},
		{"ReconcileDriftStorm", labels("cluster", "eu"), []input{
			{`reconcile_drift_corrected_total{cluster="eu"}`, "0x5 3+3x10 33x40"}, {`reconcile_drift_corrected_total{cluster="us"}`, "0+1x60"},
		}, "6m", "16m", "40m"},
		{"ReconcileEnvironmentsUnrecognised", labels("provider", "frankfurt", "organization", ""), one(
			`reconcile_environments{provider="frankfurt",organization=""}`, "2x20 _x30"), "10m", "16m", "40m"},
	}
}

// ofChanges are about what is declared, and how it goes out.
func ofChanges() []trial {
	return []trial{
		{"ReconcileCommitUnapplied", labels(), one(`reconcile_unapplied_commit_age_seconds`, "0+60x50 0x30"), "30m", "40m", "55m"},
		{"ReconcileDeclarationsInvalid", labels(), one(`reconcile_config_valid`, "1 0x10 1x30"), "5m", "7m", "14m"},
		{"ReconcileHold", labels("cluster", "eu", "reason", "not ours"), []input{
			{`reconcile_held_actions{cluster="eu",reason="not ours"}`, "0 1x40 0x30"},
			{`reconcile_held_actions{cluster="eu",reason="suspended"}`, "1x90"}, {`reconcile_held_actions{cluster="eu",reason="halted"}`, "1x90"},
		}, "30m", "32m", "45m"},
		{"ReconcileRolloutHalted", labels("cluster", "eu", "reason", "halted"), one(
			`reconcile_held_actions{cluster="eu",reason="halted"}`, "0 2x10 0x30"), "5m", "7m", "14m"},
		{"ReconcileFrozen", labels("cluster", "eu"), one(`reconcile_frozen{cluster="eu"}`, "0 1x150 0x30"), "120m", "122m", "155m"},
		{"ReconcileAccessURLStuck", labels("phase", "switching"), []input{
			{`reconcile_access_url_phase{phase="switching"}`, "1x1500 0x60"}, {`reconcile_access_url_phase{phase="retirable"}`, "1x1600"},
		}, "1400m", "1441m", "1505m"},
	}
}

// ofDaemons are about the daemon itself, and about two of which one Prometheus knows: they have names in common.
func ofDaemons() []trial {
	return []trial{
		{"ReconcileDown", labels(), one(`reconcile_build_info`, "1x5 _x20 1x20"), "14m", "18m", "35m"},
		{"ReconcileDown", labels("job", "acme", "namespace", "reconcile"), []input{ // and another goes on
			{`reconcile_build_info{job="acme",namespace="reconcile"}`, "1x5 _x20 1x20"}, {`reconcile_build_info{job="other",namespace="reconcile"}`, "1x60"},
		}, "14m", "18m", "35m"},
		{"ReconcileProviderError", labels("job", "acme", "provider", "frankfurt", "cluster", "eu", "status", "Error"), []input{ // both have an eu
			{`reconcile_cluster_reachable{job="acme",cluster="eu"}`, "1x60"}, {`reconcile_cluster_reachable{job="other",cluster="eu"}`, "0x60"},
			{`reconcile_provider_status{job="acme",provider="frankfurt",cluster="eu",status="Error"}`, "0 1x10 0x30"},
			{`reconcile_provider_status{job="other",provider="frankfurt",cluster="eu",status="Error"}`, "1x60"},
		}, "5m", "7m", "14m"},
		{"ReconcileGitFailing", labels("job", "acme"), []input{ // and the other's repository can be read
			{`reconcile_git_fetches_total{job="acme",result="error"}`, "0x5 1+1x30 31x60"}, {`reconcile_git_fetches_total{job="acme",result="ok"}`, "0+1x5 5x30 6+1x60"},
			{`reconcile_git_fetches_total{job="other",result="ok"}`, "0+1x120"},
		}, "8m", "22m", "50m"},
		{"ReconcileDeclarationsInvalid", labels("job", "acme"), []input{
			{`reconcile_config_valid{job="acme"}`, "1 0x10 1x30"}, {`reconcile_config_valid{job="other"}`, "1x60"},
		}, "5m", "7m", "14m"},
	}
}

// ofOthers are about what the daemon needs of others.
func ofOthers() []trial {
	return []trial{
		{"ReconcileGitFailing", labels(), []input{
			{`reconcile_git_fetches_total{result="error"}`, "0x5 1+1x30 31x60"}, {`reconcile_git_fetches_total{result="ok"}`, "0+1x5 5x30 6+1x60"},
		}, "8m", "22m", "50m"},
		{"ReconcileForgeFailing", labels("forge", "github"), []input{
			{`reconcile_status_posts_total{forge="github",result="error"}`, "0x5 1+1x60 61x60"},
			{`reconcile_status_posts_total{forge="github",result="ok"}`, "0+1x5 5x60 6+1x60"},
			{`reconcile_status_posts_total{forge="gitlab",result="error"}`, "0+1x120"}, {`reconcile_status_posts_total{forge="gitlab",result="ok"}`, "0+1x120"},
		}, "20m", "40m", "100m"},
		{"ReconcileNotificationsFailing", labels("kind", "slack"), []input{
			{`reconcile_notifications_total{kind="slack",result="error"}`, "0x5 1+1x60 61x60"},
			{`reconcile_notifications_total{kind="slack",result="ok"}`, "0+1x5 5x60 6+1x60"},
		}, "20m", "40m", "100m"},
		{"ReconcileWebhooksRefused", labels("forge", "github"), []input{
			{`reconcile_webhooks_total{forge="github",result="refused"}`, "0x5 1+1x60 61x60"},
			{`reconcile_webhooks_total{forge="github",result="accepted"}`, "0x66 1+1x60"},
		}, "15m", "30m", "100m"},
		{"ReconcileCertificateExpiring", labels("cluster", "eu", "of", "client"), []input{
			{`reconcile_certificate_expiry_timestamp_seconds{cluster="eu",of="client"}`, "1213200x180 9000000x60"}, // in two weeks and an hour
			{`reconcile_certificate_expiry_timestamp_seconds{cluster="eu",of="server"}`, "9000000x200"},
		}, "110m", "125m", "190m"},
		{"ReconcileCertificateExpiring", labels("of", "page"), one(
			`reconcile_certificate_expiry_timestamp_seconds{of="page"}`, "1213200x180 9000000x60"), "110m", "125m", "190m"},
		{"ReconcileTokenExpiring", labels("cluster", "eu"), one(
			`reconcile_certificate_expiry_timestamp_seconds{cluster="eu",of="token"}`, "21660x60 9000000x60"), "3m", "9m", "70m"},
	}
}

// unitTests are the trials for promtool.
func unitTests() testFile {
	out := testFile{RuleFiles: []string{"reconcile.yml"}, EvaluationInterval: "1m"}
	rules := map[string]rule{}
	for _, g := range groups() {
		out.GroupEvalOrder = append(out.GroupEvalOrder, g.Name)
		for _, r := range g.Rules {
			rules[r.Alert] = r
		}
	}
	for _, t := range trials() {
		at := func(when string, firing bool) alertTest {
			one := alertTest{EvalTime: when, Alertname: t.alert, Alerts: []expected{}}
			if firing {
				one.Alerts = append(one.Alerts, expects(rules[t.alert], t.labels))
			}
			return one
		}
		out.Tests = append(out.Tests, unitTest{
			Name: t.alert, Interval: "1m", InputSeries: t.inputs,
			AlertRule: []alertTest{at(t.early, false), at(t.fires, true), at(t.off, false)},
		})
	}
	return out
}

// expects is an alert as it fires.
func expects(r rule, labels map[string]string) expected {
	e := expected{Labels: maps.Clone(r.Labels), Annotations: map[string]string{}}
	for name, value := range labels {
		if value != "" {
			e.Labels[name] = value
		}
	}
	for name, text := range r.Annotations {
		var b strings.Builder
		if err := template.Must(template.New(name).Parse("{{ $labels := . }}"+text)).Execute(&b, labels); err != nil {
			panic(err) // it is written in this directory
		}
		e.Annotations[name] = b.String()
	}
	return e
}
