package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"code.gitea.io/sdk/gitea"

	"github.com/workspace-providers/reconcile/reconcile/trace/tracetest"
	"github.com/workspace-providers/reconcile/status"
	"github.com/workspace-providers/reconcile/status/forgetest"
)

// forged is a site whose repository is on a real forge, where pull requests are made.
type forged struct {
	*site
	forge *forgetest.Forge
	repo  string // its URL, without credentials
}

// newForged is a site on a forge.
func newForged(t *testing.T, clusters ...string) *forged {
	t.Helper()
	s := newSite(t, clusters...)
	f := forgetest.Start(t)
	g := &forged{site: s, forge: f, repo: f.Repository("providers")}
	s.git("-C", s.clone, "remote", "set-url", "origin", forgetest.Signed(g.repo, f.Admin, f.Token))
	s.write(s.creds+"/git/username", f.Admin)
	s.write(s.creds+"/git/password", f.Token)
	s.write(s.creds+"/forge/token", f.Token)
	s.declare("forge.cue", `deployment: statuses: {forge: "gitea", page: "http://127.0.0.1:1/page"}`)
	return g
}

// start starts a daemon on the forge's repository.
func (g *forged) start(args ...string) *daemon {
	g.Helper()
	return g.daemonOn(append([]string{"--repo", g.repo}, args...)...)
}

// branch commits the files as they are now on a branch of main, and pushes it.
func (g *forged) branch(name string) string {
	g.Helper()
	sha := g.commit()
	g.git("-C", g.clone, "push", "--quiet", "--force", "origin", "HEAD:refs/heads/"+name)
	return sha
}

// open opens a pull request of a branch, once the forge has seen it.
func (g *forged) open(branch string) (number int64) {
	g.Helper()
	g.await("the forge sees what was pushed", func() (any, bool) {
		pr, _, err := g.forge.CreatePullRequest(g.forge.Admin, "providers", gitea.CreatePullRequestOption{
			Head: branch, Base: "main", Title: "change " + branch,
		})
		if err == nil {
			number = pr.Index
		}
		return err, err == nil
	})
	return number
}

// merge merges a pull request in one of the forge's ways, and returns what is the newest commit then. The clone
// follows.
func (g *forged) merge(number int64, style gitea.MergeStyle) string {
	g.Helper()
	g.await("the request is merged", func() (any, bool) { // the forge looks for conflicts first
		done, _, err := g.forge.MergePullRequest(g.forge.Admin, "providers", number, gitea.MergePullRequestOption{Style: style})
		return err, done && err == nil
	})
	g.follow()
	return strings.TrimSpace(g.git("-C", g.clone, "rev-parse", "origin/main"))
}

// follow brings the clone to where main is.
func (g *forged) follow() {
	g.Helper()
	g.git("-C", g.clone, "fetch", "--quiet", "origin")
	g.git("-C", g.clone, "reset", "--quiet", "--hard", "origin/main")
}

// says waits until the newest status of a context of a commit begins with a state and has some words in it.
func (g *forged) says(sha, context, state string, words ...string) {
	g.Helper()
	want := "reconcile/" + g.name + "/" + context
	g.await(fmt.Sprintf("%.7s says %s %s %q", sha, context, state, words), func() (any, bool) {
		all, _, err := g.forge.ListStatuses(g.forge.Admin, "providers", sha, gitea.ListStatusesOption{})
		if err != nil {
			return err, false
		}
		var newest *gitea.Status
		for _, s := range all {
			if s.Context == want && (newest == nil || s.ID > newest.ID) {
				newest = s
			}
		}
		if newest == nil {
			return "nothing", false
		}
		got := string(newest.State) + ": " + newest.Description
		return got, strings.HasPrefix(got, state) && contains(got, words)
	})
}

// comment waits until the one comment of ours has some words in it, and returns it.
func (g *forged) comment(number int64, words ...string) string {
	g.Helper()
	var text string
	g.await(fmt.Sprintf("request %d has a comment with %q", number, words), func() (any, bool) {
		all, _, err := g.forge.ListIssueComments(g.forge.Admin, "providers", number, gitea.ListIssueCommentOptions{})
		if err != nil {
			return err, false
		}
		if len(all) > 1 {
			g.Fatalf("%d comments on request %d", len(all), number)
		}
		if len(all) == 0 {
			return "nothing", false
		}
		text = all[0].Body
		return text, contains(text, words)
	})
	return text
}

