package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
}

// idle is what a daemon took while nothing happened.
type idle struct {
	releases int
	lasted   time.Duration
	cpu      time.Duration
	requests requests
	workers  int   // 1 if one ran, or more
	resident int64 // bytes, of the daemon
	own      int64 // bytes, of these what no file backs
	peak     int64 // bytes, the most it ever had
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

// watch runs the daemon and measures what it does when nothing happens, and when something is edited.
func (s settings) watch(ctx context.Context, l *lab) (i idle, drift []time.Duration, err error) {
	d, err := s.startDaemon(ctx, l)
	if err != nil {
		return i, nil, err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	if i, err = d.idle(ctx); err != nil {
		return i, nil, fmt.Errorf("daemon, nothing to do: %w", err)
	}
	drift, err = d.drift(ctx)
	return i, drift, err
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
	d := &daemon{lab: l, settings: s, said: &transcript{}}
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
	ctx, cancel := context.WithTimeoutCause(ctx, 3*time.Minute, fmt.Errorf("waited too long until %s", what))
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

// ready says whether the daemon listens, and tells that everything is Ready.
func (d *daemon) ready(ctx context.Context) (bool, error) {
	found := listening.FindStringSubmatch(d.said.String())
	if found == nil {
		return false, nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+found[1]+"/api/v1/status", nil)
	if err != nil {
		return false, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return false, nil // it has not looked yet
	}
	var doc struct{ Providers []struct{ Status string } }
	if err := json.NewDecoder(answer.Body).Decode(&doc); err != nil {
		return false, err
	}
	ready := 0
	for _, p := range doc.Providers {
		if p.Status == "Ready" {
			ready++
		}
	}
	return ready == d.providers+1, nil // and the built-in one
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
	seen := idle{releases: d.providers}
	cpu, err := cpuOf(pid)
	if err != nil {
		return seen, err
	}
	faults, err := childFaults(pid)
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
	events, err := d.audit.next(ctx)
	seen.lasted, seen.cpu, seen.requests = time.Since(began), after-cpu, count(events, ourUser)
	if faultsAfter != faults || len(family(pid)) > 1 {
		seen.workers = 1
	}
	seen.resident, seen.own, seen.peak = statusOf(pid, "VmRSS"), statusOf(pid, "RssAnon"), statusOf(pid, "VmHWM")
	return seen, err
}

// edits are what is done to which kinds by hand. reconcile watches all of a Deployment and a Service, and
// of a Role the metadata only.
var edits = []struct{ resource, patch string }{
	{"deployment", `{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":7}}}}`},
	{"role", `{"rules":[]}`},
	{"service", `{"spec":{"ports":[{"name":"http","port":80,"targetPort":9}]}}`},
}

// drift edits objects by hand and measures how long the daemon takes to put each back, by the API
// server's own clock: from the end of the edit to the end of the repair.
func (d *daemon) drift(ctx context.Context) ([]time.Duration, error) {
	var took []time.Duration
	for i := range d.edits {
		edit := edits[i%len(edits)]
		name := providerName(i%d.providers) + "-envproxy"
		before, err := d.object(ctx, edit.resource, name)
		if err != nil {
			return nil, err
		}
		_, err = d.kubectl(ctx, "--namespace", ourSpace, "patch", edit.resource, name, "--patch", edit.patch)
		if err != nil {
			return nil, err
		}
		t, err := d.repaired(ctx, edit.resource+"s", name)
		if err != nil {
			return nil, fmt.Errorf("%s %s, edited: %w", edit.resource, name, err)
		}
		after, err := d.object(ctx, edit.resource, name)
		if err != nil {
			return nil, err
		}
		if before != after {
			return nil, fmt.Errorf("%s %s, repaired: it is\n%s\nand was\n%s", edit.resource, name, after, before)
		}
		took = append(took, t)
	}
	return took, nil
}

// object is what an object says that people may edit.
func (d *daemon) object(ctx context.Context, resource, name string) (string, error) {
	return d.kubectl(ctx, "--namespace", ourSpace, "get", resource, name, "-o", "jsonpath={.spec}{.rules}")
}

// repaired waits until the daemon has written to an object that was edited, and says how long it took.
func (d *daemon) repaired(ctx context.Context, resource, name string) (took time.Duration, err error) {
	var edited time.Time // by the log, in which the edit comes first
	err = d.await(ctx, "it was repaired", func(context.Context) (bool, error) {
		events, err := d.audit.read()
		for _, e := range events {
			if e.On.Resource != resource || e.On.Name != name || !e.writes() {
				continue
			}
			switch e.User.Username {
			case admin:
				edited = e.End
			case ourUser:
				took = e.End.Sub(edited)
				return true, err
			}
		}
		return false, err
	})
	return took, err
}
