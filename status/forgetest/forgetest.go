// Package forgetest gives tests a real forge on loopback: Gitea, which examples/localforge builds.
//
// It serves git, pull requests, commit statuses, comments and webhooks, from a directory of the test's with a database
// in a file, and ends with the test, also when the test binary is killed. With -short none is started and the tests
// that need one are skipped.
package forgetest

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"code.gitea.io/sdk/gitea"

	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
)

// Forge is a forge that serves.
type Forge struct {
	*gitea.Client        // of the administrator
	URL           string // "http://127.0.0.1:1234", without a slash at the end
	Token         string // of the administrator
	Admin         string // the administrator's login

	t   testing.TB
	dir string
}

// patience is how long a forge may take to come up on a busy machine.
const patience = 3 * time.Minute

// Start starts a forge for one test.
func Start(t testing.TB) *Forge {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a real forge, which -short leaves out")
	}
	if _, err := os.Stat(kubetest.Tool("gitea")); err != nil {
		t.Fatalf("%v: run make localforge", err)
	}
	f := &Forge{t: t, dir: t.TempDir(), Admin: "ada"}
	port := freePort(t)
	f.URL = fmt.Sprintf("http://127.0.0.1:%d", port)
	if err := os.WriteFile(f.config(), []byte(f.settings(port)), 0o600); err != nil {
		t.Fatal(err)
	}
	f.run("migrate")
	f.Token = f.user(f.Admin, "--admin")
	f.serve()
	f.await()
	client, err := gitea.NewClient(f.URL, gitea.SetToken(f.Token))
	if err != nil {
		t.Fatal(err)
	}
	f.Client = client
	return f
}

func (f *Forge) config() string { return filepath.Join(f.dir, "app.ini") }

// appINI has verbs for what differs: the directory, whether we are root, the port, the static files, three secrets.
//
//go:embed app.ini
var appINI string

// settings keep the forge on loopback and to itself.
func (f *Forge) settings(port int) string {
	static, err := filepath.EvalSymlinks(kubetest.Tool("gitea") + ".static")
	if err != nil {
		f.t.Fatalf("%v: run make localforge", err)
	}
	return fmt.Sprintf(appINI, f.dir, os.Geteuid() == 0, port, static, random(32), random(32), random(32))
}

// environment has no git settings but the forge's own.
func (f *Forge) environment() []string {
	return append(os.Environ(), "HOME="+f.dir, "GIT_CONFIG_NOSYSTEM=1", "GITEA_WORK_DIR="+f.dir)
}

// run runs one of Gitea's commands to its end.
func (f *Forge) run(args ...string) string {
	f.t.Helper()
	cmd := exec.Command(kubetest.Tool("gitea"), append([]string{"--config", f.config()}, args...)...)
	cmd.Env = f.environment()
	out, err := cmd.CombinedOutput()
	if err != nil {
		f.t.Fatalf("gitea %s: %v\n%s", args[0], err, out)
	}
	return string(out)
}

// token finds an access token in what Gitea says.
var token = regexp.MustCompile(`\b[0-9a-f]{40}\b`)

// user makes an account with a password of its own and returns an access token.
func (f *Forge) user(name string, more ...string) string {
	f.t.Helper()
	out := f.run(append([]string{
		"admin", "user", "create", "--username", name, "--password", random(16), "--email", name + "@example.com",
		"--must-change-password=false", "--access-token", "--access-token-scopes", "all",
	}, more...)...)
	found := token.FindString(out)
	if found == "" {
		f.t.Fatal("gitea made no token")
	}
	return found
}

// User makes an account that may do nothing that nobody lets it, and returns a client of its own and its token.
func (f *Forge) User(name string) (*gitea.Client, string) {
	f.t.Helper()
	token := f.user(name)
	client, err := gitea.NewClient(f.URL, gitea.SetToken(token))
	if err != nil {
		f.t.Fatal(err)
	}
	return client, token
}

// serve runs the server until the test ends. The kernel ends it when the thread that started it does, where it can.
func (f *Forge) serve() {
	f.t.Helper()
	log, err := os.Create(filepath.Join(f.dir, "log"))
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, kubetest.Tool("gitea"), "--config", f.config(), "web")
	cmd.Env, cmd.Stdout, cmd.Stderr = f.environment(), log, log
	tie(cmd)
	started, ended := make(chan error), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is killed
		}
	}()
	err = <-started
	f.t.Cleanup(func() {
		stop()
		<-ended
		_ = log.Close()
		if said, err := os.ReadFile(log.Name()); f.t.Failed() && err == nil {
			f.t.Logf("gitea said:\n%.8000s", said)
		}
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

// await waits until the forge answers.
func (f *Forge) await() {
	f.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		answer, err := http.Get(f.URL + "/api/v1/version")
		if err == nil {
			_ = answer.Body.Close()
		}
		if err == nil && answer.StatusCode == http.StatusOK {
			return
		}
		if time.Now().After(end) {
			f.t.Fatalf("gitea does not answer: %v", err)
		}
	}
}

// Repository makes an empty repository of the administrator's; its URL has no credentials in it.
func (f *Forge) Repository(name string) (clone string) {
	f.t.Helper()
	r, _, err := f.CreateRepo(gitea.CreateRepoOption{Name: name, Private: true, DefaultBranch: "main"})
	if err != nil {
		f.t.Fatal(err)
	}
	return r.CloneURL
}

// Signed is a clone URL that the owner of a token may push to.
func Signed(clone, login, token string) string {
	return strings.Replace(clone, "://", "://"+login+":"+token+"@", 1)
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// random is a secret that lives as long as the test.
func random(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
