package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status"
)

// six are the providers of these tests, in three waves over three clusters.
var six = []struct {
	name, cluster string
	wave          int
}{
	{"p0", builtIn, 0}, {"p1", eu, 0}, {"p2", eu, 1}, {"p3", us, 1}, {"p4", us, 2}, {"p5", builtIn, 2},
}

// newSix is a site with these providers, which take the access URL and a token from the declarations.
func newSix(t *testing.T) *site {
	t.Helper()
	s := newSite(t, builtIn, eu, us)
	for _, cluster := range []string{builtIn, eu, us} {
		s.kubectlAll(cluster, "create", "namespace", s.name)
		s.kubectl(cluster, "create", "secret", "generic", "token", "--from-literal=value=s3cret")
	}
	var b strings.Builder
	b.WriteString("providers: {\n")
	for _, p := range six {
		fmt.Fprintf(&b, "\t%s: {cluster: %q, wave: %d}\n", p.name, p.cluster, p.wave)
	}
	b.WriteString("\tp4: values: podAnnotations: \"localkube.dev/ready-after\": \"4s\"\n") // the last wave takes its time
	b.WriteString("\t[!=\"built-in\"]: {values: greeting: deployment.accessURL, valuesFrom: \"token.value\": {kind: \"Secret\", name: \"token\"}}\n}")
	s.declare("six.cue", b.String())
	return s
}

// kubectlAll runs kubectl in a cluster, without a namespace.
func (s *site) kubectlAll(cluster string, args ...string) string {
	s.Helper()
	return s.kubectl(cluster, args...)
}

// names are those of the six.
func names() []string {
	var out []string
	for _, p := range six {
		out = append(out, p.name)
	}
	return out
}

// at declares the access URL, the previous one where there is one, and more of the deployment.
func (s *site) at(url, previous, more string) string {
	s.Helper()
	text := fmt.Sprintf("deployment: accessURL: %q\ndeployment: health: path: \"/api/v2/buildinfo\"\n", url)
	if previous != "" {
		text += fmt.Sprintf("deployment: previousAccessURL: %q\n", previous)
	}
	s.files["deployment.cue"] = strings.ReplaceAll(s.files["deployment.cue"], "\taccessURL: \"https://coder.example.com\"\n", "")
	s.declare("url.cue", text+more)
	return s.push()
}

// values are what stock helm says of a release, with the access URL told apart.
func (s *site) values(name, cluster string) map[string]any {
	s.Helper()
	out := map[string]any{}
	if err := json.Unmarshal([]byte(s.helm(cluster, "get", "values", name, "--all", "-o", "json")), &out); err != nil {
		s.Fatal(err)
	}
	return out
}

// allValues are those of the six.
func (s *site) allValues() map[string]map[string]any {
	out := map[string]map[string]any{}
	for _, p := range six {
		out[p.name] = s.values(p.name, p.cluster)
	}
	return out
}

// watcher looks at the status again and again, and complains about what must never be.
type watcher struct {
	mu   sync.Mutex // guards ok and url
	ok   map[string]bool
	url  string // of the daemon
	stop chan struct{}
	once sync.Once
}

// watch begins to look at a daemon; allowed are the URLs that providers may be given.
func (s *site) watch(d *daemon, allowed ...string) *watcher {
	w := &watcher{ok: map[string]bool{}, url: d.url, stop: make(chan struct{})}
	for _, a := range allowed {
		w.ok[a] = true
	}
	var done sync.WaitGroup
	done.Go(func() {
		for tick := time.NewTicker(50 * time.Millisecond); ; {
			select {
			case <-w.stop:
				tick.Stop()
				return
			case <-tick.C:
				w.check(s)
			}
		}
	})
	s.Cleanup(func() { w.once.Do(func() { close(w.stop) }); done.Wait() })
	return w
}

// follow has another daemon looked at.
func (w *watcher) follow(d *daemon) *daemon {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.url = d.url
	return d
}

// allow says that providers may be given one more URL.
func (w *watcher) allow(url string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ok[url] = true
}

