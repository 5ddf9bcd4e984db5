package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// logOf is an audit log that a test writes.
func logOf(t *testing.T) (*audit, func(line string)) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "audit.log")
	write := func(line string) {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		if _, err := f.WriteString(line); err != nil {
			t.Error(err)
		}
	}
	mark := func(_ context.Context, path string) error {
		write(fmt.Sprintf(`{"stage":"ResponseComplete","verb":"get","user":{"username":"admin"},"requestURI":%q}`+"\n", path))
		return nil
	}
	return &audit{path: name, mark: mark}, write
}

func line(user, verb, resource, stage, query string) string {
	return fmt.Sprintf(`{"stage":%q,"verb":%q,"user":{"username":%q},"requestURI":"/api?%s","objectRef":{"resource":%q}}`+"\n",
		stage, verb, user, query, resource)
}

func TestRequestsAreCountedByUserAndKind(t *testing.T) {
	log, write := logOf(t)
	done := "ResponseComplete"
	write(line("reconcile", "get", "secrets", done, ""))
	write(line("reconcile", "list", "secrets", done, ""))
	write(line("reconcile", "patch", "roles", done, "dryRun=All&force=true"))
	write(line("reconcile", "patch", "roles", done, "force=true"))
	write(line("reconcile", "create", "secrets", done, ""))
	write(line("reconcile", "update", "leases", done, ""))
	write(line("reconcile", "get", "leases", done, ""))
	write(line("reconcile", "watch", "roles", "ResponseStarted", ""))
	write(line("reconcile", "watch", "roles", done, ""))
	write(line("helm", "delete", "secrets", done, ""))
	events, err := log.next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := requests{Reads: 3, Writes: 2, Leases: 2, Watches: 1}
	if diff := cmp.Diff(want, count(events, ourUser)); diff != "" {
		t.Errorf("ours: want - have +\n%s", diff)
	}
	if diff := cmp.Diff(requests{Writes: 1}, count(events, helmUser)); diff != "" {
		t.Errorf("helm's: want - have +\n%s", diff)
	}
}

func TestEventsAreGivenOnce(t *testing.T) {
	log, write := logOf(t)
	for i := range 3 {
		write(line("helm", "get", fmt.Sprint("kind", i), "ResponseComplete", ""))
		events, err := log.next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(events) != 1 || events[0].On.Resource != fmt.Sprint("kind", i) {
			t.Errorf("events %v, want that of kind%d", events, i)
		}
	}
}

func TestHalfALineIsReadWhenItIsWhole(t *testing.T) {
	log, write := logOf(t)
	text := line("helm", "get", "secrets", "ResponseComplete", "")
	write(text[:20])
	if events, err := log.read(); err != nil || len(events) != 0 {
		t.Fatalf("half a line: %v, %v", events, err)
	}
	write(text[20:])
	if events, err := log.read(); err != nil || len(events) != 1 {
		t.Errorf("the whole line: %v, %v", events, err)
	}
}

func TestALogThatSaysNothingIsNotWaitedForForEver(t *testing.T) {
	log, write := logOf(t)
	write("")
	log.mark = func(context.Context, string) error { return nil }
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := log.next(ctx); err == nil {
		t.Error("it answered")
	}
}
