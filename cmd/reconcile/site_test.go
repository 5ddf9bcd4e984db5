package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
)

// site is a deployment under test: a bare repository, a clone to push from, and credentials. Its name is
// its own, and so is its namespace, which has the same name, so that many sites share a cluster.
type site struct {
	testing.TB
	name    string
	program string
	bare    string            // the repository that the daemon reads
	clone   string            // the clone that push commits
	creds   string            // --credentials
	env     []string          // what daemons have in their environment besides
	files   map[string]string // declarations and charts, as push commits them
}

// newSite makes a site that declares clusters, the built-in provider in the first of them, and no other.
func newSite(t *testing.T, clusters ...string) *site {
	t.Helper()
	kubetest.Dir(t) // skips where there are no clusters
	t.Parallel()
	dir := t.TempDir()
	s := &site{
		TB: t, name: kubetest.Namespace(t), program: program(t), bare: filepath.Join(dir, "providers.git"),
		clone: filepath.Join(dir, "clone"), creds: filepath.Join(dir, "credentials"), files: fixtures(t),
	}
	s.files["deployment.cue"] = fmt.Sprintf(`package providers

deployment: {
	name:      %[1]q
	accessURL: "https://coder.example.com"
	defaults: {namespace: %[1]q, chart: path: "charts/small"}
}
clusters: [Name=string]: {}
clusters: {%[2]s: {}}
providers: "built-in": cluster: %[3]q
`, s.name, `"`+strings.Join(clusters, `": {}, "`)+`"`, clusters[0])
	s.git("init", "--quiet", "--bare", "--initial-branch", "main", s.bare)
	s.git("clone", "--quiet", s.bare, s.clone)
	for _, name := range clusters {
		s.admit(name)
	}
	t.Cleanup(func() { s.clear(clusters) })
	return s
}

// fixtures are the charts of testdata, as files below charts/.
func fixtures(t testing.TB) map[string]string {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "charts.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range archive.Files {
		out["charts/"+f.Name] = string(f.Data)
	}
	return out
}

// clear removes the site's namespaces, so that clusters that outlive the tests do not fill up.
func (s *site) clear(clusters []string) {
	for _, name := range clusters {
		args := []string{"--kubeconfig", s.admin(name), "delete", "namespace", s.name, "--wait=false", "--ignore-not-found"}
		if out, err := exec.Command(kubetest.Tool("kubectl"), args...).CombinedOutput(); err != nil {
			s.Logf("removing namespace %s: %v\n%s", s.name, err, out)
		}
	}
}

// admin is the kubeconfig of a cluster's administrator.
func (s *site) admin(cluster string) string {
	s.Helper()
	return filepath.Join(kubetest.Dir(s), cluster+".kubeconfig")
}

// admit gives the daemon the administrator's credentials for a cluster.
func (s *site) admit(cluster string) {
	s.Helper()
	s.credential(cluster, s.read(s.admin(cluster)))
}

// credential puts a kubeconfig where the daemon finds it, as one step.
func (s *site) credential(cluster, text string) {
	s.Helper()
	path := filepath.Join(s.creds, "clusters", cluster+".kubeconfig")
	s.write(path+".new", text)
	if err := os.Rename(path+".new", path); err != nil {
		s.Fatal(err)
	}
}

func (s *site) read(path string) string {
	s.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		s.Fatal(err)
	}
	return string(text)
}

func (s *site) write(path, text string) {
	s.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
}

// declare makes text the declarations of a file. The empty text removes the file.
func (s *site) declare(file, text string) {
	if text == "" {
		delete(s.files, file)
		return
	}
	s.files[file] = "package providers\n\n" + text + "\n"
}

// push commits the files as they are now and pushes them. It returns the commit.
func (s *site) push() string {
	s.Helper()
	sha := s.commit()
	s.git("-C", s.clone, "push", "--quiet", "--force", "origin", "HEAD:main")
	return sha
}

// commit commits the files as they are now.
func (s *site) commit() string {
	s.Helper()
	s.checkout(s.clone)
	s.git("-C", s.clone, "add", "--all")
	s.git("-C", s.clone, "-c", "user.name=Ada", "-c", "user.email=ada@example.com",
		"commit", "--quiet", "--allow-empty", "--message", "change")
	return strings.TrimSpace(s.git("-C", s.clone, "rev-parse", "HEAD"))
}

// checkout makes a directory hold the files, and no others.
func (s *site) checkout(dir string) {
	s.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != ".git" {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				s.Fatal(err)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		s.write(filepath.Join(dir, name), s.files[name])
	}
}

// worktree is a new directory that holds the files.
func (s *site) worktree() string {
	s.Helper()
	dir := s.TempDir()
	s.checkout(dir)
	return dir
}

// git runs the git command and returns what it printed.
func (s *site) git(args ...string) string {
	s.Helper()
	return kubetest.Output(s, "git", args...)
}

// helm runs the stock helm in the site's namespace of a cluster.
func (s *site) helm(cluster string, args ...string) string {
	s.Helper()
	return kubetest.Output(s, "helm", append([]string{"--kubeconfig", s.admin(cluster), "--namespace", s.name}, args...)...)
}

// kubectl runs kubectl in the site's namespace of a cluster.
func (s *site) kubectl(cluster string, args ...string) string {
	s.Helper()
	return kubetest.Output(s, "kubectl", append([]string{"--kubeconfig", s.admin(cluster), "--namespace", s.name}, args...)...)
}

// ended is how a command ended.
type ended struct {
	code     int
	out, err string
}

// run runs the program to its end.
func (s *site) run(args ...string) ended {
	s.Helper()
	cmd := exec.Command(s.program, append(args, "--credentials", s.creds, "--cache", filepath.Join(s.creds, "..", "cache-cli"))...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	if exitErr := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exitErr) {
		s.Fatal(err)
	}
	return ended{cmd.ProcessState.ExitCode(), out.String(), errOut.String()}
}

// want runs the program to its end and fails where it does not end with this code.
func (s *site) want(code int, args ...string) ended {
	s.Helper()
	got := s.run(args...)
	if got.code != code {
		s.Fatalf("reconcile %s: exit code %d, want %d\nstdout:\n%s\nstderr:\n%s",
			strings.Join(args, " "), got.code, code, got.out, got.err)
	}
	return got
}
