package main

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"code.gitea.io/sdk/gitea"
)

// attack is a pull request that means no good, and what has to come of it.
type attack struct {
	files map[string]string
	git   func(g *forged) // what files cannot say
	state string
	says  string
}

// evil is a chart with one template, and the provider that uses it.
func evil(template string) map[string]string {
	return map[string]string{
		"evil.cue":                     "package providers\n\nproviders: evil: {cluster: \"eu\", chart: path: \"charts/evil\"}\n",
		"charts/evil/Chart.yaml":       "apiVersion: v2\nname: evil\nversion: 1.0.0\n",
		"charts/evil/templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: evil}\ndata:\n  a: " + template + "\n",
	}
}

func cue(text string) map[string]string {
	return map[string]string{"evil.cue": "package providers\n\n" + text + "\n"}
}

// attacks are a choice: many more are tried on the worker, the charts and the git code by themselves.
func attacks() map[string]attack {
	var doubling, laughs strings.Builder
	doubling.WriteString("_a0: \"xxxxxxxxxxxxxxxx\"\n")
	laughs.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 40; i++ {
		fmt.Fprintf(&doubling, "_a%d: \"\\(_a%d)\\(_a%d)\"\n", i, i-1, i-1)
	}
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&laughs, "a%[1]d: &a%[1]d [*a%[2]d, *a%[2]d, *a%[2]d, *a%[2]d, *a%[2]d, *a%[2]d, *a%[2]d, *a%[2]d, *a%[2]d]\n", i, i-1)
	}
	return map[string]attack{
		"cue-memory":  {files: cue(doubling.String() + "providers: evil: {cluster: \"eu\", values: a: _a39}"), state: "failure", says: "memory"},
		"cue-time":    {files: cue("import \"list\"\n\n_r: list.Range(0, 1000, 1)\nproviders: evil: {cluster: \"eu\", values: a: [for x in _r for y in _r for z in _r {x + y + z}]}"), state: "failure", says: "evaluating the declarations"},
		"yaml":        {files: map[string]string{"providers/evil.yaml": laughs.String()}, state: "failure", says: "providers/evil.yaml"},
		"template":    {files: evil(`{{ randBytes 1000000000 | len }}`), state: "failure", says: "memory"},
		"recursion":   {files: evil(`{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ print $d }}`), state: "failure", says: "itself"},
		"environment": {files: evil(`{{ env "HOME" }}`), state: "failure", says: "env"},
		"name":        {files: evil(`"{{ getHostByName "example.com" }}"`), state: "success", says: "1 to create"},
		"lookup":      {files: evil(`"{{ lookup "v1" "Secret" "kube-system" "" | toJson | len }}"`), state: "success", says: "to create"},
		"huge":        {files: map[string]string{"huge.bin": strings.Repeat("0", 40<<20)}, state: "failure", says: "too large"},
		"long":        {files: map[string]string{"long.cue": "package providers\n// " + strings.Repeat("x", 8<<20)}, state: "failure", says: "long.cue"},
		"plugin":      {files: map[string]string{"clusters/eu.kubeconfig": "users: [{name: x, user: {exec: {command: /bin/false}}}]"}, state: "success", says: "nothing to do"},
		"rename":      {files: cue("deployment: name: \"other\""), state: "failure", says: "deployment.name"},
		"elsewhere":   {files: cue(`providers: evil: {cluster: "eu", chart: {name: "x", version: "1.0.0", repo: "https://127.0.0.1:1/charts"}}`), state: "success", says: "held"},
		"symlink":     {git: func(g *forged) { g.link("evil.cue", "/etc/passwd") }, state: "failure", says: "evil.cue"},
		"chart-link":  {files: evil("a"), git: func(g *forged) { g.link("charts/evil/templates/b.yaml", "/etc/passwd") }, state: "success", says: "held"},
		"submodule":   {git: func(g *forged) { g.submodule("charts/evil") }, state: "success", says: "nothing to do"},
		"conflict":    {files: map[string]string{"a.cue": "package providers\n\nproviders: other: cluster: \"eu\"\n"}, state: "failure", says: "conflicts in a.cue"},
	}
}

// link commits a symbolic link.
func (g *forged) link(name, to string) {
	g.Helper()
	if err := os.Symlink(to, filepath.Join(g.clone, name)); err != nil {
		g.Fatal(err)
	}
}

// submodule commits an entry that is another repository.
func (g *forged) submodule(name string) {
	g.Helper()
	g.git("-C", g.clone, "update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("1", 40)+","+name)
}

// propose opens a pull request with an attack, on top of what the clone has.
func (g *forged) propose(name string, a attack) string {
	g.Helper()
	g.git("-C", g.clone, "checkout", "--quiet", "--force", "-B", name, "base")
	for _, file := range slices.Sorted(maps.Keys(a.files)) {
		g.write(filepath.Join(g.clone, file), a.files[file])
	}
	g.git("-C", g.clone, "add", "--all")
	if a.git != nil {
		a.git(g)
	}
	if name != "submodule" {
		g.git("-C", g.clone, "add", "--all")
	}
	g.git("-C", g.clone, "-c", "user.name=Mallory", "-c", "user.email=mallory@example.com", "commit", "--quiet", "--message", name)
	g.git("-C", g.clone, "push", "--quiet", "--force", "origin", "HEAD:refs/heads/"+name)
	g.open(name)
	return strings.TrimSpace(g.git("-C", g.clone, "rev-parse", "HEAD"))
}

// peak is the most memory that a daemon ever took, in MiB.
func (d *daemon) peak() int {
	d.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))
	if err != nil {
		d.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kib int
		if n, _ := fmt.Sscanf(lines.Text(), "VmHWM: %d kB", &kib); n == 1 {
			return kib >> 10
		}
	}
	d.Fatal("the system does not say how much memory was used")
	return 0
}

// Whoever may open pull requests can neither take the daemon down, nor learn what it knows, nor keep others waiting.
func TestHostilePullRequests(t *testing.T) {
	g := newForged(t, eu)
	g.declare("a.cue", `providers: frankfurt: {cluster: "eu", values: greeting: "one"}`)
	g.push()
	g.git("-C", g.clone, "branch", "base")
	heads := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(attacks())) {
		heads[name] = g.propose(name, attacks()[name])
	}
	g.git("-C", g.clone, "checkout", "--quiet", "--force", "main")
	d := g.start()
	g.declare("a.cue", `providers: frankfurt: {cluster: "eu", values: greeting: "two"}`) // what is merged goes on
	d.ready(g.push(), "frankfurt")
	for _, name := range slices.Sorted(maps.Keys(heads)) {
		a := attacks()[name]
		g.says(heads[name], "plan", a.state, a.says)
	}
	if most := d.peak(); most > 300 {
		t.Errorf("the daemon took %d MiB", most)
	}
	all, _, err := g.forge.ListRepoPullRequests(g.forge.Admin, "providers", gitea.ListPullRequestsOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, pr := range all {
		comments, _, err := g.forge.ListIssueComments(g.forge.Admin, "providers", pr.Index, gitea.ListIssueCommentOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range comments {
			if strings.Contains(c.Body, "root:x:") || strings.Contains(c.Body, os.Getenv("HOME")+"\"") {
				t.Errorf("%s tells what is on this machine:\n%s", pr.Title, c.Body)
			}
		}
	}
	g.sane(g.api(eu), d.status(), 5)
}
