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

	"github.com/google/go-cmp/cmp"
)

// readme is the text of README.md.
func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestWhatTheReadmeShowsIsTrue runs the commands of its console blocks, one after the other, and compares what
// they print.
func TestWhatTheReadmeShowsIsTrue(t *testing.T) {
	if testing.Short() {
		t.Skip("starts clusters, which -short leaves out")
	}
	t.Setenv("TMPDIR", t.TempDir())
	st, err := newStage("../..", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := st.end(); err != nil {
			t.Error(err)
		}
	}()
	if err := errors.Join(st.clusters(t.Context()), st.declare()); err != nil {
		t.Fatal(err)
	}
	code := 0
	for _, x := range exchanges(readme(t)) {
		if strings.HasPrefix(x.command, "localkube up ") {
			continue // they are there, and end with this test
		}
		line := strings.ReplaceAll(x.command, "/tmp/clusters", st.path("clusters"))
		cmd := st.command(t.Context(), work, fmt.Sprintf("exec 2>&1; (exit %d); %s", code, line))
		out, err := cmd.Output()
		if code = cmd.ProcessState.ExitCode(); code < 0 {
			t.Fatalf("%s: %v", x.command, err)
		}
		want, got := steady(x.printed), steady(string(out))
		if rest, some := strings.CutPrefix(want, "…\n"); some && strings.HasSuffix(got, rest) {
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("$ %s\n%s", x.command, diff)
		}
	}
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
