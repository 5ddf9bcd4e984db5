package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// dose is what the running daemon took for something, for so many releases, its workers included.
type dose struct {
	releases int
	cpu      time.Duration
	objects  float64 // allocated in its own process
	bytes    float64 // allocated in its own process
	looks    float64 // at the declarations
	requests requests
	server   serverUse
	first    time.Duration // from the declarations on disk to the begin of the first write; 0: there was none
}

// perRelease is what one release took of a total.
func (d dose) perRelease(total float64) float64 { return total / float64(d.releases) }

// doses are what is asked of a running daemon.
type doses struct {
	pass   dose // the declarations are written anew as they are, and everything is looked at
	change dose // of one value of a fifth of the providers
	more   dose // a fifth more providers
}

// passes is how often the declarations are written anew, as they are. A daemon looks at them once a second at most.
const (
	passes  = 8
	spacing = 1300 * time.Millisecond
)

// doses asks the daemon to do nothing, something small, and something large.
func (d *daemon) doses(ctx context.Context) (all doses, err error) {
	// What went before is written down a moment after it is done.
	if err := d.await(ctx, "it has nothing more to do", d.quiet); err != nil {
		return all, err
	}
	all.pass, err = d.dose(ctx, 0, func() error { return d.pass(ctx) })
	if err != nil {
		return all, fmt.Errorf("daemon, one more pass: %w", err)
	}
	all.pass.releases = int(all.pass.looks) * d.want.providers // a busy daemon takes two changes for one
	some := max(5, d.want.providers/5)
	d.want.ahead = min(some, d.want.providers)
	all.change, err = d.dose(ctx, d.want.ahead, func() error { return d.bring(ctx) })
	if err != nil {
		return all, fmt.Errorf("daemon, change: %w", err)
	}
	d.want.providers += some
	all.more, err = d.dose(ctx, some, func() error { return d.bring(ctx) })
	if err != nil {
		return all, fmt.Errorf("daemon, more providers: %w", err)
	}
	return all, nil
}

// pass writes the declarations as they are.
func (d *daemon) pass(ctx context.Context) error {
	for range passes {
		if err := d.declare(d.want); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(spacing):
		}
	}
	return nil
}

// bring writes new declarations and waits until they are in place and nothing goes on any more.
func (d *daemon) bring(ctx context.Context) error {
	before, err := d.state(ctx)
	if err != nil {
		return err
	}
	if err := d.declare(d.want); err != nil {
		return err
	}
	d.began = time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, 20*time.Minute, errors.New("waited too long until everything was Ready again"))
	defer cancel()
	for last := time.Now(); ; {
		events, err := d.audit.read()
		if err != nil {
			return err
		}
		d.heard = append(d.heard, events...)
		if r := count(events, ourUser); r.Reads+r.Writes > 0 {
			last = time.Now()
		}
		if time.Since(last) > calm {
			now, err := d.state(ctx)
			if err != nil || now.ready && now.revision != before.revision {
				return err
			}
			last = time.Now()
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("%w; the daemon says:\n%s", err, d.said)
		}
	}
}

// dose measures what the daemon takes for what it is made to do.
func (d *daemon) dose(ctx context.Context, releases int, do func() error) (took dose, err error) {
	if _, err := d.audit.next(ctx); err != nil {
		return took, err
	}
	d.heard, d.began = nil, time.Time{}
	before, err := d.meter(ctx)
	if err != nil {
		return took, err
	}
	cpu, err := d.spent(do)
	if err != nil {
		return took, err
	}
	after, err := d.meter(ctx)
	if err != nil {
		return took, err
	}
	events, err := d.audit.next(ctx)
	after.releases, after.cpu = releases, cpu
	after.objects, after.bytes = after.objects-before.objects, after.bytes-before.bytes
	after.looks -= before.looks
	after.first = firstWrite(d.began, d.heard)
	after.requests, after.server = count(append(d.heard, events...), ourUser), after.server.since(before.server)
	return after, err
}

// firstWrite is how long it took until reconcile wrote something.
func firstWrite(since time.Time, events []event) time.Duration {
	for _, e := range events {
		if e.User.Username == ourUser && e.On.Resource != "leases" && e.writes() {
			return e.Begin.Sub(since)
		}
	}
	return 0
}

// cpu is what the daemon and all its workers took since it was started.
func (d *daemon) cpu() (time.Duration, error) {
	own, err := cpuOf(d.process.Process.Pid)
	if err != nil {
		return 0, err
	}
	children, err := cpuOfChildren(d.process.Process.Pid)
	return own + children, err
}

// spent is what the daemon and all its workers take while something is done. It is asked nothing for it, which costs it something.
func (d *daemon) spent(do func() error) (time.Duration, error) {
	before, err := d.cpu()
	if err != nil {
		return 0, err
	}
	if err := do(); err != nil {
		return 0, err
	}
	after, err := d.cpu()
	return after - before, err
}

// meter reads what else the daemon, and the API server, took since they were started.
func (d *daemon) meter(ctx context.Context) (m dose, err error) {
	if m.server, err = d.server(ctx); err != nil {
		return m, err
	}
	metrics, _, err := d.get(ctx, "/metrics")
	if err != nil {
		return m, err
	}
	for name, to := range map[string]*float64{
		"go_memstats_mallocs_total": &m.objects, "go_memstats_alloc_bytes_total": &m.bytes,
		`reconcile_git_fetches_total{result="ok"}`: &m.looks,
	} {
		if *to, err = sample(string(metrics), name); err != nil {
			return m, err
		}
	}
	return m, nil
}

// sample finds a metric by its name and labels, as they are written.
func sample(metrics, name string) (float64, error) {
	for line := range strings.Lines(metrics) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("the daemon's metrics do not tell %s", name)
}

// ticks are how many times a second the kernel counts the CPU time of children that ended.
const ticks = 100

// cpuOfChildren is the CPU time of all children that have ended.
func cpuOfChildren(pid int) (time.Duration, error) {
	_, fields, found := strings.Cut(readFile(fmt.Sprintf("/proc/%d/stat", pid)), ") ")
	words := strings.Fields(fields)
	if !found || len(words) < 15 {
		return 0, fmt.Errorf("process %d: %w", pid, os.ErrProcessDone)
	}
	user, err := strconv.Atoi(words[13])
	system, err2 := strconv.Atoi(words[14])
	return time.Duration(user+system) * time.Second / ticks, errors.Join(err, err2)
}
