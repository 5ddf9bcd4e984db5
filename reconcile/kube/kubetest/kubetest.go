// Package kubetest gives tests real Kubernetes control planes, started on loopback by examples/localkube.
//
// A test package says in its TestMain which it needs; they are started once for the package and end with
// it, also when the test binary is killed. With -short none are started and the tests that need them are
// skipped.
package kubetest

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// dirEnv names the directory of the clusters' kubeconfigs. Set beforehand, it makes the tests use clusters
// that are running already.
const dirEnv = "RECONCILE_TEST_CLUSTERS"

// Run runs a package's tests with these clusters and ends the process. Call it from TestMain.
func Run(m *testing.M, names ...string) {
	flag.Parse()
	stop := func() {}
	if !testing.Short() && os.Getenv(dirEnv) == "" {
		var err error
		if stop, err = start(names); err != nil {
			fmt.Fprintln(os.Stderr, "kubetest:", err)
			os.Exit(1)
		}
	}
	code := m.Run()
	stop()
	os.Exit(code)
}

// start runs localkube in the foreground of a pipe that ends with us.
func start(names []string) (stop func(), err error) {
	dir, err := os.MkdirTemp("", "kubetest-")
	if err != nil {
		return nil, err
	}
	args := append([]string{"run", "--clusters", dir, "--audit", "--until-stdin-closes"}, names...)
	cmd := exec.Command(Tool("localkube"), args...)
	var trouble bytes.Buffer
	cmd.Stderr = &trouble
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: run make localkube", err)
	}
	stop = func() {
		_ = in.Close() // that is what ends it
		_ = cmd.Wait() // how it ended does not matter any more
		_ = os.RemoveAll(dir)
	}
	if err := ready(out); err != nil {
		stop()
		return nil, fmt.Errorf("localkube: %w\n%s", err, trouble.String())
	}
	return stop, os.Setenv(dirEnv, dir)
}

// ready reads until localkube says that all clusters serve.
func ready(out io.Reader) error {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "ready" {
			go func() { _, _ = io.Copy(io.Discard, out) }() // it may go on talking
			return nil
		}
	}
	return errors.New("it ended before the clusters served")
}

// Dir is the directory of the clusters' kubeconfigs, NAME.kubeconfig each. With -short the test is
// skipped.
func Dir(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs real clusters, which -short leaves out")
	}
	return os.Getenv(dirEnv)
}

// counter makes names unique within a test binary.
var counter atomic.Int64

// Namespace is a name that no other test uses.
func Namespace(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("t%d-%d", os.Getpid(), counter.Add(1))
}

// Tool is the path of a program that tests use as it is: of bin/ in the repository, else of the PATH.
func Tool(name string) string {
	path := filepath.Join(Root(), "bin", name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	return name
}

// Need is for a test that needs something that not every machine has, and which make target brings it, if one does. Where
// it is missing the test is skipped, and fails in continuous integration (CI is set), which would else test less and be
// green.
func Need(t testing.TB, what string, there bool, target string) {
	t.Helper()
	how := "install it"
	if target != "" {
		how = "run make " + target + ", or " + how
	}
	switch {
	case there:
	case os.Getenv("CI") != "":
		t.Fatalf("%s is missing: %s", what, how)
	default:
		t.Skipf("%s is missing: %s", what, how)
	}
}

// Root is the repository's root.
func Root() string {
	dir, err := os.Getwd()
	if err != nil {
		return "."
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "examples", "localkube", "go.mod")); err == nil {
			return dir
		}
	}
	return "."
}

// Output runs a program to its end and returns what it printed to both streams; that it fails, fails the
// test.
func Output(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(Tool(name), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
