package kube

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/workspace-providers/reconcile/reconcile"
)

func clusterNames(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("cluster-%d", i))
	}
	return out
}

// Each replica has its part, whoever is asked says the same, and only what a lost replica had goes to others.
func TestClustersAreSharedOut(t *testing.T) {
	replicas := []string{"reconcile-0", "reconcile-1", "reconcile-2"}
	share, all := map[string]int{}, clusterNames(3000)
	for _, c := range all {
		who := first(c, replicas)
		share[who]++
		backwards := []string{replicas[2], replicas[1], replicas[0]}
		if got := first(c, backwards); got != who {
			t.Fatalf("%s is %s's or %s's, by the order in which they are named", c, who, got)
		}
		if left := first(c, replicas[:2]); who != replicas[2] && left != who {
			t.Fatalf("%s goes from %s to %s since %s is gone", c, who, left, replicas[2])
		}
	}
	for _, r := range replicas {
		if share[r] < 900 || share[r] > 1100 {
			t.Errorf("%s has %d of %d", r, share[r], len(all))
		}
	}
}

// newTestHub is the hub of replica a, which was told of itself.
func newTestHub() *hub {
	f := &Fleet{Options: Options{Replica: "a", Identity: "me"}, owner: "acme", changed: make(chan bool, 1)}
	h := newHub(f)
	f.hub, h.listed, h.renewed = h, true, time.Now()
	h.saw(replica("a", "me", "1", ""))
	return h
}

// replica is the Lease of a replica.
func replica(name, identity, version, misses string) *coordinationv1.Lease {
	l := &coordinationv1.Lease{}
	l.Name, l.ResourceVersion = replicaLease("acme", name), version
	l.Annotations = map[string]string{missesAnno: misses}
	l.Spec.HolderIdentity = &identity
	return l
}

// has are the clusters that it is the hub's replica's turn to hold.
func (h *hub) has(clusters []string) (out []string) {
	for _, c := range clusters {
		if h.prefers(c) {
			out = append(out, c)
		}
	}
	return out
}

func TestWhoseTurnItIs(t *testing.T) {
	all := clusterNames(40)
	with := func(names ...string) (out []string) {
		for _, c := range all {
			if first(c, names) == "a" {
				out = append(out, c)
			}
		}
		return out
	}
	ago := func(h *hub, name string, age time.Duration) {
		p := h.peers[name]
		p.changed = p.changed.Add(-age)
		h.peers[name], h.alive = p, nil
	}
	for _, tt := range []struct {
		name   string
		happen func(h *hub)
		want   []string
	}{
		{"alone", func(*hub) {}, all},
		{"with another", func(h *hub) { h.saw(replica("b", "b1", "2", "")) }, with("a", "b")},
		{"another that took its leave", func(h *hub) { h.saw(replica("b", "b1", "2", "")); h.lost(replica("b", "b1", "2", "")) }, all},
		{"another that was not heard of for long", func(h *hub) {
			h.saw(replica("b", "b1", "2", ""))
			ago(h, "b", leaseDuration+time.Second)
		}, all},
		{"another that is only listed again", func(h *hub) {
			h.saw(replica("b", "b1", "2", ""))
			ago(h, "b", leaseDuration+time.Second)
			h.saw(replica("b", "b1", "2", ""))
		}, all},
		{"another that is back", func(h *hub) {
			h.saw(replica("b", "b1", "2", ""))
			ago(h, "b", leaseDuration+time.Second)
			h.saw(replica("b", "b1", "3", ""))
		}, with("a", "b")},
		{"another that reaches nothing", func(h *hub) { h.saw(replica("b", "b1", "2", strings.Join(all, ","))) }, all},
		{"nobody reaches anything", func(h *hub) {
			h.saw(replica("a", "me", "3", strings.Join(all, ",")))
			h.saw(replica("b", "b1", "2", strings.Join(all, ",")))
		}, with("a", "b")},
		{"the others are not known yet", func(h *hub) { h.listed = false }, nil},
		{"the hub does not answer for long", func(h *hub) {
			h.saw(replica("b", "b1", "2", ""))
			h.began, h.renewed = h.began.Add(-time.Hour), h.renewed.Add(-leaseDuration-time.Second)
		}, all},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newTestHub()
			tt.happen(h)
			if got := h.has(all); !slices.Equal(got, tt.want) {
				t.Errorf("it is our turn for %v\nwant %v", got, tt.want)
			}
		})
	}
}

// What one replica was told to look for, the others look for too.
func TestAPokeIsPassedOn(t *testing.T) {
	h := newTestHub()
	pokes := 0
	h.fleet.Poked = func() { pokes++ }
	poked := func(name, version, at string) *coordinationv1.Lease {
		l := replica(name, name, version, "")
		l.Annotations[pokeAnno] = at
		return l
	}
	h.saw(poked("b", "1", "noon")) // which may be long ago
	h.saw(poked("b", "2", "noon"))
	if pokes != 0 {
		t.Fatalf("%d pokes before anybody poked", pokes)
	}
	h.saw(poked("b", "3", "later"))
	h.saw(poked("a", "4", "later"))
	if pokes != 1 {
		t.Errorf("%d pokes, want 1", pokes)
	}
}

// The first thing that a replica says of itself is which clusters it has no credentials for: what it seems to reach would
// be left to it, and the word of whoever speaks for all with it.
func TestWhatIsMissedIsKnownFromTheFirst(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "eu.kubeconfig"), []byte(strings.ReplaceAll(kubeconfigText, "two.example.com", "127.0.0.1:1")), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", filepath.Join(dir, "none"))
	ctx, cancel := context.WithCancel(t.Context())
	f := NewFleet(ctx, Options{Replica: "a", Credentials: Credentials{Dir: dir}})
	f.Use(reconcile.Desired{Owner: "acme", Clusters: map[string]reconcile.ClusterWant{"eu": {}, "us": {}}})
	if missing := f.missing(); !slices.Equal(missing, []string{"us"}) {
		t.Errorf("it misses %q", missing)
	}
	cancel()
	f.Wait()
}
