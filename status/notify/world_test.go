package notify

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// world is a deployment under test: one provider for each name, all in cluster eu.
type world struct{ reconcile.Report }

func newWorld(names ...string) *world {
	w := &world{reconcile.Report{
		Head: reconcile.Commit{SHA: "1a2b3c4d5e6f"}, Commit: reconcile.Commit{SHA: "1a2b3c4d5e6f"},
		Want: reconcile.Desired{Owner: "acme", Providers: map[string]reconcile.ProviderWant{}},
		Live: reconcile.Live{At: time.Now(), Clusters: map[string]reconcile.ClusterLive{"eu": {Reachable: true, Looked: true}}},
		Plan: reconcile.Plan{Clusters: []reconcile.ClusterState{{Name: "eu", Reachable: true}}},
	}}
	for _, name := range names {
		w.Want.Providers[name] = reconcile.ProviderWant{Cluster: "eu", Namespace: "coder"}
		id := reconcile.ID{Cluster: "eu", Kind: reconcile.KindRelease, Namespace: "coder", Name: name}
		w.Plan.Actions = append(w.Plan.Actions, reconcile.Action{
			Op: reconcile.OpKeep, Reason: reconcile.InSync, ID: id, Provider: name, Want: reconcile.Item{ID: id, Provider: name},
			Digest: "d", Have: reconcile.Observed{
				Owner: "acme", State: reconcile.Deployed, Digest: "d", Revision: 1, Health: reconcile.Healthy,
			},
		})
	}
	return w
}

// report is the world as it is now.
func (w *world) report() reconcile.Report {
	r := w.Report
	r.Plan.Actions = append([]reconcile.Action{}, w.Plan.Actions...)
	r.Live.At = time.Now()
	r.Live.Clusters = map[string]reconcile.ClusterLive{}
	for name, c := range w.Live.Clusters {
		r.Live.Clusters[name] = c
	}
	return r
}

// health makes the objects of a provider so.
func (w *world) health(name string, h reconcile.Health, message string) {
	for i := range w.Plan.Actions {
		if a := &w.Plan.Actions[i]; a.Provider == name {
			a.Have.Health, a.Have.Message = h, message
		}
	}
}

// hold has what is to be done for a provider wait; without a reason it does not any more.
func (w *world) hold(name string, why reconcile.Reason, message string) {
	for i := range w.Plan.Actions {
		a := &w.Plan.Actions[i]
		switch {
		case a.Provider != name:
		case why == "":
			a.Op, a.Reason, a.Class, a.Message = reconcile.OpKeep, reconcile.InSync, reconcile.NoClass, ""
		default:
			a.Op, a.Reason, a.Class, a.Message = reconcile.OpHold, why, why.Class(), message
		}
	}
}

// reaches says whether the cluster answers.
func (w *world) reaches(yes bool) {
	c := w.Live.Clusters["eu"]
	c.Reachable, c.Err = yes, ""
	if !yes {
		c.Err = "dial tcp: no route to host"
	}
	w.Live.Clusters["eu"] = c
}

// post is one delivery that a hook received.
type post struct {
	header http.Header
	body   string
}

// incidents are those of a signed webhook.
func (p post) incidents(t *testing.T) []webhookNews {
	t.Helper()
	var body webhookBody
	if err := json.Unmarshal([]byte(p.body), &body); err != nil {
		t.Fatalf("%v\n%s", err, p.body)
	}
	return body.Incidents
}

// hook is a receiver on loopback. Before it answers it asks what to do.
type hook struct {
	*httptest.Server
	posts chan post

	mu     sync.Mutex // guards answer
	answer http.HandlerFunc
}

func newHook(t *testing.T) *hook {
	h := &hook{posts: make(chan post, 1000)}
	h.Server = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		body, _ := io.ReadAll(in.Body) // a body that breaks off is seen by the test
		h.posts <- post{in.Header, string(body)}
		h.mu.Lock()
		answer := h.answer
		h.mu.Unlock()
		if answer != nil {
			answer(out, in)
		}
	}))
	t.Cleanup(h.Close)
	return h
}

// answers says how deliveries are answered from now on; nil: 200.
func (h *hook) answers(f http.HandlerFunc) {
	h.mu.Lock()
	h.answer = f
	h.mu.Unlock()
}

// code answers with a code.
func code(n int) http.HandlerFunc {
	return func(out http.ResponseWriter, _ *http.Request) { out.WriteHeader(n) }
}

const patience = 30 * time.Second

// next is the next delivery.
func (h *hook) next(t *testing.T) post {
	t.Helper()
	select {
	case p := <-h.posts:
		return p
	case <-time.After(patience):
		t.Fatal("nothing was delivered")
	}
	return post{}
}

// silent wants nothing to have been delivered.
func (h *hook) silent(t *testing.T) {
	t.Helper()
	select {
	case p := <-h.posts:
		t.Errorf("it was told again: %s", p.body)
	default:
	}
}

// rig is a Notifier that runs.
type rig struct {
	*Notifier
	t    *testing.T
	stop func()
}

// quick are options without any patience, for receivers whose URLs are in creds.
func quick(creds fstest.MapFS, receivers ...Receiver) Options {
	return Options{
		Receivers:  func() []Receiver { return receivers },
		Deployment: func() string { return "acme" }, Credentials: creds,
		Patience: Patience{Error: time.Nanosecond, Outage: time.Nanosecond, Hold: time.Nanosecond, Recover: time.Nanosecond},
		Every:    5 * time.Millisecond, Timeout: 5 * time.Second,
	}
}

// start runs a Notifier until the test ends, or stop is called.
func start(t *testing.T, o Options) *rig {
	ctx, cancel := context.WithCancel(context.Background())
	r := &rig{Notifier: New(o), t: t}
	done := make(chan struct{})
	go func() { r.Run(ctx); close(done) }()
	r.stop = func() { cancel(); <-done }
	t.Cleanup(r.stop)
	return r
}

// hooked is a receiver of each kind on loopback, with its credentials.
func hooked(t *testing.T) (chat, web *hook, creds fstest.MapFS, both []Receiver) {
	chat, web = newHook(t), newHook(t)
	creds = fstest.MapFS{
		"notify/chat":    {Data: []byte(chat.URL + "/services/T0/B0/s3cr3t\n")},
		"notify/web":     {Data: []byte(web.URL + "/hooks?token=s3cr3t")},
		"notify/web.key": {Data: []byte("whsec_b2xkIGtleQ==\nnew key\n")},
	}
	return chat, web, creds, []Receiver{{Name: "chat", Kind: Slack, Secret: "chat"}, {Name: "web", Kind: Webhook, Secret: "web"}}
}

// dir is a directory of credentials.
type dir struct {
	t    *testing.T
	path string
}

func newDir(t *testing.T) dir { return dir{t, t.TempDir()} }

// FS is the directory as it is at each use.
func (d dir) FS() fs.FS { return os.DirFS(d.path) }

func (d dir) write(name, text string) {
	d.t.Helper()
	path := filepath.Join(d.path, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}
