package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"code.gitea.io/sdk/gitea"
)

// trouble stands between a daemon and the API of a real forge, and answers badly while it is told to.
type trouble struct {
	forge http.Handler

	mu   sync.Mutex // guards the rest
	how  string     // empty: everything is well
	bad  int        // answers since it was told to
	hung chan struct{}
}

// begin makes everything go wrong from now on in some way; empty: not any more.
func (tr *trouble) begin(how string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.how, tr.bad = how, 0
	if tr.hung != nil {
		close(tr.hung)
	}
	tr.hung = make(chan struct{})
}

// had is how many answers were bad.
func (tr *trouble) had() int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.bad
}

func (tr *trouble) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	tr.mu.Lock()
	how, hung := tr.how, tr.hung
	if how != "" {
		tr.bad++
	}
	tr.mu.Unlock()
	switch how {
	case "":
		tr.forge.ServeHTTP(w, r)
	case "500":
		http.Error(w, "out of order", http.StatusInternalServerError)
	case "rate":
		w.Header().Set("Retry-After", "2")
		http.Error(w, "not so fast", http.StatusForbidden)
	case "hang":
		select {
		case <-r.Context().Done():
		case <-hung:
		}
		panic(http.ErrAbortHandler)
	case "lost":
		tr.forge.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case "gone":
		panic(http.ErrAbortHandler) // the connection is closed without an answer
	}
}

// A forge that answers badly, or does not answer, keeps nothing from being applied, and when it is well again everything
// is told: the last state of each commit, no state twice, and one comment on each request.
func TestAForgeInTrouble(t *testing.T) {
	g := newForged(t, eu)
	base, err := url.Parse(g.repo)
	if err != nil {
		t.Fatal(err)
	}
	tr := &trouble{forge: httputil.NewSingleHostReverseProxy(&url.URL{Scheme: base.Scheme, Host: base.Host})}
	server := httptest.NewServer(tr)
	t.Cleanup(server.Close)
	t.Cleanup(func() { tr.begin("") })
	g.declare("forge.cue", `deployment: statuses: {forge: "gitea", url: "`+server.URL+`", repository: "`+g.forge.Admin+`/providers"}`)
	g.declare("a.cue", `providers: frankfurt: {cluster: "eu", values: greeting: "one"}`)
	d := g.start()
	sha := g.push()
	d.ready(sha, "frankfurt")
	g.says(sha, "apply", "success")
	commits := map[string]bool{sha: true}
	for _, how := range []string{"500", "rate", "hang", "lost", "gone"} {
		g.declare("b.cue", `providers: frankfurt: values: farewell: "`+how+`"`)
		head := g.branch("while-" + how)
		number := g.open("while-" + how)
		g.says(head, "plan", "success")
		g.declare("b.cue", `providers: frankfurt: values: farewell: "`+how+` again"`)
		t.Log(how)
		tr.begin(how)
		next := g.branch("while-" + how)
		g.declare("b.cue", "")
		g.declare("a.cue", `providers: frankfurt: {cluster: "eu", values: greeting: "`+how+`"}`)
		g.git("-C", g.clone, "checkout", "--quiet", "--force", "-B", "main", "origin/main")
		sha := g.push()
		d.ready(sha, "frankfurt")
		g.await("the forge is in trouble: "+how, func() (any, bool) { return tr.had(), tr.had() > 2 })
		tr.begin("")
		g.says(sha, "apply", "success")
		g.says(next, "plan", "success")
		g.comment(number, next[:7])
		commits[sha], commits[head], commits[next] = true, true, true
	}
	for sha := range commits {
		g.once(sha)
	}
}

// once wants no status of a commit to be there twice in a row.
func (g *forged) once(sha string) {
	g.Helper()
	all, _, err := g.forge.ListStatuses(g.forge.Admin, "providers", sha, gitea.ListStatusesOption{ListOptions: gitea.ListOptions{PageSize: 50}})
	if err != nil {
		g.Fatal(err)
	}
	newest := map[string]*gitea.Status{}
	for _, s := range all { // newest first
		later := newest[s.Context]
		if later != nil && later.State == s.State && later.Description == s.Description {
			g.Errorf("%.7s was told twice that %s is %s: %s", sha, strings.TrimPrefix(s.Context, "reconcile/"+g.name+"/"), s.State, s.Description)
		}
		newest[s.Context] = s
	}
}
