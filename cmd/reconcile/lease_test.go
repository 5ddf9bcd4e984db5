package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
	"github.com/workspace-providers/reconcile/status"
)

// Of two daemons one acts and the other waits, and takes over when the first ends, in whatever way.
func TestTwoDaemons(t *testing.T) {
	s := newSite(t, eu)
	s.declare("a.cue", `providers: frankfurt: cluster: "eu"`)
	sha := s.push()
	first := s.daemon()
	first.ready(sha, "frankfurt")
	second := s.daemon()
	doc := second.until("the second sees it Ready, and waits", func(doc status.StatusDoc) bool {
		return provider(doc, "frankfurt").Status == status.Ready && doc.Clusters[0].Holder != ""
	})
	if c := doc.Clusters[0]; c.Held || c.Holder != first.status().Clusters[0].Holder {
		t.Errorf("the second daemon holds %v, names %q as holder", c.Held, c.Holder)
	}
	first.stop()
	change := func(limit string) string {
		s.declare("a.cue", `providers: frankfurt: {cluster: "eu", values: limit: `+limit+`}`)
		return s.push()
	}
	second.ready(change("2"), "frankfurt")
	third := s.daemon()
	third.until("the third waits", func(doc status.StatusDoc) bool { return provider(doc, "frankfurt").Status == status.Ready })
	second.kill()
	third.ready(change("3"), "frankfurt")
	if got := revisionOf(s, "frankfurt"); got != 3 {
		t.Errorf("revision %d, want 3", got)
	}
}

// request is a line of a cluster's audit log.
type request struct {
	Verb       string
	Stage      string
	RequestURI string
	At         time.Time `json:"requestReceivedTimestamp"`
	User       struct{ Username string }

	ResponseStatus struct{ Code int }
}

// writes says whether the request changed something, or tried to. A review asks a question.
func (r request) writes() bool {
	return !strings.HasSuffix(r.RequestURI, "reviews") && !slices.Contains([]string{"get", "list", "watch"}, r.Verb) && !strings.Contains(r.RequestURI, "dryRun=All")
}

// requests are what a user asked of a cluster so far.
func (s *site) requests(cluster, user string) []request {
	s.Helper()
	log, err := os.Open(filepath.Join(kubetest.Dir(s), ".localkube", cluster, "audit.log"))
	if err != nil {
		s.Fatal(err)
	}
	defer log.Close()
	var out []request
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r request
		if strings.Contains(lines.Text(), user) && json.Unmarshal(lines.Bytes(), &r) == nil && r.User.Username == user {
			out = append(out, r)
		}
	}
	return out
}

// user is a new user of a cluster who may do everything there. What he asks for is told from what others do.
func (s *site) user(cluster, name string) (user, kubeconfig string) {
	s.Helper()
	user = s.name + "-" + name
	path := kubetest.Output(s, "localkube", "user", cluster, user, "--group", "system:masters", "--clusters", kubetest.Dir(s))
	return user, s.read(strings.TrimSpace(path))
}

// A daemon that is told to change nothing plans, reports and serves, and writes nothing.
func TestReadOnly(t *testing.T) {
	s := newSite(t, eu)
	s.declare("a.cue", `providers: {drifted: cluster: "eu", changed: cluster: "eu"}`)
	s.push()
	s.want(exitOK, "--once", "--repo", s.bare)
	s.kubectl(eu, "scale", "deployment/drifted", "--replicas=3")
	s.declare("b.cue", `providers: {changed: values: limit: 2, new: cluster: "eu"}`)
	sha := s.push()
	user, kubeconfig := s.user(eu, "reader")
	s.credential(eu, kubeconfig)
	d := s.daemon("--read-only")
	doc := d.until("it shows what it would do", func(doc status.StatusDoc) bool {
		return doc.Revision.SHA == sha && doc.Summary.Create == 1 && doc.Summary.Update == 1 && doc.Summary.Repair == 1
	})
	if c := doc.Clusters[0]; c.Held {
		t.Errorf("it holds the Lease: %+v", c)
	}
	code, plan := d.get("/api/v1/plan")
	if code != 200 || !strings.Contains(plan, `"op": "repair"`) {
		t.Errorf("/api/v1/plan: %d %s", code, plan)
	}
	d.stop()
	all := s.requests(eu, user)
	if len(all) == 0 {
		t.Error("the audit log shows no request at all")
	}
	for _, r := range all {
		if r.writes() {
			t.Errorf("it wrote: %s %s", r.Verb, r.RequestURI)
		}
	}
	if note := s.note(sha); note != "" {
		t.Errorf("it wrote a note: %s", note)
	}
}

// A daemon that hangs in the middle of its work until its Lease is somebody else's writes nothing when it
// comes to itself.
func TestAHangingDaemonIsFenced(t *testing.T) {
	s := newSite(t, eu)
	s.declare("a.cue", `providers: frankfurt: {cluster: "eu", chart: path: "charts/hooked", values: after: "3s"}`)
	s.push()
	sleeper, kubeconfig := s.user(eu, "sleeper")
	s.credential(eu, kubeconfig)
	first := s.daemon()
	api := s.api(eu)
	s.await("work is begun", func() (any, bool) {
		pending := len(s.revisions(api, "status=pending-install"))
		return pending, pending == 1
	})
	first.signal(syscall.SIGSTOP)
	defer func() { _ = first.cmd.Process.Signal(syscall.SIGCONT) }() // it may have ended

	s.admit(eu)
	s.declare("a.cue", `providers: frankfurt: {cluster: "eu", chart: path: "charts/hooked", values: greeting: "second"}`)
	sha := s.push()
	second := s.daemon()
	second.ready(sha, "frankfurt")
	woken := time.Now()
	first.signal(syscall.SIGCONT)
	first.until("the first knows that it does not act any more", func(doc status.StatusDoc) bool {
		return doc.Revision.SHA == sha && doc.Clusters[0].Looked && !doc.Clusters[0].Held
	})
	first.stop()
	for _, r := range s.requests(eu, sleeper) {
		if r.writes() && r.At.After(woken) && r.ResponseStatus.Code < 300 {
			t.Errorf("it wrote after it lost the Lease: %s %s", r.Verb, r.RequestURI)
		}
	}
	doc := second.ready(sha, "frankfurt")
	if !doc.Clusters[0].Held {
		t.Error("the second lost the Lease")
	}
	s.sane(api, doc, 5)
	if got := s.kubectl(eu, "get", "configmap", "frankfurt", "-o", "jsonpath={.data.greeting}"); got != "second" {
		t.Errorf("greeting %s, want second", got)
	}
}
