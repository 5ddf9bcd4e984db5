package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/status"
)

// versionBefore stands for the version before as long as there is no release: a commit of main.
const versionBefore = "224a26c8e483ad235a2b78ccc175db794795bc74"

// What the version before left in a cluster the one of now understands: it takes over and writes nothing but its Lease.
// Then it changes something, and the version before takes over again, since an upgrade may have to be taken back.
func TestUpgradingFromTheVersionBefore(t *testing.T) {
	s := newSite(t, eu)
	now, before := s.program, s.earlier()
	s.declare("team.cue", team+`allowlists: {frankfurt: red: true, munich: blue: true}`)
	declare := func(limit int) string {
		s.declare("providers.cue", fmt.Sprintf(`providers: {
	"built-in": enforcement: "off" // it is in the same namespace
	frankfurt: {cluster: "eu", enforcement: "enforce", values: limit: %d, deletion: policy: "uninstall"}
	munich: {cluster: "eu", enforcement: "off", cordon: reason: "it moves", values: limit: 1}
}`, limit))
		return s.push()
	}
	s.kubectl(eu, "create", "namespace", s.name)
	s.program = before
	d := s.daemon("--state-namespace", s.name) // a freeze is for all deployments there
	d.ready(declare(1), "frankfurt", "munich")
	if said, ok := s.developer(eu).kubectl(workload(t, "Pod", "one", "red"), "create", "-f", "-"); !ok {
		t.Fatal(said)
	}
	s.want(exitOK, "freeze", "--provider", "munich", "--cluster", eu, "--state-namespace", s.name,
		"--reason", "incident 42", "--by", "ada", "--for", "1h")
	sha := declare(2)
	known := s.rested(d, sha)
	for i, program := range []string{now, before} {
		there := s.traces()
		s.program = program
		d = s.daemon("--state-namespace", s.name)
		if diff := cmp.Diff(known, s.rested(d, sha)); diff != "" {
			t.Errorf("what is known is not what was known:\n%s", diff)
		}
		if diff := cmp.Diff(there, s.traces()); diff != "" {
			t.Errorf("something was touched:\n%s", diff)
		}
		if i == 0 {
			d = s.daemon("--state-namespace", s.name)
			sha = declare(3)
			known = s.rested(d, sha)
		}
	}
}

// rested waits until a daemon has nothing left to do and to note, ends it, and returns what it said of each provider.
func (s *site) rested(d *daemon, sha string) (out []string) {
	s.Helper()
	d.ready(sha, "frankfurt", "munich")
	doc := d.until("all is in place, counted and noted", func(doc status.StatusDoc) bool {
		return cluster(doc, eu).Held && doc.Summary == status.Summary{Keep: doc.Summary.Keep} && provider(doc, "frankfurt").Counted &&
			len(provider(doc, "munich").Freezes) == 1 && s.readyNoted("frankfurt", revision(doc, "frankfurt")) && s.readyNoted("munich", revision(doc, "munich"))
	})
	for _, p := range doc.Providers {
		out = append(out, fmt.Sprintf("%s %s applied=%v %s %s %v closed=%v cordon=%q freezes=%v holds=%v revision=%d environments=%v enforcement=%v",
			p.Name, p.Status, p.Applied, p.Chart, p.Digest, p.Organizations, p.Closed, p.Cordoned, p.Freezes, p.Holds, revision(doc, p.Name), p.Environments, p.Enforcement))
	}
	d.stop()
	return out
}

// readyNoted says whether the record beside a release has it Ready at a revision.
func (s *site) readyNoted(release string, revision int) bool {
	text := s.kubectl(eu, "get", "configmap", "reconcile."+release, "--ignore-not-found", "-o", "jsonpath={.data.record}")
	return strings.Contains(text, `"readySince":`) && strings.Contains(text, fmt.Sprintf(`"revision":%d,`, revision))
}

// traces are the objects of the site, at the version that each has. Leases are left out: they are written all the time.
func (s *site) traces() map[string]string {
	s.Helper()
	out := map[string]string{}
	list := func(kinds string, more ...string) {
		args := append([]string{"get", kinds, "--no-headers", "-o", "custom-columns=:kind,:metadata.namespace,:metadata.name,:metadata.resourceVersion"}, more...)
		for line := range strings.Lines(s.kubectl(eu, args...)) {
			f := strings.Fields(line)
			if len(f) == 4 {
				out[strings.Join(f[:3], " ")] = f[3]
			}
		}
	}
	list("secrets,configmaps,deployments,pods")
	list("validatingadmissionpolicies,validatingadmissionpolicybindings", "-l", "reconcile.workspace-providers.dev/owner="+s.name)
	return out
}

// earlier builds the version before, with the flags of this one, so that what both are made from is compiled once. It is
// the newest release that is older than this commit.
func (s *site) earlier() (program string) {
	s.Helper()
	rev := versionBefore
	if tag, err := exec.Command("git", "-C", root, "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*", "HEAD^").Output(); err == nil {
		rev = strings.TrimSpace(string(tag))
	}
	if out, err := exec.Command("git", "-C", root, "cat-file", "-e", rev+"^{commit}").CombinedOutput(); err != nil {
		if os.Getenv("RECONCILE_TEST_SHALLOW") != "" {
			s.Skipf("RECONCILE_TEST_SHALLOW: the version before, %s, is not in this clone", rev)
		}
		s.Fatalf("the version before, %s, is not in this clone: git fetch --unshallow --tags brings it, and RECONCILE_TEST_SHALLOW=1 leaves this test out: %v %s",
			rev, err, out)
	}
	dir := s.TempDir()
	archive := filepath.Join(dir, "source.tar")
	s.git("-C", root, "archive", "--output", archive, rev)
	if out, err := exec.Command("tar", "-xf", archive, "-C", dir).CombinedOutput(); err != nil {
		s.Fatalf("%v\n%s", err, out)
	}
	program = filepath.Join(dir, "program", programName)
	cmd := exec.Command("go", "build", "-tags", "kustomize_disable_go_plugin_support", "-o", program, "./cmd/reconcile")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		s.Fatalf("building %s: %v\n%s", rev, err, out)
	}
	return program
}
