package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status"
)

// Over HTTP the daemon says the same as on the command line, in the shapes that are promised.
func TestWhatIsServed(t *testing.T) {
	s := newSite(t, eu)
	s.declare("a.cue", `providers: {
	frankfurt: {cluster: "eu", cordon: reason: "full"}
	munich: {cluster: "eu", suspend: reason: "moving"}
}
organizations: sales: displayName: "Sales"
allowlists: frankfurt: sales: true`)
	sha := s.push()
	d := s.daemon()
	d.until("frankfurt is Ready", func(doc status.StatusDoc) bool {
		return doc.Revision.SHA == sha && provider(doc, "frankfurt").Status == status.Ready
	})
	for path, want := range map[string]string{"/readyz": "ready\n", "/healthz": "ok\n"} {
		if code, body := d.get(path); code != http.StatusOK || body != want {
			t.Errorf("%s: %d %q, want %q", path, code, body, want)
		}
	}
	if code, _ := d.get("/no/such/page"); code != http.StatusNotFound {
		t.Errorf("a page that is not there: %d", code)
	}
	_, body := d.get("/api/v1/status")
	var doc status.StatusDoc
	dec := json.NewDecoder(strings.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		t.Errorf("status: %v\n%s", err, body)
	}
	if h := held(doc, "munich"); h.Reason != reconcile.Suspended || h.Class != reconcile.Declared || h.Would != reconcile.OpCreate {
		t.Errorf("munich: %+v", h)
	}
	if p := provider(doc, "frankfurt"); p.Cordoned != "full" || !cmp.Equal(p.Organizations, []string{"sales"}) {
		t.Errorf("frankfurt: %+v", p)
	}
	s.samePlan(d)
	s.measured(d)
}

// samePlan wants the served plan to be what --dry-run prints.
func (s *site) samePlan(d *daemon) {
	s.Helper()
	_, served := d.get("/api/v1/plan")
	if printed := s.want(exitOK, "--dry-run", "-o", "json", "--repo", s.bare).out; printed != served {
		s.Errorf("-printed +served:\n%s", cmp.Diff(printed, served))
	}
}

// measured wants the metrics to be readable, to be named as promised, and to be right.
func (s *site) measured(d *daemon) {
	s.Helper()
	var body string
	const made = `reconcile_actions_total{cluster="eu",op="create",reason="absent",result="ok"} 5` // a release, two guards, two places
	s.await(made, func() (any, bool) {
		_, body = d.get("/metrics")
		return grep(body, "reconcile_actions_total"), strings.Contains(body, "\n"+made+"\n")
	})
	if problems, err := promlint.New(strings.NewReader(body)).Lint(); err != nil || len(problems) > 0 {
		s.Errorf("metrics: %v %v", err, problems)
	}
	for _, name := range []string{
		"provider_status", "provider_info", "actions_total", "held_actions", "cluster_reachable", "pass_duration_seconds",
		"drift_corrected_total", "unapplied_commit_age_seconds", "merge_to_applied_seconds", "git_fetches_total",
		"status_posts_total", "config_valid", "environments", "frozen", "last_success_timestamp_seconds", "build_info",
	} {
		if !strings.Contains(body, "\n# TYPE reconcile_"+name+" ") {
			s.Errorf("there is no reconcile_%s", name)
		}
	}
	for _, want := range []string{
		`reconcile_provider_status{cluster="eu",provider="frankfurt",status="Ready"} 1`,
		`reconcile_provider_status{cluster="eu",provider="munich",status="Pending"} 1`,
		`reconcile_held_actions{cluster="eu",reason="suspended"} 2`,
		`reconcile_config_valid 1`,
	} {
		if !strings.Contains(body, "\n"+want+"\n") {
			name, _, _ := strings.Cut(want, "{")
			s.Errorf("there is no %s in\n%s", want, grep(body, name))
		}
	}
}

// Metrics and probes can be served elsewhere, and nothing is served to strangers.
func TestWhereItIsServed(t *testing.T) {
	s := newSite(t, eu)
	s.push()
	d := s.daemon("--metrics-listen", "localhost:0")
	d.until("it serves", func(doc status.StatusDoc) bool { return doc.Revision.SHA != "" })
	pages, probes := 0, 0
	for _, address := range strings.Split(d.log.String(), "msg=listening address=")[1:] {
		address, _, _ = strings.Cut(address, "\n")
		d.url = "http://" + address
		if code, _ := d.get("/api/v1/status"); code == http.StatusOK {
			pages++
		}
		if code, _ := d.get("/metrics"); code == http.StatusOK {
			probes++
		}
	}
	if pages != 1 || probes != 1 {
		t.Errorf("%d addresses serve pages and %d serve metrics, want one each", pages, probes)
	}
	if got := s.want(exitError, "--repo", s.bare, "--listen", "0.0.0.0:0"); !strings.Contains(got.err, "--behind-proxy") {
		t.Errorf("it says %s", got.err)
	}
}

// Profiles are served where somebody asks for them, on this machine alone, and not to those behind a proxy either.
func TestProfiles(t *testing.T) {
	s := newSite(t, eu)
	s.push()
	d := s.daemon()
	if code, _ := d.get("/debug/pprof/goroutine"); code != http.StatusNotFound {
		t.Errorf("nobody asked for profiles: %d", code)
	}
	d.stop()
	d = s.daemon("--debug-listen", "127.0.0.1:0")
	profiles := 0
	s.await("it listens twice", func() (any, bool) { return d.log, strings.Count(d.log.String(), "msg=listening") == 2 })
	for _, address := range strings.Split(d.log.String(), "msg=listening address=")[1:] {
		address, _, _ = strings.Cut(address, "\n")
		d.url = "http://" + address
		code, body := d.get("/debug/pprof/goroutine?debug=1")
		if code == http.StatusOK && strings.HasPrefix(body, "goroutine profile: total") {
			profiles++
		}
		if code, _ := d.get("/api/v1/status"); code == http.StatusOK && profiles > 0 {
			t.Error("the pages have profiles, or the profiles have pages")
		}
	}
	if profiles != 1 {
		t.Errorf("%d addresses serve profiles, want one", profiles)
	}
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0"} {
		got := s.want(exitError, "--repo", s.bare, "--listen", "", "--behind-proxy", "--debug-listen", address)
		if !strings.Contains(got.err, "who is on this machine alone") {
			t.Errorf("%s: it says %s", address, got.err)
		}
	}
}