func (w *watcher) check(s *site) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change := (&daemon{site: s, url: w.url}).peek().AccessURL
	for _, u := range change.Users {
		if u.Moved && !w.ok[change.URL] {
			s.Errorf("%s was given %s", u.Provider, change.URL)
		}
		if change.Phase == reconcile.PhaseRetirable && !u.Confirmed {
			s.Errorf("%s may go while %s needs it", change.Previous, u.Provider)
		}
		early := func(o status.URLUserDoc) bool { // what a daemon that has just started did not look at yet has none
			return o.Wave < u.Wave && !o.Moved && o.URL != "" && o.URL != change.URL
		}
		if u.Moved && !change.Back && slices.ContainsFunc(change.Users, early) {
			s.Errorf("%s of wave %d moved before its time: %+v", u.Provider, u.Wave, change.Users)
		}
	}
}

// peek is the status of a daemon that may be gone.
func (d *daemon) peek() (doc status.StatusDoc) {
	if code, body := d.get("/api/v1/status"); code == 200 {
		_ = json.Unmarshal([]byte(body), &doc) // half of one is none
	}
	return doc
}

// The founding procedure: a new access URL must resolve, answer as the same deployment and be used by it before
// any provider moves; they move in waves; and only when all are confirmed may the old one go. Whenever the daemon
// is killed, the next one goes on where things stand.
func TestAccessURLChangesInOrder(t *testing.T) {
	s := newSix(t)
	before, after := newFront(t, "one", false), newFront(t, "one", false)
	other, secure, late := newFront(t, "two", false), newFront(t, "one", true), newFront(t, "one", false)
	late.set(func(f *front) { f.delay = time.Minute })
	d := s.daemon()
	d.ready(s.at(before.URL, "", ""), names()...)
	environment(s, eu, "runs")
	was := s.allValues()
	w := s.watch(d, before.URL)

	held := func(why, url, more string) {
		t.Helper()
		sha := s.at(url, before.URL, more)
		for range 2 { // the second time after a restart
			d.until("all are held: "+why, func(doc status.StatusDoc) bool {
				return doc.Revision.SHA == sha && !slices.ContainsFunc(names(), func(name string) bool {
					h, _ := holdFor(doc, name, reconcile.URLNotReady)
					return !strings.Contains(h.Message, why)
				})
			})
			d.kill()
			d = w.follow(s.daemon())
		}
		s.noted(sha, "apply failure")
	}
	held("does not resolve", "http://nowhere.invalid:8080", "")
	held("another deployment", other.URL, "")
	held("certificate", secure.URL, "")
	s.write(filepath.Join(s.creds, "ca", "coder.pem"), secure.authority)
	held("declare deployment: health: confirmed", secure.URL, "deployment: health: ca: \"coder.pem\"\n")
	held("no answer within 5s", late.URL, "")
	before.set(func(f *front) { f.says = before.URL })
	sha := s.at(before.URL, late.URL, "") // back, before anybody has moved
	d.until("nobody needs what nobody was given", func(doc status.StatusDoc) bool {
		return doc.Revision.SHA == sha && doc.Summary.Keep > 0 && doc.Summary == (status.Summary{Keep: doc.Summary.Keep}) && allReady(doc)
	})
	after.set(func(f *front) { f.says = before.URL })
	held("the deployment says that it uses "+before.URL, after.URL, "")
	if got := s.allValues(); !cmp.Equal(was, got) {
		t.Errorf("values changed before the URL was ready:\n%s", cmp.Diff(was, got))
	}
	if out := s.run("access-url", "status", "--repo", s.bare).out; !strings.Contains(out, "switching") {
		t.Errorf("access-url status says\n%s", out)
	}

	w.allow(after.URL)
	after.set(func(f *front) { f.says = after.URL })
	d.until("the first wave has moved", func(doc status.StatusDoc) bool {
		return slices.ContainsFunc(doc.AccessURL.Users, func(u status.URLUserDoc) bool { return u.Moved })
	})
	d.kill() // somewhere between the waves
	d = w.follow(s.daemon())
	d.until("all have moved, and not all are Ready", func(doc status.StatusDoc) bool { return doc.AccessURL.Phase == reconcile.PhaseConfirming })
	d.kill()
	d = w.follow(s.daemon())
	d.until("the old URL may go", func(doc status.StatusDoc) bool { return doc.AccessURL.Phase == reconcile.PhaseRetirable })
	if _, metrics := d.get("/metrics"); !strings.Contains(metrics, `reconcile_access_url_phase{phase="retirable"} 1`) {
		t.Errorf("the metrics say\n%s", grep(metrics, "access_url"))
	}
	for _, to := range []string{before.URL, after.URL} { // there and back, when all have moved
		from := map[string]string{before.URL: after.URL, after.URL: before.URL}[to]
		sha = s.at(to, from, "")
		d.until("all have "+to, func(doc status.StatusDoc) bool {
			return doc.Revision.SHA == sha && doc.AccessURL.URL == to && doc.AccessURL.Phase == reconcile.PhaseRetirable
		})
	}
	d.ready(s.at(after.URL, "", ""), names()...)
	if doc := d.status(); doc.AccessURL.Previous != "" {
		t.Errorf("a change is still under way: %+v", doc.AccessURL)
	}
	for name, values := range was {
		values["greeting"] = after.URL
		was[name] = values
	}
	if diff := cmp.Diff(was, s.allValues()); diff != "" {
		t.Errorf("more than the URL changed:\n%s", diff)
	}
	s.inWaves(t)
}

