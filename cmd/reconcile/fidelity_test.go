package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/workspace-providers/reconcile/reconcile/charts"
	"github.com/workspace-providers/reconcile/status"
)

// How many changes are made: of so many providers in so many pull requests.
const (
	fidelityProviders = 20
	fidelityRounds    = 10
)

// subject is a provider whose declaration and whose live state are changed at random.
type subject struct {
	name  string
	kind  string // "", "mutated" by a webhook, "scaled" by an autoscaler, "custom" resources
	there bool
	n     map[string]int // values
}

// declare is the subject's declaration; a removed one says how it ends.
func (p *subject) declare() string {
	switch {
	case !p.there:
		return fmt.Sprintf("removed: %q: {policy: \"uninstall\", reason: \"test\"}\n", p.name)
	case p.kind == "custom":
		return fmt.Sprintf("providers: %q: {cluster: \"eu\", chart: path: \"charts/kinds\", values: size: %d}\n", p.name, p.n["size"])
	}
	drift := ""
	if p.kind == "scaled" {
		drift = "drift: ignore: Deployment: \"/spec/replicas\": true, "
	}
	return fmt.Sprintf("providers: %q: {cluster: \"eu\", %svalues: {greeting: \"g%d\", "+
		"limit: %d, replicas: %d, password: \"p%d\", podAnnotations: note: \"n%d\"}}\n",
		p.name, drift, p.n["greeting"], p.n["limit"], 1+p.n["replicas"]%3, p.n["password"], p.n["note"])
}

// change changes the declaration at random, or not at all.
func (p *subject) change(r *mathrand.Rand) {
	fields := []string{"greeting", "limit", "replicas", "password", "note"}
	switch {
	case p.kind == "custom":
		fields = []string{"size"}
	case p.kind == "scaled":
		fields = []string{"greeting", "limit", "password", "note"} // replicas are the autoscaler's
	}
	switch what := r.IntN(10); {
	case !p.there:
		p.there = true
	case what == 0:
		p.there = false
	case what < 9:
		for range 1 + r.IntN(2) {
			p.n[fields[r.IntN(len(fields))]]++
		}
	}
}

// injure changes what is live behind the daemon's back, and says whether that moves the release.
func (p *subject) injure(s *site, r *mathrand.Rand) (moves bool) {
	if !p.there {
		return false
	}
	switch r.IntN(6) {
	case 0:
		chart, value := "small", "greeting=mine"
		if p.kind == "custom" {
			chart, value = "kinds", "size=99"
		}
		s.helm(eu, "upgrade", p.name, s.clone+"/charts/"+chart, "--set", value)
		return true
	case 1:
		object := "deployment/" + p.name
		if p.kind == "custom" {
			object = "gadget/" + p.name
		}
		s.kubectl(eu, "delete", object, "--wait=false")
	case 2:
		if p.kind != "custom" {
			s.kubectl(eu, "patch", "configmap/"+p.name, "-p", `{"data":{"limit":"1000"}}`)
		}
	}
	return false
}

// mutator is a webhook that changes what others write.
type mutator struct {
	server *httptest.Server
	ca     []byte
	mu     sync.Mutex // guards seen
	seen   int
}

// newMutator serves on loopback with a certificate made for it.
func newMutator(t *testing.T) *mutator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	m := &mutator{ca: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
	m.server = httptest.NewUnstartedServer(m)
	m.server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	m.server.StartTLS()
	t.Cleanup(m.server.Close)
	return m
}

// ServeHTTP adds a label and, to Deployments, an environment variable, to what is called so.
func (m *mutator) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	var review struct {
		Request struct {
			UID  string
			Name string
			Kind struct{ Kind string }

			Object json.RawMessage
		}
	}
	if err := json.NewDecoder(in.Body).Decode(&review); err != nil {
		http.Error(out, err.Error(), http.StatusBadRequest)
		return
	}
	answer := map[string]any{"uid": review.Request.UID, "allowed": true}
	if strings.HasSuffix(review.Request.Name, "-mutated") {
		patch := `[{"op":"add","path":"/metadata/annotations/injected","value":"yes"}`
		if review.Request.Kind.Kind == "Deployment" && !strings.Contains(string(review.Request.Object), "INJECTED") {
			patch += `,{"op":"add","path":"/spec/template/spec/containers/0/env/-","value":{"name":"INJECTED","value":"yes"}}`
		}
		answer["patchType"], answer["patch"] = "JSONPatch", base64.StdEncoding.EncodeToString([]byte(patch+"]"))
		m.mu.Lock()
		m.seen++
		m.mu.Unlock()
	}
	_ = json.NewEncoder(out).Encode(map[string]any{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer})
}

// register makes a cluster ask the webhook about what is written in the site's namespace.
func (m *mutator) register(s *site) {
	s.Helper()
	text := fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: %[1]s}
