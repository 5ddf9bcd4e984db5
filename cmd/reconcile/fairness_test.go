package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/workspace-providers/reconcile/status"
)

const (
	fairPushes    = 5 // while all is well, and with each trouble
	fairProviders = 4 // in each cluster
)

// fleet is a site some of whose clusters are well.
type fairFleet struct {
	*daemon
	well []string // providers there
	bad  []string // in the cluster that makes trouble
	line *nasty
	n    int // pushes so far
}

// change pushes another value for every provider and returns the commit.
func (f *fairFleet) change() string {
	f.n++
	f.declare("value.cue", fmt.Sprintf(`providers: [!="built-in"]: values: limit: %d`, f.n))
	return f.push()
}

// pushes is how long it takes from each of some pushes until the clusters that are well are at it, sorted, and the last
// commit.
func (f *fairFleet) pushes() (took []time.Duration, sha string) {
	f.Helper()
	for range fairPushes {
		began := time.Now()
		sha = f.change()
		f.ready(sha, f.well...)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took, sha
}

// A cluster that throttles, does not answer or drops connections slows nobody but itself: the others are as fast as
// they are without it, and it is brought to head as soon as it can be.
func TestAHostileClusterSlowsOnlyItself(t *testing.T) {
	s := newSite(t, us, builtIn, eu)
	f := &fairFleet{line: s.nastily(eu)}
	var text strings.Builder
	for _, cluster := range []string{us, builtIn, eu} {
		for i := range fairProviders {
			name := fmt.Sprintf("%s-%d", cluster, i)
			fmt.Fprintf(&text, "providers: %q: cluster: %q\n", name, cluster)
			if cluster == eu {
				f.bad = append(f.bad, name)
			} else {
				f.well = append(f.well, name)
			}
		}
	}
	s.declare("providers.cue", text.String())
	sha := s.push()
	f.daemon = s.daemon()
	f.ready(sha, append(f.bad, f.well...)...)
	calm, sha := f.pushes()
	f.ready(sha, f.bad...)
	t.Logf("all is well: from push to Ready %s", spread(calm))
	for _, how := range []string{throttled, overrun, hanging, dropping} {
		f.line.begin(how)
		began := time.Now()
		took, sha := f.pushes()
		t.Logf("one %s: from push to Ready in the others %s", how, spread(took))
		if got, most := part(took, 50), 3*part(calm, 50)+5*time.Second; got > most {
			t.Errorf("one %s: half of the pushes took more than %s, and more than %s when all was well", how, got, part(calm, 50))
		}
		if how == throttled || how == dropping {
			f.ready(sha, f.bad...)
			t.Logf("the one that %s is at head %s after that began", how, time.Since(began).Round(time.Millisecond))
		} else {
			f.troubled(how)
		}
		f.line.begin("")
		began = time.Now()
		f.ready(sha, f.bad...)
		t.Logf("it is at head %s after it was well again", time.Since(began).Round(time.Millisecond))
		if took := time.Since(began); took > 2*time.Minute {
			t.Errorf("the one that %s was brought to head %s after it was well again", how, took)
		}
	}
}

// troubled waits until the trouble has been felt for a while: until something was begun and did not work, or nothing
// can be.
func (f *fairFleet) troubled(how string) {
	f.until("the trouble is felt: "+how, func(doc status.StatusDoc) bool {
		return len(f.line.met()) > 3 && slices.ContainsFunc(doc.Providers, func(p status.Provider) bool {
			return slices.Contains(f.bad, p.Name) && p.Status == status.Error
		})
	})
	time.Sleep(20 * time.Second)
}

// spread is a few words about sorted times.
func spread(sorted []time.Duration) string {
	return fmt.Sprintf("%s in the median, %s to %s", part(sorted, 50), part(sorted, 0), part(sorted, 100))
}

// Watches that break are resumed where they were: after all connections were cut, and none came about for a while, each
// is asked for from the version that it was at, and nothing is listed anew.
func TestWatchesAreResumedWithoutListingAnew(t *testing.T) {
	s := newSite(t, eu)
	line := s.nastily(eu)
	s.declare("a.cue", `providers: {frankfurt: cluster: "eu", paris: cluster: "eu", rome: cluster: "eu"}`)
	sha := s.push()
	d := s.daemon()
	d.ready(sha, "frankfurt", "paris", "rome")
	watched, lists := map[string]bool{}, 0
	for _, r := range line.met() {
		if r.URL.Query().Get("watch") == "true" {
			watched[watchOf(r.Request)] = true
		}
		if listed(r.Request) {
			lists++
		}
	}
	if lists < len(watched) {
		t.Fatalf("%d lists are seen and %d watches, though each began with one: what is listed anew would not be seen", lists, len(watched))
	}
	for cut, name := range map[string]string{hanging: "frankfurt", overrun: "paris", dropping: "rome"} { // nobody quarrels over a field
		time.Sleep(5 * time.Second) // client-go lists anew after a watch of less than a second, and nothing tells how old one is
		line.begin(cut)
		time.Sleep(5 * time.Second)
		s.kubectl(eu, "patch", "configmap", name, "--type=merge", "--patch", `{"data":{"greeting":"another"}}`)
		line.begin("")
		d.await("the edit by hand is undone", func() (any, bool) {
			got := s.kubectl(eu, "get", "configmap", name, "-o", "jsonpath={.data.greeting}")
			return got, got == "hello"
		})
		resumed := map[string]bool{}
		d.await("all is watched again", func() (any, bool) {
			for _, r := range line.met() {
				if r.URL.Query().Get("watch") == "true" {
					resumed[watchOf(r.Request)] = true
				}
			}
			return fmt.Sprint(len(resumed), " of ", len(watched)), len(resumed) >= len(watched)
		})
		for _, r := range line.met() {
			if listed(r.Request) {
				t.Errorf("after a time in which it %s, %s was listed anew: %s", cut, r.URL.Path, r.URL.RawQuery)
			}
		}
		t.Logf("after a time in which it %s, %d watches were resumed", cut, len(resumed))
	}
}

// watchOf is what a watch is of.
func watchOf(r *http.Request) string {
	q := r.URL.Query()
	return r.URL.Path + " " + q.Get("labelSelector") + " " + q.Get("fieldSelector") + " " + r.Header.Get("Accept")
}

// listed says whether a request lists objects, also as the beginning of a watch. Pods are asked why they are not ready.
func listed(r *http.Request) bool {
	q := r.URL.Query()
	if q.Get("watch") == "true" {
		return q.Get("sendInitialEvents") == "true" || q.Get("resourceVersion") == "" || q.Get("resourceVersion") == "0"
	}
	return r.Method == http.MethodGet && q.Has("resourceVersion")
}
