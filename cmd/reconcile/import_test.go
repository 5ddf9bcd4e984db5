package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"code.gitea.io/sdk/gitea"

	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
)

// Ten releases that somebody installed by hand become declarations by one command. Their plan is to be taken over and
// no more; after that there is nothing to do.
func TestForeignReleasesAreImported(t *testing.T) {
	s := newSite(t, eu)
	s.declare("a.cue", `providers: "built-in": enforcement: "off" // it is no foreign release`)
	dir := s.worktree()
	s.kubectl(eu, "create", "namespace", s.name)
	for n := range 10 {
		args := []string{
			"install", fmt.Sprintf("old-%d", n), dir + "/charts/small", "--labels", fmt.Sprintf("half=%d", n/5),
			"--set", fmt.Sprintf("limit=%d", n+2),
		}
		s.helm(eu, args...)
	}
	s.helm(eu, "install", "flux", dir+"/charts/small")
	s.kubectl(eu, "label", "secret", "-l", "owner=helm,name=flux", "helm.toolkit.fluxcd.io/name=flux")
	in := []string{"--dir", dir, "--cluster", eu, "-n", s.name}

	got := s.want(exitError, append([]string{"import", "-l", "half=0"}, in...)...)
	if !strings.Contains(got.err, "where does chart small come from? --source small=") || got.out != "" {
		t.Errorf("without a source: %+v", got)
	}
	got = s.want(exitError, append([]string{"import", "old-0", "none"}, in...)...)
	if !strings.Contains(got.err, `there is no release "none"`) {
		t.Errorf("one that is not there: %+v", got)
	}
	s.want(exitOK, append([]string{"import", "-l", "half=0", "--source", "small=charts/small"}, in...)...)
	got = s.want(exitOK, append([]string{"import", "old-5", "old-6", "old-7", "old-8", "old-9", "flux", "--save-charts", "kept"}, in...)...)
	if !strings.Contains(got.err, "left out: "+s.name+"/flux: it is managed by Flux") || !strings.Contains(got.out, "kept/small-1.2.3/Chart.yaml") {
		t.Errorf("import says %+v", got)
	}
	s.want(exitOK, "vet", dir)

	got = s.want(exitChanges, "--dry-run", "--dir", dir)
	if n := strings.Count(got.out, "  adopt "); n != 10 || regexp.MustCompile(`(?m)^ +[-+~] `).MatchString(got.out) {
		t.Errorf("the plan is more than to take over:\n%s", got.out)
	}
	s.want(exitOK, "--once", "--dir", dir)
	if got = s.want(exitOK, "--dry-run", "--dir", dir); !strings.Contains(got.out, "10 kept") {
		t.Errorf("there is something left to do:\n%s", got.out)
	}
	if got := s.helm(eu, "get", "values", "old-7", "-o", "json"); strings.TrimSpace(got) != `{"limit":9}` {
		t.Errorf("values of old-7: %s", got)
	}
}

// A value that looks like a secret is not declared: whoever runs what import prints has it in a Secret, and the release
// is taken over as it is.
func TestASecretValueIsImportedByItsPlace(t *testing.T) {
	_, err := exec.LookPath("jq")
	kubetest.Need(t, "jq", err == nil, "")
	s := newSite(t, eu)
	s.declare("a.cue", `providers: "built-in": enforcement: "off" // it is no foreign release`)
	dir := s.worktree()
	s.kubectl(eu, "create", "namespace", s.name)
	s.helm(eu, "install", "old", dir+"/charts/small", "--set", "limit=4", "--set", `password=hunter2 "and" more`)
	got := s.want(exitOK, "import", "old", "--source", "small=charts/small", "--dir", dir, "--cluster", eu, "-n", s.name)
	if strings.Contains(got.out+got.err, "hunter2") {
		t.Fatalf("import shows the secret: %+v", got)
	}
	line := regexp.MustCompile(`(?m)^ +helm get values .*$`).FindString(got.out + got.err)
	cmd := exec.Command("sh", "-ec", line)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+s.admin(eu), "PATH="+filepath.Dir(kubetest.Tool("helm"))+string(filepath.ListSeparator)+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("what import prints: %s\n%v\n%s\n%+v", line, err, out, got)
	}
	got = s.want(exitChanges, "--dry-run", "--dir", dir)
	if !strings.Contains(got.out, "1 to adopt, 0 kept") || strings.Count(got.out, "~ ") != 2 || !strings.Contains(got.out, "→ (from Secret "+s.name+"/old-values)") {
		t.Errorf("the plan is more than to take over what cannot be compared:\n%s", got.out)
	}
	s.want(exitOK, "--once", "--dir", dir)
	if got := s.helm(eu, "get", "values", "old", "-o", "json"); !strings.Contains(got, `hunter2 \"and\" more`) {
		t.Errorf("values of old: %s", got)
	}
	if got := s.want(exitOK, "--dry-run", "--dir", dir); !strings.Contains(got.out, "1 kept") {
		t.Errorf("there is something left to do:\n%s", got.out)
	}
}

// A change becomes a pull request on a real forge, with the working tree left alone.
func TestAChangeIsProposed(t *testing.T) {
	g := newForged(t, eu)
	g.declare("a.cue", `providers: frankfurt: cluster: "eu"`)
	g.push()
	g.git("-C", g.clone, "config", "user.name", "Ada")
	g.git("-C", g.clone, "config", "user.email", "ada@example.com")
	got := g.want(exitOK, "provider", "cordon", "frankfurt", "--reason", "it moves", "--pr", "--dir", g.clone)
	if dirty := g.git("-C", g.clone, "status", "--porcelain"); dirty != "" {
		t.Errorf("the working tree has changed:\n%s", dirty)
	}
	all, _, err := g.forge.ListRepoPullRequests(g.forge.Admin, "providers", gitea.ListPullRequestsOptions{})
	if err != nil || len(all) != 1 {
		t.Fatalf("pull requests: %v, %v\n%s%s", all, err, got.out, got.err)
	}
	pr := all[0]
	if pr.Title != "Cordon provider frankfurt: it moves" || pr.Base.Ref != "main" || !strings.Contains(pr.Body, `cordon: reason: "it moves"`) ||
		!strings.Contains(got.out, "pull request: "+pr.HTMLURL) {
		t.Errorf("pull request: %+v\n%s", pr, got.out)
	}
}