// environment makes one run in a cluster.
func environment(s *site, cluster, name string) {
	s.Helper()
	s.kubectl(cluster, "run", name, "--image=pause", "--labels=com.coder.resource=true,com.coder.workspace.id="+name)
}

// holdFor is the hold of a provider for a reason.
func holdFor(doc status.StatusDoc, name string, reason reconcile.Reason) (status.Hold, bool) {
	for _, h := range provider(doc, name).Holds {
		if h.Reason == reason {
			return h, true
		}
	}
	return status.Hold{}, false
}

// inWaves looks into what was written down of each release: none was applied before all of the waves before it
// were Ready.
func (s *site) inWaves(t *testing.T) {
	t.Helper()
	type record struct {
		Applied    time.Time  `json:"applied"`
		ReadySince *time.Time `json:"readySince"`
	}
	applied, ready := map[int]time.Time{}, map[int]time.Time{}
	for _, p := range six {
		var r record
		text := s.kubectl(p.cluster, "get", "configmap", "reconcile."+p.name, "-o", "jsonpath={.data.record}")
		if err := json.Unmarshal([]byte(text), &r); err != nil || r.ReadySince == nil {
			t.Fatalf("record of %s: %v\n%s", p.name, err, text)
		}
		if first := applied[p.wave]; first.IsZero() || r.Applied.Before(first) {
			applied[p.wave] = r.Applied
		}
		if r.ReadySince.After(ready[p.wave]) {
			ready[p.wave] = *r.ReadySince
		}
	}
	for wave := range 2 {
		if applied[wave+1].Before(ready[wave]) {
			t.Errorf("wave %d began at %s, and wave %d was Ready at %s", wave+1, applied[wave+1], wave, ready[wave])
		}
	}
}

// Halfway through, the URL goes back: who has moved goes back, the others stay. And a previous URL that is taken
// out too early is missed, by name.
func TestAccessURLGoesBack(t *testing.T) {
	s := newSix(t)
	before, after := newFront(t, "one", false), newFront(t, "one", false)
	d := s.daemon()
	d.ready(s.at(before.URL, "", ""), names()...)
	was := s.allValues()
	stuck := "\nproviders: p2: values: image: \"localhost/never/x\"\n" // wave 1 gets nowhere
	after.set(func(f *front) { f.says = after.URL })
	s.at(after.URL, before.URL, stuck)
	moved := func(doc status.StatusDoc, name string) bool {
		return slices.ContainsFunc(doc.AccessURL.Users, func(u status.URLUserDoc) bool { return u.Provider == name && u.Moved })
	}
	d.until("wave 1 is stuck", func(doc status.StatusDoc) bool {
		return moved(doc, "p0") && moved(doc, "p2") && moved(doc, "p3") && !moved(doc, "p4")
	})
	sha := s.at(after.URL, "", stuck) // too early
	d.until("what is needed is said", func(doc status.StatusDoc) bool {
		h, is := holdFor(doc, builtIn, reconcile.URLNotReady)
		return doc.Revision.SHA == sha && is && strings.Contains(h.Message, "us/p4") && strings.Contains(h.Message, before.URL) &&
			doc.AccessURL.Phase == reconcile.PhaseRedeploying && !doc.AccessURL.Declared
	})
	s.noted(sha, "apply failure")
	s.want(exitHeld, "--dry-run", "--repo", s.bare)

	sha = s.at(before.URL, after.URL, "")
	d.until("it is held while the deployment does not use it", func(doc status.StatusDoc) bool {
		h, is := holdFor(doc, "p0", reconcile.URLNotReady)
		return doc.Revision.SHA == sha && is && strings.Contains(h.Message, "confirmed")
	})
	d.kill()
	d = s.daemon()
	before.set(func(f *front) { f.says = before.URL })
	d.until("all are back", func(doc status.StatusDoc) bool { return doc.AccessURL.Phase == reconcile.PhaseRetirable })
	d.ready(s.at(before.URL, "", ""), names()...)
	if diff := cmp.Diff(was, s.allValues()); diff != "" {
		t.Errorf("they are not as they were:\n%s", diff)
	}
}

