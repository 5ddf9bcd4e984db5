package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
	"github.com/workspace-providers/reconcile/status"
)

// A push is in force when the forge tells of it, and not when the interval is over; who cannot prove to be the
// forge brings nothing about.
func TestAWebhookHasTheRepositoryLookedAt(t *testing.T) {
	s := newSite(t, eu)
	s.write(filepath.Join(s.creds, "webhooks", "github"), "blue\n")
	first := s.push()
	d := s.daemon("--interval", "1h")
	d.until("the first revision is in force", inForce(first))
	second := s.push()
	body := `{"after":"` + second + `"}`
	d.hook(body, "green", http.StatusUnauthorized)
	d.hook(body, "", http.StatusUnauthorized)
	time.Sleep(2 * time.Second) // in which it would be looked at, if these counted
	if got := d.status().Head.SHA; got != first {
		t.Errorf("wrong webhooks made it look: the head is %.7s", got)
	}
	d.hook(body, "blue", http.StatusAccepted)
	d.until("what the webhook tells of is in force", inForce(second))
	d.hook(body, "blue", http.StatusOK) // delivered before
	third := s.push()
	for _, name := range []string{"a", "b", "c"} {
		d.hook(name, "blue", http.StatusAccepted)
	}
	d.until("what a burst tells of is in force", inForce(third))
	_, metrics := d.get("/metrics")
	for _, want := range []string{`result="accepted"} 4`, `result="refused"} 2`, `result="replayed"} 1`} {
		if !strings.Contains(metrics, `reconcile_webhooks_total{forge="github",`+want+"\n") {
			t.Errorf("there is no %s in\n%s", want, grep(metrics, "webhooks_total"))
		}
	}
	if log := d.log.String(); strings.Contains(log, "blue") || !strings.Contains(log, "webhook refused") {
		t.Errorf("it logs\n%s", log)
	}
	d.stop()
}

// What the README shows of a webhook works as it stands there: a secret is made up, and a delivery with it is accepted.
func TestTheWebhookThatIsShown(t *testing.T) {
	for _, program := range []string{"openssl", "curl"} {
		_, err := exec.LookPath(program)
		kubetest.Need(t, program, err == nil, "")
	}
	s := newSite(t, eu)
	_, section, _ := strings.Cut(s.read(filepath.Join(root, "README.md")), "\n### Webhooks\n")
	section, _, _ = strings.Cut(section, "\n### ")
	shown := commands(section)
	if len(shown) != 2 {
		t.Fatalf("the README shows %q", shown)
	}
	script := func(text, url string) string {
		return kubetest.Output(t, "sh", "-ec", strings.NewReplacer("/etc/reconcile", s.creds, "http://127.0.0.1:8080", url).Replace(text))
	}
	script(shown[0], "")
	first := s.push()
	d := s.daemon("--interval", "1h")
	d.until("the first revision is in force", inForce(first))
	second := s.push()
	if out := script(shown[1], d.url); !strings.Contains(out, "202 Accepted") {
		t.Errorf("it is answered with\n%s", out)
	}
	d.until("what the webhook tells of is in force", inForce(second))
}

// floodEnv is how many webhooks are sent in a flood, where somebody wants others than the few that are always tried.
const floodEnv = "RECONCILE_TEST_WEBHOOKS"

// A flood of webhooks, most of them wrong, changes nothing, leaves nothing behind, and keeps no push from being in
// force.
func TestAFloodOfWebhooks(t *testing.T) {
	total := many(t, floodEnv, 20_000)
	s := newSite(t, eu)
	s.write(filepath.Join(s.creds, "webhooks", "github"), "blue\n")
	first := s.push()
	d := s.daemon("--interval", "1h")
	d.until("the first revision is in force", inForce(first))
	d.flood(total/10, "green") // it takes what it needs for this
	before := d.memory()
	s.push()
	began := time.Now()
	d.flood(total, "green")
	took := time.Since(began)
	grown := d.memory() - before
	t.Logf("%d webhooks in %s, %.0f a second; %d KiB more than %d MiB", total, took, float64(total)/took.Seconds(), grown>>10, before>>20)
	if grown > 32<<20 {
		t.Errorf("it takes %d MiB more than before", grown>>20)
	}
	if got := d.status().Head.SHA; got != first {
		t.Errorf("wrong webhooks made it look: the head is %.7s", got)
	}
	d.flood(total/10, "blue") // what is right is looked at once a second, however many there are
	third := s.push()
	d.hook(`{"after":"`+third+`"}`, "blue", http.StatusAccepted)
	d.until("what a webhook tells of in a flood is in force", inForce(third))
	if grown := d.memory() - before; grown > 32<<20 {
		t.Errorf("after right ones it takes %d MiB more than before", grown>>20)
	}
	d.stop()
}

