package status

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// TestAudit: each thing that was done is a line, for the owner's eyes; a file that cannot be written costs lines, is
// said once, and stops nobody; afterwards lines go on, each for itself.
func TestAudit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "away", "audit.jsonl")
	var log bytes.Buffer
	a := NewAudit(path, slog.New(slog.NewTextHandler(&log, nil)))
	outcome := func(name string, err error) reconcile.Outcome {
		return reconcile.Outcome{Took: time.Second, Err: err, Action: reconcile.Action{
			Op: reconcile.OpUpdate, Reason: reconcile.Changed, Provider: name,
			ID:     reconcile.ID{Cluster: "eu", Kind: reconcile.KindRelease, Namespace: "coder", Name: name},
			Commit: reconcile.Commit{SHA: "1a2b3c4", Author: "Ada <ada@example.com>", Subject: "Move\nit"},
		}}
	}
	write := func(outcomes ...reconcile.Outcome) {
		for _, o := range outcomes {
			a.Done(o)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		a.Run(ctx) // writes what is left
	}
	write(outcome("lost", nil), outcome("lost", nil))
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	write(outcome("one", nil), outcome("stopped", reconcile.ErrFenced), outcome("two", errors.New("no\nway")))
	a.torn = true
	write(outcome("three", nil))

	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []AuditLine
	for line := range strings.Lines(string(text)) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		var one AuditLine
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		got = append(got, one)
	}
	if len(got) != 3 || got[0].Name != "one" || got[0].Lost != 2 || got[1].Error == "" || strings.Contains(got[1].Error, "\n") || got[2].Lost != 0 {
		t.Errorf("%+v", got)
	}
	if n := strings.Count(log.String(), "cannot be written"); n != 1 || !strings.Contains(log.String(), "written again") {
		t.Errorf("the log says\n%s", log.String())
	}
}

// TestHistory: what records have is told newest first, of one provider or all.
func TestHistory(t *testing.T) {
	at := time.Date(2026, 11, 23, 16, 40, 0, 0, time.UTC)
	w := newWorld()
	situations()["trouble"](w)
	r := w.report()
	named := ""
	for i, a := range r.Plan.Actions {
		if a.ID.Kind == reconcile.KindRelease && a.Have.Owner == r.Want.Owner {
			named = a.Provider
			r.Plan.Actions[i].Have.History = []reconcile.Step{
				{At: at.Add(time.Minute), Op: "update", Reason: "changed", Revision: 2, Commit: "1a2b3c4d5e", Author: "Ada", Error: "no way\nat all"},
				{At: at, Op: "create", Reason: "absent", Revision: 1, Commit: "0a2b3c4d5e", Author: "Ada", Ready: true},
			}
			break
		}
	}
	if named == "" {
		t.Fatal("the world has no release")
	}
	all, err := History(r, named)
	if err != nil || len(all) != 2 || all[0].Op != "update" || all[1].Op != "create" {
		t.Fatalf("%+v, %v", all, err)
	}
	table := HistoryTable(all)
	for _, want := range []string{"TIME", "2026-11-23 16:41 UTC", "changed", "1a2b3c4", "no way", "Ready"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
	if _, err := History(r, "none"); err == nil || !strings.Contains(err.Error(), "there are: ") {
		t.Errorf("history of none: %v", err)
	}
}
