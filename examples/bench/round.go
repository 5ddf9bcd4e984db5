package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// phase is one thing that both tools are asked to do.
type phase string

const (
	install phase = "install"
	change  phase = "change of one value"
	nothing phase = "nothing to do"
	plan    phase = "plan, nothing changed"
)

// phases are in the order in which they are measured.
var phases = []phase{install, change, nothing, plan}

// revision is Helm's of every release after a phase, of each tool: `helm upgrade` makes a new one each
// time.
func (p phase) revision(ours bool) int {
	switch {
	case p == install:
		return 1
	case p == change || ours:
		return 2
	}
	return 3
}

// round is everything measured on one cluster.
type round struct {
	version    string // of helm
	objects    int    // of each release
	ours, helm map[phase]cost
	idle       idle
	drift      []time.Duration // edit to repair
}

// cost is what a tool took for a phase, for all releases together.
type cost struct {
	releases int
	usage    usage
	requests requests
}

// add adds the next process of the same phase.
func (c *cost) add(u usage) {
	c.releases++
	c.usage.CPU += u.CPU
	c.usage.Wall += u.Wall
	c.usage.Largest = max(c.usage.Largest, u.Largest)
	c.usage.Sum = max(c.usage.Sum, u.Sum)
}

// round measures everything once, on a cluster of its own.
func (s settings) round(ctx context.Context) (r round, err error) {
	l, err := newLab(ctx)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	r.ours, r.helm = map[phase]cost{}, map[phase]cost{}
	for _, p := range phases {
		if r.ours[p], err = s.reconcile(ctx, l, p); err != nil {
			return r, fmt.Errorf("reconcile, %s: %w", p, err)
		}
		if r.helm[p], err = s.helm(ctx, l, p); err != nil {
			return r, fmt.Errorf("helm, %s: %w", p, err)
		}
		fmt.Fprintf(os.Stderr, "%-22s  reconcile %6.3f CPU s, helm %6.3f CPU s a release\n",
			p, r.ours[p].cpu(), r.helm[p].cpu())
	}
	if r.objects, err = l.same(ctx); err != nil {
		return r, err
	}
	if r.version, err = l.helm(ctx, "version", "--short"); err != nil {
		return r, err
	}
	r.idle, r.drift, err = s.watch(ctx, l)
	return r, err
}

// reconcile has our tool do a phase for all providers at once.
func (s settings) reconcile(ctx context.Context, l *lab, p phase) (c cost, err error) {
	generation := 1
	if p == install {
		generation = 0
	}
	if err := l.declare(s.providers, generation); err != nil {
		return c, err
	}
	dir, err := l.credentials()
	if err != nil {
		return c, err
	}
	do := "--once"
	if p == plan {
		do = "--dry-run"
	}
	if _, err := l.audit.next(ctx); err != nil {
		return c, err
	}
	c.releases = s.providers
	c.usage, err = measure(l.command(ctx, s.program, do, "--dir", l.declared(), "--clusters", dir))
	if err != nil {
		return c, err
	}
	if c.usage.Code != 0 {
		return c, fmt.Errorf("exit code %d:\n%s", c.usage.Code, c.usage.Out)
	}
	events, err := l.audit.next(ctx)
	if err != nil {
		return c, err
	}
	c.requests = count(events, ourUser)
	return c, l.verify(ctx, outcome{ourSpace, s.providers, p.revision(true)})
}

// helm has the helm command line do a phase for one release after the other.
func (s settings) helm(ctx context.Context, l *lab, p phase) (c cost, err error) {
	given, err := l.helm(ctx, "get", "values", providerName(0), "--namespace", ourSpace, "-o", "json")
	if err != nil {
		return c, err
	}
	values, err := l.values(given)
	if err != nil {
		return c, err
	}
	if _, err := l.audit.next(ctx); err != nil {
		return c, err
	}
	for i := range s.releases {
		args := []string{
			"upgrade", "--install", providerName(i), chartSource, "--kubeconfig", l.users[helmUser],
			"--namespace", helmSpace, "--create-namespace", "-f", values,
		}
		if p == plan {
			args = append(args, "--dry-run=server")
		}
		u, err := measure(l.command(ctx, l.programs[helm], args...))
		if err != nil {
			return c, err
		}
		if u.Code != 0 {
			return c, fmt.Errorf("%s: exit code %d:\n%s", providerName(i), u.Code, u.Out)
		}
		c.add(u)
	}
	events, err := l.audit.next(ctx)
	if err != nil {
		return c, err
	}
	c.requests = count(events, helmUser)
	return c, l.verify(ctx, outcome{helmSpace, s.releases, p.revision(false)})
}

// outcome is what a phase should lead to in a namespace.
type outcome struct {
	space              string
	releases, revision int
}

// verify asks the stock tools whether every release is deployed and everything in it is available.
func (l *lab) verify(ctx context.Context, want outcome) error {
	text, err := l.helm(ctx, "list", "--namespace", want.space, "--all", "--max", "100000", "-o", "json")
	if err != nil {
		return err
	}
	var listed []struct{ Name, Revision, Status string }
	if err := json.Unmarshal([]byte(text), &listed); err != nil {
		return fmt.Errorf("helm list: %w", err)
	}
	if len(listed) != want.releases {
		return fmt.Errorf("helm list: %d releases in %s, want %d", len(listed), want.space, want.releases)
	}
	for _, rel := range listed {
		if rel.Status != "deployed" || rel.Revision != strconv.Itoa(want.revision) {
			return fmt.Errorf("helm list: %s is %s at revision %s, want deployed at %d", rel.Name, rel.Status,
				rel.Revision, want.revision)
		}
	}
	_, err = l.kubectl(ctx, "--namespace", want.space, "rollout", "status", "deployment", "--timeout=2m")
	return err
}

// same makes sure that both tools installed the same, and counts its objects.
func (l *lab) same(ctx context.Context) (objects int, err error) {
	ours, err := l.helm(ctx, "get", "manifest", providerName(0), "--namespace", ourSpace)
	if err != nil {
		return 0, err
	}
	theirs, err := l.helm(ctx, "get", "manifest", providerName(0), "--namespace", helmSpace)
	if err != nil {
		return 0, err
	}
	if strings.ReplaceAll(theirs, "namespace: "+helmSpace, "namespace: "+ourSpace) != ours {
		return 0, fmt.Errorf("the two tools installed something else:\n%s\n--- and\n%s", ours, theirs)
	}
	return strings.Count(ours, "\nkind: "), nil
}

// perRelease is what one release took of a total.
func (c cost) perRelease(total float64) float64 { return total / float64(c.releases) }

// cpu is in seconds, for each release.
func (c cost) cpu() float64 { return c.perRelease(c.usage.CPU.Seconds()) }
