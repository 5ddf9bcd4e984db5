package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/workspace-providers/reconcile/status"
)

// kills is how often the daemon dies in the middle of its work.
const kills = 18

// A daemon that is killed again and again in the middle of its work, each time with other work to do,
// leaves nothing that the next start does not finish.
func TestKilledAtAnyPoint(t *testing.T) {
	s := newSite(t, eu)
	declare := func(limit int) string {
		s.declare("providers.cue", fmt.Sprintf(`providers: {for n in [1, 2, 3, 4, 5, 6, 7, 8] {"small-\(n)": {cluster: "eu", values: limit: %[1]d}}
for n in [1, 2] {"hooked-\(n)": {cluster: "eu", chart: path: "charts/hooked", values: {greeting: "%[1]d", after: "300ms"}}}}
deployment: defaults: release: maxHistory: 3`, limit))
		return s.push()
	}
	api := s.api(eu)
	hit := 0
	for i := range kills {
		declare(i)
		d := s.daemon()
		moment := time.Duration(rand.IntN(1500)) * time.Millisecond
		d.until("it may act", func(doc status.StatusDoc) bool { return len(doc.Clusters) == 1 && doc.Clusters[0].Held })
		pending := func() int { return len(s.revisions(api, "status in (pending-install,pending-upgrade)")) }
		if i%2 == 0 {
			<-time.After(moment) // anywhere in the work
		} else {
			s.await("it is at something", func() (any, bool) { n := pending(); return n, n > 0 })
		}
		d.kill()
		left := pending()
		t.Logf("kill %d left %d pending", i, left)
		hit += min(left, 1)
	}
	if hit < kills/3 {
		t.Errorf("only %d of %d kills left something pending: they prove little", hit, kills)
	}
	sha := declare(kills)
	d := s.daemon()
	doc := d.until("all is Ready", func(doc status.StatusDoc) bool {
		return doc.Revision.SHA == sha && doc.Summary.Keep == 10 && doc.Summary == (status.Summary{Keep: 10}) && allReady(doc)
	})
	s.sane(api, doc, 3)
	for _, p := range doc.Providers {
		if strings.HasPrefix(p.Name, "small-") {
			if got := s.kubectl(eu, "get", "configmap", p.Name, "-o", "jsonpath={.data.limit}"); got != strconv.Itoa(kills) {
				t.Errorf("%s has limit %s, want %d", p.Name, got, kills)
			}
		}
	}
	s.noted(sha, "apply success")
}

// api talks to a cluster as its administrator.
func (s *site) api(cluster string) kubernetes.Interface {
	s.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", s.admin(cluster))
	if err != nil {
		s.Fatal(err)
	}
	config.QPS = -1
	api, err := kubernetes.NewForConfig(config)
	if err != nil {
		s.Fatal(err)
	}
	return api
}

// revisions are the stored Helm revisions of the site with these labels.
func (s *site) revisions(api kubernetes.Interface, labels string) []corev1.Secret {
	s.Helper()
	list, err := api.CoreV1().Secrets(s.name).List(context.Background(), metav1.ListOptions{LabelSelector: "owner=helm," + labels})
	if err != nil {
		s.Fatal(err)
	}
	return list.Items
}

func allReady(doc status.StatusDoc) bool {
	for _, p := range doc.Providers {
		if p.Status != status.Ready {
			return false
		}
	}
	return true
}

// sane wants each release to be as Helm leaves it: one deployed revision, the newest, none pending, and
// no longer a history than declared.
func (s *site) sane(api kubernetes.Interface, doc status.StatusDoc, maxHistory int) {
	s.Helper()
	newest, states := map[string]int{}, map[string]map[string]int{}
	all := s.revisions(api, "name")
	for _, rev := range all {
		name, state := rev.Labels["name"], rev.Labels["status"]
		number, err := strconv.Atoi(rev.Labels["version"])
		if err != nil {
			s.Fatal(err)
		}
		newest[name] = max(newest[name], number)
		if states[name] == nil {
			states[name] = map[string]int{}
		}
		states[name][state]++
	}
	for name, count := range states {
		total := 0
		for state, n := range count {
			total += n
			if strings.HasPrefix(state, "pending") || state == "uninstalling" {
				s.Errorf("%s: %d revisions are %s", name, n, state)
			}
		}
		if count["deployed"] != 1 || total > maxHistory || revision(doc, name) != newest[name] {
			s.Errorf("%s: revisions %v, newest %d, we say %d", name, count, newest[name], revision(doc, name))
		}
	}
}

// A daemon that starts on a head that does not load keeps the newest valid ancestor in force, and works.
func TestAStartOnAHeadThatDoesNotLoad(t *testing.T) {
	s := newSite(t, eu)
	s.declare("a.cue", `providers: frankfurt: cluster: "eu"`)
	s.push()
	s.declare("a.cue", `providers: frankfurt: {cluster: "eu", values: limit: 2}`)
	good := s.push()
	d := s.daemon()
	d.ready(good, "frankfurt")
	d.stop()
	s.declare("a.cue", `providers: {`)
	s.push()
	s.declare("a.cue", `providers: frankfurt: cluster: "us"`)
	bad := s.push()
	s.kubectl(eu, "scale", "deployment/frankfurt", "--replicas=5")

	d = s.daemon()
	s.await("the edit is repaired", func() (any, bool) {
		got := s.kubectl(eu, "get", "deployment", "frankfurt", "-o", "jsonpath={.spec.replicas}")
		return got, got == "1"
	})
	doc := d.ready(good, "frankfurt")
	if doc.Head.SHA != bad || !strings.Contains(doc.HeadError, "a.cue:3:") {
		t.Errorf("head %s: %s", doc.Head.SHA, doc.HeadError)
	}
	s.noted(bad, "apply failure a.cue:3:")
	if got := revisionOf(s, "frankfurt"); got != 1 {
		t.Errorf("revision %d, want 1", got)
	}
	if _, metrics := d.get("/metrics"); !strings.Contains(metrics, "\nreconcile_config_valid 0\n") {
		t.Errorf("the metrics say\n%s", grep(metrics, "config_valid"))
	}
	s.declare("a.cue", `providers: frankfurt: {cluster: "eu", values: limit: 3}`)
	d.ready(s.push(), "frankfurt")
	if got := s.limit(); got != "3" {
		t.Errorf("limit %s, want 3", got)
	}
}

// Asked to end in the middle of its work, the daemon finishes what it has in hand, gives its Leases back
// and ends.
func TestStoppedInTheMiddleOfWork(t *testing.T) {
	s := newSite(t, eu)
	s.declare("a.cue", `providers: frankfurt: {cluster: "eu", chart: path: "charts/hooked", values: after: "4s"}`)
	s.push()
	d := s.daemon()
	api := s.api(eu)
	s.await("work is begun", func() (any, bool) {
		pending := len(s.revisions(api, "status=pending-install"))
		return pending, pending == 1
	})
	d.signal(syscall.SIGTERM)
	d.stop()
	if got := len(s.revisions(api, "status=deployed")); got != 1 {
		t.Errorf("what was in hand was not finished: %d revisions are deployed\n%s", got, d.log)
	}
	lease, err := api.CoordinationV1().Leases("default").Get(context.Background(), "reconcile-"+s.name+".cluster."+eu, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if holder := lease.Spec.HolderIdentity; holder != nil && *holder != "" {
		t.Errorf("the Lease is still held by %s", *holder)
	}
}
