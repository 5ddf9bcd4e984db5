package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/workspace-providers/reconcile/examples/localkube/internal/cluster"
	"github.com/workspace-providers/reconcile/examples/localkube/internal/process"
)

func TestTwoClustersSideBySideThroughTheirWholeLife(t *testing.T) {
	dir, ctx := clustersDir(t), context.Background()
	localkube(t, "up", "eu", "us", "--audit", "--clusters", dir)
	for _, name := range []string{"eu", "us"} {
		info, err := os.Stat(filepath.Join(dir, name+".kubeconfig"))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("kubeconfig of %s: %v, %v; want mode 0600", name, info, err)
		}
	}
	eu, us := api(t, dir, "eu"), api(t, dir, "us")

	// Pods of a deployment become ready, in the cluster it was made in and no other.
	create(t, eu, deployment("good", "example.com/app:1"))
	create(t, eu, deployment("bad", "localhost/never:1"))
	eventually(t, "deployment good", func() error { return available(eu, "good") })
	eventually(t, "deployment bad", func() error { return waitsFor(eu, "bad", "ImagePullBackOff") })
	if err := us.Read(ctx, deployments+"/good", nil); err == nil {
		t.Error("a deployment of one cluster is in the other")
	}

	// The API server ends, stays down, and comes back with what it knew.
	localkube(t, "kill", "eu", "--clusters", dir)
	if err := eu.Read(ctx, "/readyz", nil); err == nil {
		t.Error("the API server serves after kill")
	}
	if err := run(ctx, []string{"status", "eu", "--clusters", dir}, quiet()); err != 1 {
		t.Errorf("status of a cluster that does not serve: exit code %d, want 1", err)
	}
	localkube(t, "restart", "eu", "--clusters", dir)
	if err := available(eu, "good"); err != nil {
		t.Errorf("after restart: %v", err)
	}
	create(t, eu, deployment("soon", "example.com/app:1"))
	begin := time.Now()
	eventually(t, "deployment soon", func() error { return available(eu, "soon") })
	if took := time.Since(begin); took > 15*time.Second {
		t.Errorf("pods became ready %s after restart, want the controllers to work at once", took)
	}
	// Up repairs what else is down.
	localkube(t, "kill", "eu", "etcd", "kwok", "kube-controller-manager", "--clusters", dir)
	localkube(t, "up", "eu", "--clusters", dir)
	create(t, eu, deployment("later", "example.com/app:1"))
	eventually(t, "deployment later", func() error { return available(eu, "later") })

	usersAndAudit(t, dir)

	localkube(t, "down", "eu", "--clusters", dir)
	if _, err := os.Stat(filepath.Join(dir, "eu.kubeconfig")); err == nil {
		t.Error("the kubeconfig of eu is there after down")
	}
	if err := us.Read(ctx, "/readyz", nil); err != nil {
		t.Errorf("us after down of eu: %v", err)
	}
}

// usersAndAudit checks that a user is who its kubeconfig file says, may do nothing, and is in the
// audit log.
func usersAndAudit(t *testing.T, dir string) {
	t.Helper()
	path := strings.TrimSpace(localkube(t, "user", "eu", "alice", "--group", "dev", "--clusters", dir))
	if want := filepath.Join(dir, ".localkube", "eu", "alice.kubeconfig"); path != want {
		t.Errorf("user: %s, want %s", path, want)
	}
	answer, err := clientOf(t, path).Get(kubeconfigField(t, path, "server") + pods)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("alice reads pods: %s, want 403", answer.Status)
	}
	log, err := os.ReadFile(filepath.Join(dir, ".localkube", "eu", "audit.log"))
	if err != nil || !bytes.Contains(log, []byte(`"username":"alice","groups":["dev",`)) {
		t.Errorf("audit log of %d bytes, %v; want alice in it", len(log), err)
	}
}

func quiet() streams { return streams{in: strings.NewReader(""), out: io.Discard, err: io.Discard} }

func TestKeptClustersComeBackAndStalePidFilesHurtNobody(t *testing.T) {
	dir := clustersDir(t)
	localkube(t, "up", "eu", "--clusters", dir)
	create(t, api(t, dir, "eu"), deployment("kept", "example.com/app:1"))
	localkube(t, "down", "eu", "--keep", "--clusters", dir)
	nothingRuns(t, dir)

	// A machine that starts again gives the numbers of the dead to others, such as this test.
	for _, component := range cluster.Components() {
		file := filepath.Join(dir, ".localkube", "eu", string(component)+".pid")
		stale := `{"pid":` + strconv.Itoa(os.Getpid()) + `,"began":"another boot:1"}`
		if err := os.WriteFile(file, []byte(stale), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	localkube(t, "up", "eu", "--clusters", dir)
	eventually(t, "deployment kept", func() error { return available(api(t, dir, "eu"), "kept") })

	// Even without its records nothing is left running.
	if err := os.RemoveAll(filepath.Join(dir, ".localkube")); err != nil {
		t.Fatal(err)
	}
}

func TestRunEndsWithItsParentOrItsInput(t *testing.T) {
	for _, end := range []string{"parent", "input", "killed"} {
		t.Run(end, func(t *testing.T) {
			dir := clustersDir(t)
			// A shell between, so that there is a parent that can be killed.
			parent := exec.Command("sh", "-c",
				`"$0" run eu --clusters "$1" --until-stdin-closes <&3 & echo $!; wait`, os.Args[0], dir)
			parent.Env = append(os.Environ(), "LOCALKUBE_TEST_RUN=1")
			input, hold, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer hold.Close()
			parent.ExtraFiles = []*os.File{input}
			parent.Stderr = os.Stderr
			out, err := parent.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := parent.Start(); err != nil {
				t.Fatal(err)
			}
			defer parent.Wait()
			defer parent.Process.Kill()
			input.Close()
			runner := awaitReady(t, out)

			localkube(t, "kill", "eu", "--clusters", dir)
			localkube(t, "restart", "eu", "--clusters", dir)
			switch end {
			case "parent":
				parent.Process.Kill()
			case "input":
				hold.Close()
			case "killed":
				runner.Kill()
			}
			eventually(t, "end of all processes", func() error {
				left, err := process.Marked(filepath.Join(dir, ".localkube") + "/")
				if len(left) > 0 || runner.Alive() {
					return fmt.Errorf("left: %v", left)
				}
				return err
			})
		})
	}
}
