package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/workspace-providers/reconcile/status"
)

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
