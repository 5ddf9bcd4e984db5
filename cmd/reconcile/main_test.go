package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
	"github.com/workspace-providers/reconcile/reconcile/source"
	"github.com/workspace-providers/reconcile/reconcile/worker"
)

// The clusters of the tests. What breaks a whole cluster does so to frail, and nobody else uses that.
const (
	builtIn = "built-in"
	eu      = "eu"
	us      = "us"
	frail   = "frail"
)

// TestMain makes the test binary three things: the tests, the program under another name, and the worker
// that the program starts. So the tests run the program as users do, with the race detector where they
// have it.
func TestMain(m *testing.M) {
	worker.Main(source.Functions())
	if filepath.Base(os.Args[0]) == programName {
		if os.Getenv(leashEnv) != "" {
			go leash()
		}
		main()
	}
	flag.Parse()
	atOnce := flag.Lookup("test.parallel")
	if atOnce.Value.String() == atOnce.DefValue { // the tests wait for clusters more than they compute
		if err := atOnce.Value.Set("3"); err != nil {
			panic(err)
		}
	}
	kubetest.Run(m, builtIn, eu, us, frail)
}

const (
	programName = "reconcile"
	leashEnv    = "RECONCILE_TEST_LEASH"
)

// leash ends a daemon whose test is gone: its standard input closes then.
func leash() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	fmt.Fprintln(os.Stderr, "the test is gone")
	os.Exit(exitError)
}

// program is the path of the program: this test binary under the program's name.
func program(t testing.TB) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), programName)
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}
