package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"sync"
	"time"
)

// daemon is reconcile running on, with everything in place.
type daemon struct {
	*lab
	settings
	process *exec.Cmd
	said    *transcript
	want    declared
	heard   []event   // while a dose was measured
	began   time.Time // when the declarations of the dose were on disk
}

// idle is what a daemon took while nothing happened.
type idle struct {
	releases int
	lasted   time.Duration
	cpu      time.Duration
	requests requests
	server   serverUse
	workers  int   // 1 if one ran, or more
	resident int64 // bytes, of the daemon
	own      int64 // bytes, of these what no file backs
	peak     int64 // bytes, the most that it and its workers ever had together
}

// transcript keeps what a running process says.
type transcript struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// watch runs the daemon and measures what it does when nothing happens, when something does, and when something
// is edited.
func (s settings) watch(ctx context.Context, l *lab, r *round) (err error) {
	d, err := s.startDaemon(ctx, l)
	if err != nil {
		return err
	}
	watched, stop := watch(d.process.Process.Pid)
	defer func() { err = errors.Join(err, d.stop()) }()
	defer func() {
		stop()
		r.idle.peak = (<-watched).sum
	}()
	if r.idle, err = d.idle(ctx); err != nil {
		return fmt.Errorf("daemon, nothing to do: %w", err)
	}
	if r.drift, err = d.drift(ctx); err != nil {
		return err
	}
	r.daemon, err = d.doses(ctx)
	return err
}

// startDaemon starts the daemon and waits until it says that everything is Ready.
func (s settings) startDaemon(ctx context.Context, l *lab) (*daemon, error) {
	dir, err := l.credentials()
	if err != nil {
		return nil, err
	}
	if _, err := l.audit.next(ctx); err != nil {
		return nil, err
	}
	d := &daemon{lab: l, settings: s, said: &transcript{}, want: declared{providers: l.providers, generation: 1}}
	d.process = l.command(ctx, s.program, "--dir", l.declared(), "--clusters", dir, "--listen", "127.0.0.1:0")
	d.process.Stderr = d.said
	if err := d.process.Start(); err != nil {
		return nil, err
	}
	err = d.await(ctx, "everything is Ready", d.ready)
	if err == nil {
		err = d.await(ctx, "it has nothing more to do", d.quiet)
	}
	if err != nil {
		return nil, errors.Join(err, d.stop())
	}
	return d, nil
}

// stop ends the daemon in the way it is meant to end.
func (d *daemon) stop() error {
	_ = d.process.Cancel() // where it has ended already, Wait says how
	kill := time.AfterFunc(patience, func() { d.process.Process.Kill() })
	defer kill.Stop()
	if err := d.process.Wait(); err != nil {
		return fmt.Errorf("the daemon ended badly: %w\n%s", err, d.said)
	}
	return nil
}

// await waits until a question is answered with yes.
func (d *daemon) await(ctx context.Context, what string, is func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Minute, fmt.Errorf("waited too long until %s", what))
	defer cancel()
	for {
		yes, err := is(ctx)
		if yes || err != nil {
			return err
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("%w; the daemon says:\n%s", err, d.said)
		}
	}
}

var listening = regexp.MustCompile(`listening.*address=(\S+)`)

// get asks the daemon's own server; ready is false while it does not answer, or has not looked yet.
func (d *daemon) get(ctx context.Context, path string) (body []byte, ready bool, err error) {
	found := listening.FindStringSubmatch(d.said.String())
	if found == nil {
		return nil, false, nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+found[1]+path, nil)
	if err != nil {
		return nil, false, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, false, err
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(answer.Body)
	return body, answer.StatusCode == http.StatusOK, err
}

// state is what the daemon tells of everything.
type state struct {
	revision string
	ready    bool // everything is applied and Ready
}

// state asks the daemon. It costs the daemon something: what is measured should not contain many of these.
func (d *daemon) state(ctx context.Context) (s state, err error) {
	body, there, err := d.get(ctx, "/api/v1/status")
	if err != nil || !there {
		return s, err
	}
	var doc struct {
		Revision  struct{ SHA string }
		Providers []struct {
			Status  string
			Applied bool
		}
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return s, err
	}
	ready := 0
	for _, p := range doc.Providers {
		if p.Status == "Ready" && p.Applied {
			ready++
		}
	}
	return state{doc.Revision.SHA, ready == d.want.providers+1}, nil // and the built-in one
}

// ready says whether everything is Ready.
func (d *daemon) ready(ctx context.Context) (bool, error) {
	select {
	case <-ctx.Done():
		return false, context.Cause(ctx)
	case <-time.After(200 * time.Millisecond):
	}
	s, err := d.state(ctx)
	return s.ready, err
}

// calm is how long nothing must have been asked of the cluster before a daemon counts as idle.
const calm = 3 * time.Second

// quiet says whether the daemon was calm for a while.
func (d *daemon) quiet(ctx context.Context) (bool, error) {
	for deadline := time.Now().Add(calm); time.Now().Before(deadline); {
		events, err := d.audit.read()
		if r := count(events, ourUser); err != nil || r.Reads+r.Writes > 0 {
			return false, err
		}
		if err := pause(ctx); err != nil {
			return false, err
		}
	}
	return true, nil
}

// idle watches the daemon while nothing happens.
func (d *daemon) idle(ctx context.Context) (idle, error) {
	pid := d.process.Process.Pid
	seen := idle{releases: d.want.providers}
	cpu, err := cpuOf(pid)
	if err != nil {
		return seen, err
	}
	faults, err := childFaults(pid)
	if err != nil {
		return seen, err
	}
	server, err := d.server(ctx)
	if err != nil {
		return seen, err
	}
	began := time.Now()
	select {
	case <-ctx.Done():
		return seen, context.Cause(ctx)
	case <-time.After(d.settings.idle):
	}
	after, err := cpuOf(pid)
	if err != nil {
		return seen, err
	}
	faultsAfter, err := childFaults(pid)
	if err != nil {
		return seen, err
	}
	serverAfter, err := d.server(ctx)
	if err != nil {
		return seen, err
	}
	events, err := d.audit.next(ctx)
	seen.server = serverAfter.since(server)
	seen.lasted, seen.cpu, seen.requests = time.Since(began), after-cpu, count(events, ourUser)
	if faultsAfter != faults || len(family(pid)) > 1 {
		seen.workers = 1
	}
	seen.resident, seen.own = statusOf(pid, "VmRSS"), statusOf(pid, "RssAnon")
	return seen, err
}
