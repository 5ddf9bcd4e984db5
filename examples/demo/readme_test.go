//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// page is a text of the documentation.
func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestWhatTheReadmeShowsIsTrue runs the commands of its console blocks, one after the other, and compares what
// they print.
func TestWhatTheReadmeShowsIsTrue(t *testing.T) {
	st := newTestStage(t)
	if err := errors.Join(st.clusters(t.Context()), st.declare()); err != nil {
		t.Fatal(err)
	}
	code := 0
	for _, x := range exchanges(page(t, "README.md")) {
		if strings.HasPrefix(x.command, "localkube up ") {
			continue // they are there, and end with this test
		}
		var diff string
		if diff, code = st.exchange(t, work, code, x); diff != "" {
			t.Errorf("$ %s\n%s", x.command, diff)
		}
	}
}

// Whoever follows docs/quick-start.md from an empty directory, with two clusters, has a repository and a daemon.
func TestTheQuickStart(t *testing.T) {
	st := newTestStage(t)
	if err := st.clusters(t.Context()); err != nil {
		t.Fatal(err)
	}
	const author = "[user]\n\tname = Ada\n\temail = ada@example.com\n"
	if err := os.WriteFile(st.path(".gitconfig"), []byte(author), 0o600); err != nil {
		t.Fatal(err)
	}
	running := false
	for _, x := range exchanges(page(t, "docs/quick-start.md")) {
		if line, is := strings.CutSuffix(x.command, " >daemon.log 2>&1 &"); is {
			if _, err := st.start(line + " --listen 127.0.0.1:0"); err != nil {
				t.Fatal(err)
			}
			running = true
			continue
		}
		diff, _ := st.exchange(t, ".", 0, x)
		// A daemon needs a moment, and so whoever asks may have to ask again.
		for deadline := time.Now().Add(3 * time.Minute); diff != "" && running && time.Now().Before(deadline); time.Sleep(time.Second) {
			diff, _ = st.exchange(t, ".", 0, x)
		}
		if diff != "" {
			st.showLogs()
			t.Fatalf("$ %s\n%s", x.command, diff)
		}
	}
	if !running {
		t.Error("no daemon was started")
	}
}

// newTestStage is a stage that is taken down with the test.
func newTestStage(t *testing.T) *stage {
	t.Helper()
	if testing.Short() {
		t.Skip("starts clusters, which -short leaves out")
	}
	t.Setenv("TMPDIR", t.TempDir())
	st, err := newStage("../..", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.end(); err != nil {
			t.Error(err)
		}
	})
	return st
}

// exchange runs a command after one that ended with a code, and says how what it prints differs from what it should.
func (st *stage) exchange(t *testing.T, dir string, before int, x exchange) (diff string, code int) {
	t.Helper()
	line := strings.ReplaceAll(x.command, "/tmp/clusters", st.path("clusters"))
	cmd := st.command(t.Context(), dir, fmt.Sprintf("exec 2>&1; (exit %d); %s", before, line))
	out, err := cmd.Output()
	if code = cmd.ProcessState.ExitCode(); code < 0 {
		t.Fatalf("%s: %v", x.command, err)
	}
	want, got := steady(x.printed), steady(string(out))
	if rest, some := strings.CutPrefix(want, "…\n"); some && strings.HasSuffix(got, rest) {
		return "", code
	}
	return cmp.Diff(want, got), code
}

// exchange is a command and what the README says that it prints; "…" as its first line stands for anything.
type exchange struct{ command, printed string }

// exchanges reads the console blocks of a text.
func exchanges(markdown string) []exchange {
	var out []exchange
	inside := false
	for line := range strings.Lines(markdown) {
		command, is := strings.CutPrefix(line, "$ ")
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```console\n"
		case inside && is:
			out = append(out, exchange{command: strings.TrimSpace(command)})
		case inside:
			out[len(out)-1].printed += line
		}
	}
	return out
}

// steady replaces what differs from run to run: times and digests.
func steady(text string) string {
	text = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d UTC`).ReplaceAllString(text, "TIME")
	return regexp.MustCompile(`\b[0-9a-f]{7,}\b`).ReplaceAllString(text, "DIGEST")
}
