package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// crowdEnv is how many pull requests are opened at once, where somebody wants others than the few that are always tried.
const crowdEnv = "RECONCILE_TEST_REQUESTS"

// many is how many an environment variable asks for; few where it is not set.
func many(t testing.TB, env string, few int) int {
	t.Helper()
	text := os.Getenv(env)
	if text == "" {
		return few
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", env, err)
	}
	return n
}

// crowd is a forge that does nothing but list very many pull requests and take what is said of them, as Gitea's API has
// it: a real one takes minutes to open that many. How a real one behaves is told by the other tests.
type crowd struct {
	heads []string // of pull requests 1, 2, …

	mu       sync.Mutex        // guards the rest
	statuses map[string]string // the newest of each commit and context
	comments map[string]int    // by request
}

func (c *crowd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/api/v1/")
	parts := strings.Split(strings.TrimPrefix(path, "repos/ada/providers/"), "/")
	w.Header().Set("Content-Type", "application/json")
	answer := func(value any) { _ = json.NewEncoder(w).Encode(value) } // whoever asked may be gone
	switch {
	case path == "version":
		answer(map[string]string{"version": "1.26.0"})
	case path == "user":
		answer(map[string]any{"id": 1, "login": "robot"})
	case parts[0] == "pulls" && len(parts) == 1:
		all, next := c.page(r)
		if next != "" {
			w.Header().Set("Link", "<"+next+`>; rel="next"`)
		}
		answer(all)
	case parts[0] == "pulls" && r.Method == http.MethodGet: // reviews of one
		answer([]any{})
	case parts[0] == "pulls":
		answer(map[string]any{"id": 1})
	case parts[0] == "issues" && r.Method == http.MethodGet:
		answer([]any{})
	case parts[0] == "issues":
		c.mu.Lock()
		c.comments[parts[1]]++
		c.mu.Unlock()
		answer(map[string]any{"id": 1})
	case parts[0] == "commits" || parts[0] == "statuses" && r.Method == http.MethodGet:
		answer([]any{})
	case parts[0] == "statuses":
		var s struct{ Context, State, Description string }
		_ = json.NewDecoder(r.Body).Decode(&s) // an empty one is noticed below
		c.mu.Lock()
		c.statuses[parts[1]+" "+s.Context] = s.State + ": " + s.Description
		c.mu.Unlock()
		answer(map[string]any{"id": 1, "context": s.Context, "status": s.State})
	default:
		http.NotFound(w, r)
	}
}

// page is one page of the open requests, and where the next is; empty: it is the last.
func (c *crowd) page(r *http.Request) (all []any, next string) {
	number := func(key string) int {
		n, _ := strconv.Atoi(r.URL.Query().Get(key))
		return n
	}
	all = []any{}
	limit := number("limit")
	from := (number("page") - 1) * limit
	repo := map[string]any{"id": 1, "full_name": "ada/providers"}
	for n := from; n < min(len(c.heads), from+limit); n++ {
		all = append(all, map[string]any{
			"number": n + 1, "title": "one of many", "state": "open", "user": map[string]any{"login": "mallory"},
			"head": map[string]any{"sha": c.heads[n], "ref": fmt.Sprintf("refs/pull/%d/head", n+1), "repo": repo, "repo_id": 1},
			"base": map[string]any{"ref": "main", "repo": repo, "repo_id": 1},
		})
	}
	if from+limit < len(c.heads) {
		next = fmt.Sprintf("http://%s%s?state=open&limit=%d&page=%d", r.Host, r.URL.Path, limit, number("page")+1)
	}
	return all, next
}

// Very many requests at once, each of which changes everything in some megabytes: they take turns, and neither memory nor
// what is merged meanwhile suffers. Each is told of.
func TestManyPullRequestsAtOnce(t *testing.T) {
	many := many(t, crowdEnv, 40)
	s := newSite(t, eu)
	forge := &crowd{statuses: map[string]string{}, comments: map[string]int{}}
	server := httptest.NewServer(forge)
	defer server.Close()
	url, _ := s.server()
	s.write(s.creds+"/forge/token", "robot")
	s.declare("forge.cue", fmt.Sprintf(`deployment: statuses: {forge: "gitea", url: %q, repository: "ada/providers"}`, server.URL))
	for i := range 20 {
		s.declare(fmt.Sprintf("p%02d.cue", i), fmt.Sprintf("providers: p%02d: cluster: \"eu\"", i))
	}
	sha := s.push()
	s.crowd(forge, many)
	d := s.daemonOn("--repo", url)
	d.ready(sha, "p00", "p19")
	s.declare("p00.cue", `providers: p00: {cluster: "eu", values: greeting: "two"}`)
	d.ready(s.push(), "p00")
	for n, head := range forge.heads {
		state := "success: 20 to update"
		if n%3 == 0 {
			state = "failure: crowd.cue:4:"
		}
		s.await(fmt.Sprintf("%s of request %d", state, n+1), func() (any, bool) {
			forge.mu.Lock()
			defer forge.mu.Unlock()
			got := forge.statuses[head+" reconcile/"+s.name+"/plan"]
			return got, strings.HasPrefix(got, state) && forge.comments[fmt.Sprint(n+1)] > 0
		})
		if n%100 == 99 {
			t.Logf("%d planned, at most %d MiB", n+1, d.peak())
		}
	}
	if most := d.peak(); most > 300 {
		t.Errorf("the daemon took %d MiB", most)
	}
}

// crowd makes the heads of many pull requests. A third of them is invalid.
func (s *site) crowd(forge *crowd, many int) {
	s.Helper()
	var stream strings.Builder
	for n := range many {
		text := fmt.Sprintf("package providers\n\n_n: %q\nproviders: [!=\"built-in\"]: values: text: _n\n", strings.Repeat(fmt.Sprint(n, " "), 8000))
		if n%3 == 0 {
			text = fmt.Sprintf("package providers\n\n// %d\nproviders: p%02d: cluster: \"nowhere\"\n", n, n%20)
		}
		fmt.Fprintf(&stream, "commit refs/pull/%d/head\ncommitter Mallory <mallory@example.com> 1790000000 +0000\ndata 5\nmany\n\n"+
			"from refs/heads/main^0\nM 100644 inline crowd.cue\ndata %d\n%s\n", n+1, len(text), text)
	}
	load := exec.Command("git", "-C", s.bare, "fast-import", "--quiet")
	load.Stdin = strings.NewReader(stream.String())
	if out, err := load.CombinedOutput(); err != nil {
		s.Fatalf("%v: %s", err, out)
	}
	for n := range many {
		forge.heads = append(forge.heads, strings.TrimSpace(s.git("-C", s.bare, "rev-parse", fmt.Sprintf("refs/pull/%d/head", n+1))))
	}
}
