package source

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
	"github.com/workspace-providers/reconcile/reconcile/git"
	"github.com/workspace-providers/reconcile/schema"
)

// start is a repository with two providers, of which one has an own chart.
const start = `
-- providers.cue --
package providers

deployment: {
	name:      "acme"
	accessURL: "https://coder.example.com"
	defaults: chart: path: "charts/demo"
}
clusters: eu: {}
organizations: {blue: {}, red: {}}
providers: frankfurt: cluster: "eu"
providers: paris: {cluster: "eu", chart: path: "charts/own"}
allowlists: {frankfurt: blue: true, paris: blue: true}
-- charts/demo/Chart.yaml --
apiVersion: v2
name: demo
version: 1.0.0
-- charts/demo/templates/a.yaml --
{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
-- charts/own/Chart.yaml --
apiVersion: v2
name: own
version: 1.0.0
-- charts/own/templates/a.yaml --
{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
`

// Some changes of it.
const (
	broken = "-- more.cue --\npackage providers\n\nproviders: rome: clutser: \"eu\"\n"
	mended = "-- more.cue --\npackage providers\n"
	larger = "-- more.cue --\npackage providers\n\nproviders: frankfurt: values: replicas: 2\n"
)

// repository is a git repository that stock git writes.
type repository struct {
	t   *testing.T
	dir string
}

// newRepository has one commit.
func newRepository(t *testing.T) *repository {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	r := &repository{t, t.TempDir()}
	r.git("init", "-q", "-b", "main")
	r.commit(start)
	return r
}

// git runs stock git and returns what it says.
func (r *repository) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "LC_ALL=C",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit writes the files of an archive and commits; it returns the hash.
func (r *repository) commit(archive string) string {
	r.t.Helper()
	write(r.t, r.dir, archive)
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", "change")
	return r.git("rev-parse", "HEAD")
}

// move takes the repository away.
func (r *repository) move() {
	r.t.Helper()
	if err := os.Rename(filepath.Join(r.dir, ".git"), filepath.Join(r.dir, "gone")); err != nil {
		r.t.Fatal(err)
	}
}

// write puts the files of an archive into a directory.
func write(t *testing.T, dir, archive string) {
	t.Helper()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		if err == nil {
			err = os.WriteFile(name, f.Data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// merge makes changes on a branch of its own and merges it with a merge commit.
func (r *repository) merge(archives ...string) string {
	r.t.Helper()
	r.git("checkout", "-q", "-b", "side")
	for _, a := range archives {
		r.commit(a)
	}
	r.git("checkout", "-q", "main")
	r.git("merge", "-q", "--no-ff", "-m", "merge", "side")
	r.git("branch", "-D", "side")
	return r.git("rev-parse", "HEAD")
}

// origin reads the repository.
func (r *repository) origin() Origin {
	repo := &git.Repo{URL: r.dir, Ref: "main"}
	r.t.Cleanup(func() {
		if err := repo.Close(); err != nil {
			r.t.Error(err)
		}
	})
	return Git{repo}
}

// counted is a source that evaluates in this process and counts how often.
type counted struct {
	*Source
	evaluated atomic.Int64
}

// newSource is a source that has just been started.
func newSource(o Origin) *counted {
	c := &counted{}
	c.Source = &Source{Reader: Reader{
		Origin: o, Resolver: charts.NewStore(charts.Config{}),
		Evaluate: func(_ context.Context, tree fs.FS) (schema.Config, error) {
			c.evaluated.Add(1)
			return schema.Load(tree)
		},
	}}
	return c
}

// latest looks at the newest revision.
func latest(s interface {
	Latest(context.Context) reconcile.Target
}) reconcile.Target {
	return s.Latest(context.Background())
}