// flood delivers so many pushes, each another, signed with a secret, over a few connections.
func (d *daemon) flood(n int, secret string) {
	d.Helper()
	var senders sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	for i := range 16 {
		senders.Go(func() {
			for j := i; j < n; j += 16 {
				resp, err := client.Do(d.signed(fmt.Sprintf(`{"n":%d}`, j), secret))
				if err != nil {
					d.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	}
	senders.Wait()
}

// inForce says whether a revision is.
func inForce(sha string) func(status.StatusDoc) bool {
	return func(doc status.StatusDoc) bool { return doc.Revision.SHA == sha }
}

// hook delivers a push as GitHub does, signed with a secret if there is one, and wants an answer.
func (d *daemon) hook(body, secret string, want int) {
	d.Helper()
	resp, err := http.DefaultClient.Do(d.signed(body, secret))
	if err != nil {
		d.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != want {
		d.Errorf("webhook signed with %q: %s %s, want %d", secret, resp.Status, text, want)
	}
}

// signed is a push as GitHub delivers it.
func (d *daemon) signed(body, secret string) *http.Request {
	d.Helper()
	in, err := http.NewRequest(http.MethodPost, d.url+"/webhooks/github", strings.NewReader(body))
	if err != nil {
		panic(err) // the URL is the daemon's own
	}
	in.Header.Set("X-GitHub-Event", "push")
	if secret != "" {
		mac := hmac.New(sha256.New, []byte(secret))
		_, _ = io.WriteString(mac, body)
		in.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	}
	return in
}

// What is served where: each of the three on the first address unless it has one of its own.
func TestDoors(t *testing.T) {
	t.Parallel()
	hooks := http.NewServeMux()
	hooks.HandleFunc("POST /webhooks/github", func(out http.ResponseWriter, _ *http.Request) { out.WriteHeader(http.StatusAccepted) })
	for name, test := range map[string]struct {
		settings
		want []string
	}{
		"one for all":        {settings{listen: "a"}, []string{"a: pages probes hooks"}},
		"one for each":       {settings{listen: "a", metricsListen: "b", webhookListen: "c"}, []string{"a: pages", "b: probes", "c: hooks"}},
		"metrics apart":      {settings{listen: "a", metricsListen: "b"}, []string{"a: pages hooks", "b: probes"}},
		"webhooks apart":     {settings{listen: "a", webhookListen: "b"}, []string{"a: pages probes", "b: hooks"}},
		"pages apart":        {settings{listen: "a", metricsListen: "b", webhookListen: "b"}, []string{"a: pages", "b: probes hooks"}},
		"all named the same": {settings{listen: "a", metricsListen: "a", webhookListen: "a"}, []string{"a: pages probes hooks"}},
		"webhooks alone":     {settings{webhookListen: "a"}, []string{"a: hooks"}},
		"none":               {settings{}, nil},
		"a run that ends":    {settings{listen: "a", webhookListen: "b", once: true}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := &parts{settings: &test.settings, gate: gate(t, nil)}
			var got []string
			for _, d := range p.doors(&status.Web{Metrics: prometheus.NewRegistry()}, hooks) {
				answers := d.addr + ":"
				for _, ask := range []struct{ what, method, path string }{
					{"pages", "GET", "/"}, {"probes", "GET", "/metrics"}, {"hooks", "POST", "/webhooks/github"},
				} {
					out := httptest.NewRecorder()
					d.handler.ServeHTTP(out, httptest.NewRequest(ask.method, ask.path, nil))
					if out.Code != http.StatusNotFound && out.Code != http.StatusMethodNotAllowed {
						answers += " " + ask.what
					}
				}
				got = append(got, answers)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
