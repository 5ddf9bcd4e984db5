package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/workspace-providers/reconcile/status"
)

// minutesEnv is for how long replicas are killed, where somebody wants more than the few that always are.
const minutesEnv = "RECONCILE_TEST_MINUTES"

// What the replicas have to do.
const (
	replicas = 3
	spacesOf = 12 // clusters
)

// crew is the replicas of a daemon that share clusters.
type crew struct {
	*site
	dice    *rand.Rand
	members []*daemon
	users   []string
	stopped map[int]bool
	limits  []int             // by cluster, as declared last
	pushed  []string          // commits
	spaces  map[string]string // by namespace: the server that it is in
}

// Three replicas share twelve clusters. They are killed and stopped at random under a stream of commits; at no time do
// two write to one cluster, and in the end all is as the newest commit says, and each commit says what became of it.
func TestReplicasThatAreKilled(t *testing.T) {
	c := newCrew(newSite(t, builtIn))
	c.dice = rand.New(rand.NewPCG(seed(t), 0))
	for i := range replicas {
		c.members = append(c.members, c.member(i))
	}
	c.change(0)
	c.settled("all is in place")
	c.spread()
	for _, round := range c.rounds() {
		c.mishap(round)
	}
	for i := range c.stopped {
		c.members[i].signal(syscall.SIGCONT)
	}
	c.change(c.dice.IntN(spacesOf))
	c.settled("all is as the newest commit says")
	c.told()
	for _, m := range c.members {
		m.stop()
	}
	c.audit()
}

// newCrew declares the clusters, each with one provider, and lets each replica in by a name of its own.
func newCrew(s *site) *crew {
	c := &crew{site: s, stopped: map[int]bool{}, limits: make([]int, spacesOf), spaces: map[string]string{}}
	s.kubectl(builtIn, "create", "namespace", s.name)
	servers, front := []string{eu, us}, newSpaces(s)
	var text strings.Builder
	for i := range spacesOf {
		fmt.Fprintf(&text, "clusters: %q: {}\n", space(i))
		c.spaces[s.name+"-"+space(i)] = servers[i%len(servers)]
	}
	s.declare("clusters.cue", text.String())
	for i := range replicas {
		configs := map[string]string{}
		for _, server := range append([]string{builtIn}, servers...) {
			user, config := s.user(server, fmt.Sprintf("r%d", i))
			configs[server] = config
			c.users = append(c.users, user)
		}
		s.write(filepath.Join(c.credsOf(i), "clusters", "built-in.kubeconfig"), configs[builtIn])
		for n := range spacesOf {
			config := front.open(fmt.Sprintf("r%d", i), configs[servers[n%len(servers)]], space(n), s.name+"-"+space(n))
			s.write(filepath.Join(c.credsOf(i), "clusters", space(n)+".kubeconfig"), config)
		}
	}
	c.users = slices.Compact(slices.Sorted(slices.Values(c.users)))
	s.Cleanup(func() { c.sweep() })
	return c
}

func space(i int) string { return fmt.Sprintf("c%02d", i) }

func (c *crew) credsOf(i int) string { return fmt.Sprintf("%s-r%d", c.creds, i) }

// sweep removes the namespaces that are not the site's own.
func (c *crew) sweep() {
	for namespace, server := range c.spaces {
		c.kubectl(server, "delete", "namespace", namespace, "--wait=false", "--ignore-not-found")
	}
}

// member starts a replica.
func (c *crew) member(i int) *daemon {
	c.Helper()
	return c.daemon("--credentials", c.credsOf(i), "--replica", fmt.Sprintf("r%d", i))
}

// change pushes another value for the provider of one cluster.
func (c *crew) change(i int) {
	c.Helper()
	c.limits[i]++
	var text strings.Builder
	for n, limit := range c.limits {
		fmt.Fprintf(&text, "providers: p%02d: {cluster: %q, namespace: %q, values: limit: %d}\n", n, space(n), c.name+"-"+space(n), limit+1)
	}
	c.declare("providers.cue", text.String())
	c.pushed = append(c.pushed, c.push())
}

// settled waits until each replica sees everything in place.
func (c *crew) settled(what string) {
	c.Helper()
	sha := c.pushed[len(c.pushed)-1]
	began := time.Now()
	for _, m := range c.members {
		m.until(what, func(doc status.StatusDoc) bool {
			return doc.Revision.SHA == sha && len(doc.Providers) == spacesOf+1 && allReady(doc) && doc.Summary == status.Summary{Keep: spacesOf}
		})
	}
	c.Logf("%s after %s", what, time.Since(began).Round(100*time.Millisecond))
}

// spread wants every replica to act on some of the clusters.
func (c *crew) spread() {
	c.Helper()
	c.await("every replica acts on some clusters", func() (any, bool) {
		share := c.share()
		return share, slices.Min(share) > 0
	})
	c.Logf("the replicas act on %v clusters", c.share())
}

// share is on how many clusters each replica acts.
func (c *crew) share() []int {
	share := make([]int, len(c.members))
	for i, m := range c.members {
		for _, cluster := range m.status().Clusters {
			if cluster.Held {
				share[i]++
			}
		}
	}
	return share
}

// mishap is one replica in trouble for a while.
type mishap struct {
	kill bool          // else it is stopped, and goes on later
	span time.Duration // until the next
}

// rounds are what happens one after another. Of those that always do one is stopped for longer than a Lease lasts.
func (c *crew) rounds() []mishap {
	minutes, err := strconv.Atoi(os.Getenv(minutesEnv))
	if err != nil {
		return []mishap{{kill: true, span: 5 * time.Second}, {span: 70 * time.Second}, {kill: true, span: 5 * time.Second}}
	}
	var out []mishap
	for range minutes * 3 {
		out = append(out, mishap{kill: c.dice.IntN(2) == 0, span: 20 * time.Second})
	}
	return out
}

// mishap makes trouble for one replica, while commits go on. One that was killed is started again, as Kubernetes does;
// of those that are stopped one goes on.
func (c *crew) mishap(t mishap) {
	c.Helper()
	victim := c.dice.IntN(len(c.members))
	switch {
	case c.stopped[victim]:
		c.members[victim].signal(syscall.SIGCONT)
		delete(c.stopped, victim)
	case t.kill || len(c.stopped) == len(c.members)-1:
		c.members[victim].kill()
		c.members[victim] = c.member(victim)
	default:
		c.members[victim].signal(syscall.SIGSTOP)
		c.stopped[victim] = true
	}
	for end := time.Now().Add(t.span); time.Now().Before(end); time.Sleep(4 * time.Second) {
		c.change(c.dice.IntN(spacesOf))
	}
}

// told wants each commit to say how it ended: nothing is pending, the newest is a success, and what was not done by the
// time of the next was overtaken.
func (c *crew) told() {
	c.Helper()
	last := len(c.pushed) - 1
	c.noted(c.pushed[last], "apply success")
	count := map[string]int{}
	for i, sha := range c.pushed {
		var state string
		c.await(fmt.Sprintf("commit %d of %d says how it ended", i, last), func() (any, bool) {
			note := c.note(sha)
			return note, !strings.Contains(note, " pending ")
		})
		for line := range strings.Lines(c.note(sha)) {
			if fields := strings.Fields(line); len(fields) > 1 && strings.HasSuffix(fields[0], "/apply") {
				state = fields[1]
			}
		}
		count[state]++
		if state == "failure" {
			c.Errorf("commit %d: %s", i, c.note(sha))
		}
	}
	c.Logf("of %d commits: %v (without state: never seen)", len(c.pushed), count)
}