// proposed waits until a trace tells how the plan for a request with this head was made.
func (g *forged) proposed(c *tracetest.Collector, head string, steps ...string) {
	g.Helper()
	g.await("a trace of the plan", func() (any, bool) {
		all := c.Spans()
		for _, root := range all {
			did := func(step string) bool {
				return slices.ContainsFunc(all, func(s tracetest.Span) bool { return s.Parent == root.ID && s.Name == step })
			}
			if root.Name == "propose" && root.Attrs["reconcile.head"] == head && !slices.ContainsFunc(steps, func(s string) bool { return !did(s) }) {
				return root, true
			}
		}
		return all, false
	})
}

func contains(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// page is what the daemon tells of a commit.
func (d *daemon) page(sha string) status.RevisionPage {
	d.Helper()
	code, body := d.get("/api/v1/revisions/" + sha)
	var page status.RevisionPage
	if code != 200 {
		return page
	}
	if err := json.Unmarshal([]byte(body), &page); err != nil {
		d.Fatal(err)
	}
	return page
}

// The whole story, on a real forge and two real clusters: what a pull request would do is seen on it, a mistake is
// seen and mended, what is merged happens, and is found to be what was shown.
func TestAPullRequest(t *testing.T) {
	g := newForged(t, eu, us)
	g.declare("a.cue", `organizations: research: {}
providers: frankfurt: {cluster: "eu", values: greeting: "one"}`)
	first := g.push()
	collector := tracetest.New(t)
	g.traced(collector.URL)
	d := g.start()
	d.ready(first, "frankfurt")
	g.says(first, "apply", "success")

	g.declare("a.cue", `organizations: research: {}
providers: frankfurt: {cluster: "eu", values: greeting: "two"}
providers: boston: {clutser: "us"}
allowlists: frankfurt: research: true`)
	wrong := g.branch("boston")
	number := g.open("boston")
	g.says(wrong, "plan", "failure", "a.cue:")
	g.comment(number, "Cannot be merged", "clutser")
	g.await("the mistake is pointed at", func() (any, bool) {
		reviews, _, err := g.forge.ListPullReviews(g.forge.Admin, "providers", number, gitea.ListPullReviewsOptions{})
		return err, len(reviews) == 1 && reviews[0].CodeCommentsCount == 1
	})

	g.declare("a.cue", strings.TrimPrefix(strings.Replace(g.files["a.cue"], "clutser", "cluster", 1), "package providers\n\n"))
	right := g.branch("boston")
	g.says(right, "plan", "success", "to create", "1 to update")
	g.proposed(collector, right, "evaluate", "render")
	text := g.comment(number, "organization research gains provider frankfurt", "provider boston is new, in cluster us",
		`data.greeting: "one" → "two"`, "sha256:", "Cluster `us`")
	if strings.Contains(text, "clutser") {
		t.Errorf("the old mistakes are still there:\n%s", text)
	}
	if got := g.kubectl(eu, "get", "configmap", "frankfurt", "-o", "jsonpath={.data.greeting}"); got != "one" {
		t.Errorf("a request was applied: %s", got)
	}

	g.helm(eu, "upgrade", "frankfurt", g.worktree()+"/charts/small", "--set", "greeting=mine") // and it is brought back
	g.comment(number, "Made anew", "revision 1 →")

	merged := g.merge(number, gitea.MergeStyleMerge)
	d.ready(merged, "frankfurt", "boston")
	g.says(merged, "apply", "success")
	page := d.page(merged)
	if page.Shown == nil || page.Shown.Request != int(number) || page.Differs != 0 || len(page.Rows) == 0 {
		t.Errorf("the page of the merge: %+v", page)
	}
	g.git("-C", g.clone, "push", "--quiet", "origin", "HEAD:refs/tags/v1.0.0", "HEAD:refs/heads/other") // nobody's business

	// Another, whose branch is rewritten after it was planned, and squashed.
	g.declare("a.cue", "organizations: research: {}\nproviders: frankfurt: cluster: \"eu\"\nallowlists: frankfurt: research: true")
	older := g.branch("less")
	second := g.open("less")
	g.says(older, "plan", "success")
	g.follow()
	g.declare("a.cue", strings.TrimPrefix(g.files["a.cue"], "package providers\n\n")+`providers: boston: cluster: "us"
providers: boston: values: greeting: "three"`)
	rewritten := g.branch("less")
	g.says(rewritten, "plan", "success", "to update")
	squashed := g.merge(second, gitea.MergeStyleSquash)
	d.ready(squashed, "frankfurt", "boston")
	g.says(squashed, "apply", "success")
	if page := d.page(squashed); page.Shown == nil || page.Differs != 0 || page.Shown.Request != int(second) {
		t.Errorf("the page of the squash: %+v", page)
	}
	if code, html := d.get("/revisions/" + merged); code != 200 || !strings.Contains(html, "Plan and outcome") {
		t.Errorf("%d %s", code, html)
	}
}
