package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
	"github.com/workspace-providers/reconcile/status"
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

// receiver takes signed webhooks for notifications.
type receiver struct {
	*httptest.Server
	down atomic.Bool // answer 500

	mu   sync.Mutex // guards what follows
	said []string   // "begun eu/first is in Error"
}

// receiver starts one, and gives the daemon its address.
func (s *site) receiver(name string) *receiver {
	s.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		body, _ := io.ReadAll(in.Body) // what breaks off is no JSON
		var doc struct {
			Incidents []struct{ State, Title string }
		}
		if r.down.Load() || json.Unmarshal(body, &doc) != nil || in.Header.Get("Webhook-Signature") == "" {
			out.WriteHeader(http.StatusInternalServerError)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, i := range doc.Incidents {
			r.said = append(r.said, i.State+" "+i.Title)
		}
	}))
	s.Cleanup(r.Close)
	s.write(filepath.Join(s.creds, "notify", name), r.URL+"\n")
	s.write(filepath.Join(s.creds, "notify", name+".key"), "s3cr3t\n")
	return r
}

// heard is everything that it was told, a line each.
func (r *receiver) heard() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.said, "\n") + "\n"
}

// told waits until a receiver was told something, once.
func (s *site) told(r *receiver, line string) {
	s.Helper()
	s.await("it is told: "+line, func() (any, bool) { return r.heard(), strings.Contains(r.heard(), line) })
	if n := strings.Count(r.heard(), line); n != 1 {
		s.Errorf("it was told %d times %q:\n%s", n, line, r.heard())
	}
}

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
	return strings.NewReplacer("$__rate_interval", "15s", "$cluster", ".*", "$provider", "first").Replace(expr)
}

// edit edits many fields by hand.
func (s *site) edit() {
	s.Helper()
	data := map[string]string{}
	for i := range 30 {
		data[fmt.Sprintf("k%d", i)] = "edited"
	}
	patch, err := json.Marshal(map[string]any{"data": data})
	if err != nil {
		s.Fatal(err)
	}
	s.kubectl(eu, "patch", "configmap", "third", "--type", "merge", "--patch", string(patch))
}

// token gives the daemon a token for a cluster that ends in an hour.
func (s *site) token(cluster string) {
	s.Helper()
	s.kubectl(cluster, "create", "serviceaccount", "daemon")
	s.kubectl(cluster, "create", "clusterrolebinding", s.name, "--clusterrole", "cluster-admin", "--serviceaccount", s.name+":daemon")
	s.Cleanup(func() { s.kubectl(cluster, "delete", "clusterrolebinding", s.name) })
	token := strings.TrimSpace(s.kubectl(cluster, "create", "token", "daemon", "--duration", "1h"))
	path := filepath.Join(s.TempDir(), "kubeconfig")
	s.write(path, s.read(s.admin(cluster)))
	config := func(args ...string) {
		kubetest.Output(s, "kubectl", append([]string{"--kubeconfig", path, "config"}, args...)...)
	}
	current := strings.TrimSpace(kubetest.Output(s, "kubectl", "--kubeconfig", path, "config", "current-context"))
	config("set-credentials", "token", "--token", token)
	config("set-context", current, "--user", "token")
	s.credential(cluster, s.read(path))
}

func (s *site) rename(from, to string) {
	s.Helper()
	if err := os.Rename(from, to); err != nil {
		s.Fatal(err)
	}
}

// move declares another access URL.
func (w *watchedSite) move(url, more string) {
	w.Helper()
	w.files["deployment.cue"] = regexp.MustCompile(`accessURL: "[^"]*"`).ReplaceAllString(w.files["deployment.cue"], `accessURL: "`+url+`"`)
	w.change(more, "{}", `{values: greeting: "two"}`)
}

// An incident is told once and so is its end, by a real daemon, also when it is started again meanwhile.
func TestIncidentsAreToldOnce(t *testing.T) {
	s := newSite(t, eu)
	s.write(filepath.Join(s.creds, "hub.kubeconfig"), s.read(s.admin(eu))) // each daemon has a cache of its own
	r := s.receiver("ops")
	declare := func(frankfurt string) string {
		s.declare("a.cue", `deployment: notify: ops: kind: "webhook"
providers: frankfurt: {cluster: "eu"} & `+frankfurt)
		return s.push()
	}
	sha := declare("{}")
	d := s.daemon()
	d.ready(sha, "frankfurt")
	declare(neverReady)
	s.told(r, "begun eu/frankfurt is in Error")
	d.stop()
	d = s.daemon()
	d.until("it is seen again", func(doc status.StatusDoc) bool { return provider(doc, "frankfurt").Status == status.Error })
	s.want(exitOK, "freeze", "--repo", s.bare, "--cluster", eu, "--deletes", "--reason", "incident 42", "--for", "1h")
	s.told(r, "begun cluster eu: deletions frozen until ")
	time.Sleep(15 * time.Second) // in which it would be told again
	s.told(r, "begun eu/frankfurt is in Error")
	s.want(exitOK, "thaw", "--repo", s.bare, "--cluster", eu, "--deletes")
	declare("{}")
	s.told(r, "ended eu/frankfurt is well again")
	s.told(r, "ended cluster eu: deletions not frozen any more")
	if strings.Contains(d.log.String(), "s3cr3t") || strings.Contains(d.log.String(), r.URL) {
		t.Error("the log has the receiver's address or key")
	}
	if _, metrics := d.get("/metrics"); !strings.Contains(metrics, `reconcile_notifications_total{kind="webhook",result="ok"}`) {
		t.Error("notifications are not counted")
	}
}
