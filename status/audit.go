package status

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Audit appends what was done to a file, a line of JSON for each action that changed something or failed. Nobody waits
// for it: where the file cannot be written, that is logged, and what comes later is written when it can be again.
type Audit struct {
	path    string
	out     *slog.Logger
	lines   chan AuditLine
	torn    bool // the last line may not be whole
	failing bool // the last write failed, and that was said
	lost    int  // lines since then
}

// AuditLine is one line of the file.
type AuditLine struct {
	Time         time.Time        `json:"time"`
	Op           reconcile.Op     `json:"op"`
	Reason       reconcile.Reason `json:"reason"`
	Cluster      string           `json:"cluster"`
	Kind         string           `json:"kind"`
	Namespace    string           `json:"namespace"`
	Name         string           `json:"name"`
	Provider     string           `json:"provider"`
	Organization string           `json:"organization,omitempty"`
	Revision     string           `json:"revision"` // of the declarations that called for it
	Author       string           `json:"author"`   // of that
	Subject      string           `json:"subject"`
	Seconds      float64          `json:"seconds"` // that it took
	Error        string           `json:"error,omitempty"`
	Lost         int              `json:"lost,omitempty"` // lines before this one that could not be written
}

// keptLines is how many lines wait for a file that is slow.
const keptLines = 4096

// NewAudit makes an Audit of a file, which is made when the first line is written, for its owner alone.
func NewAudit(path string, out *slog.Logger) *Audit {
	return &Audit{path: path, out: out, lines: make(chan AuditLine, keptLines)}
}

// Done notes how an action ended. It never waits.
func (a *Audit) Done(o reconcile.Outcome) {
	if o.Stopped() {
		return
	}
	line := AuditLine{
		Time: time.Now().UTC(), Op: o.Action.Op, Reason: o.Action.Reason, Cluster: o.Action.ID.Cluster, Kind: o.Action.ID.Kind,
		Namespace: o.Action.ID.Namespace, Name: o.Action.ID.Name, Provider: o.Action.Provider, Organization: o.Action.Organization,
		Revision: o.Action.Commit.SHA, Author: clean(o.Action.Commit.Author), Subject: clean(o.Action.Commit.Subject),
		Seconds: o.Took.Seconds(),
	}
	if o.Err != nil {
		line.Error = cut(clean(o.Err.Error()), keptError)
	}
	select {
	case a.lines <- line:
	default:
		a.out.Warn("audit log: a line is lost", "file", a.path, "reason", "the file is too slow")
	}
}

// Run writes until ctx ends, and then what is left.
func (a *Audit) Run(ctx context.Context) {
	for {
		select {
		case line := <-a.lines:
			a.write(line)
		case <-ctx.Done():
			for len(a.lines) > 0 {
				a.write(<-a.lines)
			}
			return
		}
	}
}

// write appends one line. The file is opened each time, so that one that was moved away is made anew.
func (a *Audit) write(line AuditLine) {
	line.Lost = a.lost
	err := a.append(line)
	switch {
	case err != nil && !a.failing:
		a.out.Error("audit log: it cannot be written; what is done goes on", "file", a.path, "reason", err.Error())
	case err == nil && a.failing:
		a.out.Info("audit log: it is written again", "file", a.path, "lost", a.lost)
	}
	if a.failing = err != nil; a.failing {
		a.lost++
		return
	}
	a.lost = 0
}

func (a *Audit) append(line AuditLine) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(a.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if a.torn {
		text = append([]byte("\n"), text...)
	}
	n, err := f.Write(append(text, '\n'))
	a.torn = err != nil && (n > 0 || a.torn)
	return errors.Join(err, f.Close())
}