webhooks:
- name: mutator.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Fail
  clientConfig: {url: %[2]q, caBundle: %[3]s}
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}
  rules: [{operations: [CREATE, UPDATE], apiGroups: ["", apps], apiVersions: [v1], resources: [configmaps, deployments]}]
`, s.name, m.server.URL, base64.StdEncoding.EncodeToString(m.ca))
	s.apply(text)
	s.Cleanup(func() { s.kubectl(eu, "delete", "mutatingwebhookconfiguration", s.name) })
}

// apply applies objects to the first cluster.
func (s *site) apply(text string) {
	s.Helper()
	file := s.TempDir() + "/objects.yaml"
	s.write(file, text)
	s.kubectl(eu, "apply", "-f", file)
}

// scale gives a subject an autoscaler that wants more replicas than are declared.
func (p *subject) scale(s *site) {
	s.apply(fmt.Sprintf(`
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: %[1]s}
spec:
  minReplicas: 4
  maxReplicas: 6
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: %[1]s}
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]
`, p.name))
}

// scaled waits until an autoscaler has what it wants.
func (s *site) scaled(name string) {
	s.Helper()
	s.await(name+" is scaled", func() (any, bool) {
		got := s.kubectl(eu, "get", "deployment", name, "-o", "jsonpath={.spec.replicas}")
		return got, got == "4"
	})
}

// snapshot is what the cluster has of each subject, without what it keeps of each object for itself.
func (s *site) snapshot() map[string]string {
	s.Helper()
	var list struct{ Items []map[string]any }
	text := s.kubectl(eu, "get", "configmaps,secrets,deployments,gadgets", "-o", "json")
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		s.Fatal(err)
	}
	out := map[string]string{}
	for _, object := range list.Items {
		meta := object["metadata"].(map[string]any)
		name := meta["name"].(string)
		if !strings.HasPrefix(name, "p0") && !strings.HasPrefix(name, "p1") {
			continue
		}
		delete(object, "status")
		for _, field := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"} {
			delete(meta, field)
		}
		if notes, ok := meta["annotations"].(map[string]any); ok {
			delete(notes, "deployment.kubernetes.io/revision")
		}
		raw, err := yaml.Marshal(object)
		if err != nil {
			s.Fatal(err)
		}
		out[name] += "---\n" + string(raw)
	}
	return out
}

// done is what changed on the server, in the words of a plan.
func (s *site) done(before, after map[string]string) map[string]string {
	s.Helper()
	out := map[string]string{}
	for name := range either(before, after) {
		a, errA := charts.ReadManifest(before[name], s.name)
		b, errB := charts.ReadManifest(after[name], s.name)
		if errA != nil || errB != nil {
			s.Fatal(errA, errB)
		}
		if diff := charts.Diff(a, b); diff != "" {
			out[name] = diff
		}
	}
	return out
}

// either has the names that one of two has.
func either(a, b map[string]string) map[string]bool {
	out := map[string]bool{}
	for k := range a {
		out[k] = true
	}
	for k := range b {
		out[k] = true
	}
	return out
}

// actionLine begins an action in a plan.
var actionLine = regexp.MustCompile(`^  (\w+) +\S+/(\S+) `)

// shownIn is what a plan shows of each release, with the fields of Secrets called as the server calls them.
func shownIn(plan string) map[string]string {
	out := map[string]string{}
	name := ""
	for line := range strings.Lines(plan) {
		if m := actionLine.FindStringSubmatch(line); m != nil {
			if name = m[2]; m[1] == "delete" {
				out[name] = "gone"
			}
			continue
		}
		diff, is := strings.CutPrefix(line, "      ")
		if mark := strings.TrimLeft(diff, " "); is && name != "" && mark != "" && strings.ContainsAny(mark[:1], "+-~") {
			out[name] += strings.Replace(diff, " stringData.", " data.", 1)
		}
	}
	return out
}

// gone are the lines that say that everything of a subject went.
func gone(diff string) bool {
	for line := range strings.Lines(diff) {
		if !strings.HasPrefix(line, "- ") {
			return false
		}
	}
	return diff != ""
}

// moves collects all that was said to have moved in the plans of a head.
type moves struct {
	stop func()
	mu   sync.Mutex // guards said
	said map[string]bool
}

// watchMoved begins to collect.
func (d *daemon) watchMoved(sha string) *moves {
	end, ended := make(chan struct{}), make(chan struct{})
	m := &moves{said: map[string]bool{}, stop: func() { close(end); <-ended }}
	go func() {
		defer close(ended)
		for {
			page := d.page(sha)
			m.mu.Lock()
			for i := 0; page.Request != nil && i < len(page.Request.Moved); i++ {
				m.said[page.Request.Moved[i]] = true
			}
			m.mu.Unlock()
			select {
			case <-end:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return m
}

// of is what was said of a provider, or of a revision of it.
func (m *moves) of(name, revision string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for why := range m.said {
		if strings.Contains(why, "/"+name+":") && strings.Contains(why, revision) {
			out = append(out, why)
		}
	}
	return out
}

// Two hundred random changes of what is declared, against what random others made of the cluster meanwhile, a
// good part of them with a mutating webhook, an autoscaler or custom resources: what the pull request shows in the
// end is what is done to every object, field by field, and what moved in between was said to have.
func TestWhatIsShownIsWhatIsDone(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := mathrand.New(mathrand.NewPCG(seed, 0))
	g := newForged(t, eu)
	newMutator(t).register(g.site)
	var all []*subject
	for i := range fidelityProviders {
		kind := []string{"mutated", "", "scaled", "", "custom", "", "", ""}[i%8]
		name := fmt.Sprintf("p%02d", i)
		if kind != "" {
			name += "-" + kind
		}
		all = append(all, &subject{name: name, kind: kind, there: true, n: map[string]int{}})
	}
	g.declare("limits.cue", "deployment: deletion: {max: 100, maxPercent: 100}")
	declare := func() {
		var text strings.Builder
		for _, p := range all {
			text.WriteString(p.declare())
		}
		g.declare("subjects.cue", text.String())
		g.want(exitOK, "vet", g.worktree())
	}
	declare()
	sha := g.push()
	d := g.start()
	atRest := func(sha string) {
		t.Helper()
		d.until("everything is in place", func(doc status.StatusDoc) bool {
			n := doc.Summary
			return doc.Revision.SHA == sha && n.Create+n.Update+n.Repair+n.Adopt+n.Rollback+n.Delete+n.Orphan+n.Hold == 0 &&
				!slices.ContainsFunc(doc.Providers, func(p status.Provider) bool { return p.Name != "built-in" && p.Status != status.Ready })
		})
	}
	atRest(sha)
	for _, p := range all {
		if p.kind == "scaled" {
			p.scale(g.site)
			g.scaled(p.name)
		}
	}
	changes, missed, falsely, wrong := 0, 0, 0, 0
	for round := range fidelityRounds {
		for _, p := range all {
			p.change(r)
			changes++
		}
		was := g.snapshot()
		declare()
		branch := fmt.Sprintf("round%d", round)
		head := g.branch(branch)
		number := g.open(branch)
		g.says(head, "plan", "success")
		said := d.watchMoved(head)
		moved := map[string]bool{}
		touched := map[string]bool{}
		for _, p := range all {
			if was[p.name] != "" && r.IntN(3) == 0 {
				touched[p.name] = true
				if (&subject{name: p.name, kind: p.kind, there: true}).injure(g.site, r) {
					moved[p.name] = true
				}
			}
		}
		g.await("all is put back", func() (any, bool) { // else it happens after the merge, and looks like a part of it
			left := g.done(was, g.snapshot())
			return left, len(left) == 0
		})
		atRest(sha)
		for name := range moved { // each has to be noticed before it is merged
			g.await("the plan is made anew for "+name, func() (any, bool) {
				now := fmt.Sprintf("→ %d", revision(d.status(), name)) // it only grows
				return said.of(name, ""), len(said.of(name, now)) > 0
			})
		}
		g.await("the plan starts from what is there again", func() (any, bool) { // one made amid the repair does not
			plan := d.page(head).Request.Plan
			return plan, !strings.Contains(plan, `"mine" →`)
		})
		said.stop()
		for _, p := range all {
			if has := len(said.of(p.name, "")) > 0; moved[p.name] && !has {
				missed++
				t.Errorf("round %d: %s moved, and the plan was not said to be stale", round, p.name)
			} else if has && !touched[p.name] {
				falsely++
				t.Logf("round %d: %s did not move, and the plan was said to be stale:\n%s", round, p.name, said.of(p.name, ""))
			}
		}
		before := g.snapshot()
		sha = g.merge(number, "merge")
		atRest(sha)
		for _, p := range all {
			if p.kind == "scaled" && p.there { // one that is new has the declared replicas at first
				g.scaled(p.name)
			}
		}
		plan := shownIn(d.page(head).Request.Plan)
		did := g.done(before, g.snapshot())
		for name := range either(plan, did) {
			if plan[name] == did[name] || plan[name] == "gone" && gone(did[name]) {
				continue
			}
			wrong++
			t.Errorf("round %d: %s: shown\n%s\ndone\n%s", round, name, plan[name], did[name])
		}
		if page := d.page(sha); page.Shown == nil || page.Differs != 0 {
			t.Errorf("round %d: the page of the merge has differences: %+v", round, page)
		}
	}
	t.Logf("%d changes, %d not as shown, %d missed, %d falsely called stale", changes, wrong, missed, falsely)
	if falsely*100 > changes {
		t.Errorf("%d of %d were falsely called stale", falsely, changes)
	}
}
