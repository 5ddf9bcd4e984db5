package main

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// wideChart is a chart with many fields that somebody can edit.
const wideChart = `apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {
{{- range until 30 }}
  k{{ . }}: "declared",
{{- end }}
}
`

// watchedSite is a site with three providers in two waves, an organization, a receiver of notifications, and what watches it.
type watchedSite struct {
	*site
	d    *daemon
	prom *prom
	hook *receiver
	addr string
	cut  *proxy // between the daemon and cluster eu
}

func newWatchedSite(t *testing.T) *watchedSite {
	s := newSite(t, eu, us)
	s.files["charts/wide/Chart.yaml"] = "apiVersion: v2\nname: wide\nversion: 1.0.0\n"
	s.files["charts/wide/templates/all.yaml"] = wideChart
	s.write(filepath.Join(s.creds, "webhooks", "github"), "blue\n")
	s.write(filepath.Join(s.creds, "forge", "token"), "t0ken\n")
	w := &watchedSite{site: s, hook: s.receiver("ops"), addr: s.freePort(), cut: s.through(eu)}
	w.prom = s.prometheus(w.addr)
	w.change("", "{}", "{}")
	w.d = w.start()
	return w
}

func (w *watchedSite) start() *daemon {
	w.Helper()
	return w.daemon("--listen", w.addr, "--check-interval", "20s")
}

// change declares how the deployment and the first two providers are, and pushes that.
func (w *watchedSite) change(deployment, first, second string) string {
	w.Helper()
	w.declare("a.cue", `deployment: notify: ops: kind: "webhook"
deployment: {`+deployment+`}
providers: {
	first:  {cluster: "eu"} & `+first+`
	second: {cluster: "us", wave: 1} & `+second+`
	third:  {cluster: "eu", chart: path: "charts/wide"}
}
organizations: red: {}
allowlists: first: red: true`)
	return w.push()
}

// well waits until everything is in place.
func (w *watchedSite) well(sha string) { w.Helper(); w.d.ready(sha, "first", "second", "third") }

// Every query of every panel and rule returns data from a real daemon, or says when it does not; every alert that can be
// provoked fires, and clears when that is over.
func TestARealPrometheusSeesEverything(t *testing.T) {
	w := newWatchedSite(t)
	s, p := w.site, w.prom
	w.well(w.change("", "{}", "{}"))
	p.quiet("the start")
	p.queriesReturnData()

	const dead = `statuses: {forge: "gitea", url: "http://127.0.0.1:9", repository: "a/b"}`
	s.helm(us, "install", "fourth", filepath.Join(s.clone, "charts", "small"))
	s.declare("fourth.cue", `providers: fourth: cluster: "us"`)
	w.hook.down.Store(true)
	w.change(dead, neverReady, `{values: greeting: "two"}`)
	s.kubectl(eu, "create", "quota", "q", "--hard=count/deployments.apps=1")
	s.kubectl(eu, "run", "nobody", "--image=pause", "--labels=com.coder.resource=true,com.coder.workspace.id=one")
	s.token(us)
	w.d.hook("{}", "wrong", http.StatusUnauthorized)
	p.fire("ReconcileProviderError", "ReconcileRolloutHalted", "ReconcileCommitUnapplied", "ReconcileHold", "ReconcileForgeFailing",
		"ReconcileNotificationsFailing", "ReconcileQuotaNearlyUsed", "ReconcileEnvironmentsUnrecognised", "ReconcileWebhooksRefused",
		"ReconcileTokenExpiring")
	w.hook.down.Store(false)
	s.admit(us)
	s.kubectl(eu, "delete", "quota/q", "pod/nobody", "--now")
	s.helm(us, "uninstall", "fourth")
	w.well(w.change("", "{}", `{values: greeting: "two"}`))
	p.quiet("all is mended")

	s.certificate(us)
	p.fire("ReconcileCertificateExpiring")
	s.admit(us)
	s.edit()
	s.want(exitOK, "freeze", "--repo", s.bare, "--cluster", us, "--reason", "incident 42", "--for", "1h")
	p.fire("ReconcileDriftStorm", "ReconcileFrozen")
	s.want(exitOK, "thaw", "--repo", s.bare, "--cluster", us)
	w.move("https://new.example.invalid", `previousAccessURL: "https://coder.example.com"`)
	p.fire("ReconcileAccessURLStuck")
	w.move("https://coder.example.com", "")
	p.quiet("it is thawed, and the access URL as it was")

	w.change("nothing: true", "{}", "{}")
	p.fire("ReconcileDeclarationsInvalid")
	w.well(w.change("", "{}", `{values: greeting: "two"}`))
	w.cut.cut()
	s.rename(s.bare, s.bare+".gone")
	p.fire("ReconcileClusterUnreachable", "ReconcileGitFailing")
	w.cut.restore()
	s.rename(s.bare+".gone", s.bare)
	p.quiet("everything can be reached")

	w.d.stop()
	p.fire("ReconcileDown")
	w.d = w.start()
	p.quiet("it runs again")
	p.allFired()
}

// queriesReturnData asks every query of every panel and recording rule. What may return nothing says so itself.
func (p *prom) queriesReturnData() {
	p.Helper()
	empty := map[string]string{}
	ask := func(where, expr, about string) {
		if p.size(filled(expr)) > 0 {
			return
		}
		if !strings.Contains(about, "Empty") {
			empty[where] = expr
		}
	}
	p.await("every query returns data", func() (any, bool) {
		clear(empty)
		for title, panels := range p.dashboards() {
			for _, panel := range panels {
				for _, q := range panel.Targets {
					ask(title+": "+panel.Title, q.Expr, panel.Description)
				}
			}
		}
		for _, found := range regexp.MustCompile(`record: (\S+)`).FindAllStringSubmatch(p.read(filepath.Join(monitoring, "rules", "reconcile.yml")), -1) {
			ask("rules", found[1], "")
		}
		return empty, len(empty) == 0
	})
}

// shownPanel is what of a panel matters here.
type shownPanel struct {
	Title, Description string
	Targets            []struct{ Expr string }
}

// dashboards are the panels of each dashboard that is checked in, by its title.
func (p *prom) dashboards() map[string][]shownPanel {
	p.Helper()
	files, err := filepath.Glob(filepath.Join(monitoring, "dashboards", "*.json"))
	if err != nil || len(files) == 0 {
		p.Fatal(files, err)
	}
	out := map[string][]shownPanel{}
	for _, file := range files {
		var doc struct {
			Title  string
			Panels []shownPanel
		}
		if err := json.Unmarshal([]byte(p.read(file)), &doc); err != nil {
			p.Fatalf("%s: %v", file, err)
		}
		out[doc.Title] = doc.Panels
	}
	return out
}

// filled is a query as Grafana would ask it.
func filled(expr string) string {
	return strings.NewReplacer("$__rate_interval", "15s", "$job", ".*", "$cluster", ".*", "$provider", "first").Replace(expr)
}

// move declares another access URL.
func (w *watchedSite) move(url, more string) {
	w.Helper()
	w.files["deployment.cue"] = regexp.MustCompile(`accessURL: "[^"]*"`).ReplaceAllString(w.files["deployment.cue"], `accessURL: "`+url+`"`)
	w.change(more, "{}", `{values: greeting: "two"}`)
}