// What the daemon reaches a cluster may not: where an image is declared for it, each cluster looks by itself.
func TestAccessURLIsLookedAtFromInside(t *testing.T) {
	s := newSite(t, eu)
	before, after := newFront(t, "one", false), newFront(t, "one", false)
	after.set(func(f *front) { f.says = after.URL })
	s.declare("one.cue", `providers: one: {cluster: "eu", values: greeting: deployment.accessURL}`)
	d := s.daemon()
	d.ready(s.at(before.URL, "", ""), "one")
	s.at(after.URL, before.URL, "deployment: health: probeImage: \"localhost/never/curl\"\n")
	d.until("it is held for what the cluster says", func(doc status.StatusDoc) bool {
		h, is := holdFor(doc, "one", reconcile.URLNotReady)
		return is && strings.Contains(h.Message, "from inside cluster eu") && strings.Contains(h.Message, "ImagePullBackOff")
	})
	d.ready(s.at(after.URL, before.URL, "deployment: health: probeImage: \"curl\"\n"), "one")
	s.await("nothing is left of it", func() (any, bool) {
		out := s.kubectl(eu, "get", "jobs,pods", "-o", "name")
		return out, !strings.Contains(out, "reconcile-looks-")
	})
	if got := s.kubectl(eu, "get", "configmap", "one", "-o", "jsonpath={.data.greeting}"); got != after.URL {
		t.Errorf("it says %s", got)
	}
}

// A daemon that is killed in the middle of giving a provider a URL leaves it half done. When that URL is not the
// declared one any more, and the declared one is not ready, the provider goes back; it is not given what does not
// answer.
func TestKilledWhileTheAccessURLChanges(t *testing.T) {
	s := newSite(t, eu)
	before, after := newFront(t, "one", false), newFront(t, "one", false)
	after.set(func(f *front) { f.says = after.URL })
	slow := func(wait string) {
		s.declare("one.cue", fmt.Sprintf(`providers: one: {cluster: "eu", chart: path: "charts/hooked", values: {greeting: deployment.accessURL, after: %q}}`, wait))
	}
	slow("0s")
	d := s.daemon()
	d.ready(s.at(before.URL, "", ""), "one")
	slow("5m")
	s.at(after.URL, before.URL, "")
	api := s.api(eu)
	s.await("it is at it", func() (any, bool) {
		n := len(s.revisions(api, "status=pending-upgrade"))
		return n, n == 1
	})
	d.kill()
	slow("0s")
	s.at("http://nowhere.invalid:8080", before.URL, "")
	d = s.daemon()
	d.until("it is held, and nothing is pending", func(doc status.StatusDoc) bool {
		_, held := holdFor(doc, "one", reconcile.URLNotReady)
		return held && len(s.revisions(api, "status in (pending-upgrade,pending-rollback)")) == 0
	})
	if got := s.values("one", eu)["greeting"]; got != before.URL {
		t.Errorf("it was given %v", got)
	}
	d.ready(s.at(after.URL, before.URL, ""), "one")
	if got := s.values("one", eu)["greeting"]; got != after.URL {
		t.Errorf("it was given %v", got)
	}
	s.sane(api, d.status(), 5)
}
