package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/workspace-providers/reconcile/status"
)

// The pages of a daemon show what there is, where it is declared and by which commit; whoever looks is told of changes,
// and programs find what their organization may choose from in the cluster.
func TestThePagesOfADaemon(t *testing.T) {
	s := newSite(t, eu)
	s.declare("a.cue", `providers: frankfurt: {cluster: "eu", region: "central", hostname: "https://fra.coder.example.com"}
organizations: sales: displayName: "Sales"
allowlists: frankfurt: sales: true`)
	sha := s.push()
	d := s.daemon()
	d.ready(sha, "frankfurt")
	for path, words := range map[string][]string{
		"/":                    {`id="p-frankfurt"`, ">Ready (unverified)<", "central", "sales"},
		"/providers/frankfurt": {"a.cue:3", "reconcile explain frankfurt", sha[:7], "<b>create</b> (absent)", "became Ready", "https://fra.coder.example.com"},
		"/clusters":            {"reachable", "this process", "v1."},
		"/rollout":             {"1 of 1 ready"},
		"/organizations/sales": {"frankfurt", "built-in", "https://fra.coder.example.com"},
		"/revisions":           {sha[:7], "in force"},
		"/revisions/" + sha:    {"Plan and outcome", "<dd>Ada</dd>"},
	} {
		s.await(fmt.Sprintf("%s shows %q", path, words), func() (any, bool) { // what became of it is written down a moment later
			code, html := d.get(path)
			return html, code == http.StatusOK && contains(html, words)
		})
	}
	pool := func() (any, bool) {
		_, want := d.get("/api/v1/organizations/sales/providers")
		got := s.kubectl(eu, "get", "configmap", "-n", "default", "reconcile-"+s.name+".pool.sales", "--ignore-not-found", "-o", `jsonpath={.data.providers\.json}`)
		short := strings.NewReplacer(" ", "", "\n", "")
		return got + want, got != "" && short.Replace(got) == short.Replace(want) && strings.Contains(got, `"ready":true`)
	}
	s.await("the pool stands in the cluster", pool)
	d.follow("/providers/frankfurt", func(news string) bool { return strings.Contains(news, "cordoned") }, func() {
		s.declare("b.cue", `providers: frankfurt: cordon: reason: "full"`)
		s.push()
	})
	d.until("it is cordoned", func(doc status.StatusDoc) bool { return provider(doc, "frankfurt").Cordoned == "full" })
	s.await("the pool says so", pool)
	d.stop() // which pages that are open do not delay
}

// follow opens a page, does something when it has been open for longer than the server waits for a request, and waits
// until the page is told what is wanted. It stays open.
func (d *daemon) follow(page string, wanted func(news string) bool, do func()) {
	d.Helper()
	answer, err := http.Get(d.url + "/live?of=" + page)
	if err != nil {
		d.Fatal(err)
	}
	d.Cleanup(func() { answer.Body.Close() })
	told := make(chan error, 1)
	go func() {
		lines := bufio.NewScanner(answer.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if wanted(lines.Text()) {
				told <- nil
				return
			}
		}
		told <- cmp.Or(lines.Err(), io.EOF)
	}()
	time.Sleep(12 * time.Second)
	do()
	select {
	case err := <-told:
		if err != nil {
			d.Fatalf("the page was told nothing more: %v", err)
		}
	case <-time.After(patience):
		d.Fatal("the page was not told")
	}
}
