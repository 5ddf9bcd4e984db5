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
	helmfile   map[phase]cost // empty where it is not installed
	daemon     doses
	idle       idle
	drift      []time.Duration // edit to repair
}

// cost is what a tool took for a phase, for all releases together.
type cost struct {
	releases int
	usage    usage
	requests requests
	server   serverUse
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
func (s settings) round(ctx context.Context, sc scene) (r round, err error) {
	l, err := newLab(ctx, sc)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	if s.program, err = l.install(s.program); err != nil {
		return r, err
	}
	r.ours, r.helm, r.helmfile = map[phase]cost{}, map[phase]cost{}, map[phase]cost{}
	for _, p := range phases {
		if r.ours[p], err = s.reconcile(ctx, l, p); err != nil {
			return r, fmt.Errorf("reconcile, %s: %w", p, err)
		}
		fmt.Fprintf(os.Stderr, "%-22s  reconcile %6.4f CPU s a release\n", p, r.ours[p].cpu())
		if sc.releases == 0 {
			continue
		}
		if r.helm[p], err = s.helm(ctx, l, p); err != nil {
			return r, fmt.Errorf("helm, %s: %w", p, err)
		}
		fmt.Fprintf(os.Stderr, "%-22s  helm      %6.4f CPU s a release\n", p, r.helm[p].cpu())
		if c, there, err := l.helmfile(ctx, p); err != nil {
			return r, err
		} else if there {
			r.helmfile[p] = c
		}
	}
	if sc.releases > 0 {
		if r.objects, err = l.same(ctx); err != nil {
			return r, err
		}
	}
	if r.version, err = l.helm(ctx, "version", "--short"); err != nil {
		return r, err
	}
	return r, s.watch(ctx, l, &r)
}

// bill has something done and finds out what a user asked for meanwhile, and what that was for the server.
func (l *lab) bill(ctx context.Context, user string, c *cost, do func() error) error {
	if _, err := l.audit.next(ctx); err != nil {
		return err
	}
	before, err := l.server(ctx)
	if err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	after, err := l.server(ctx)
	if err != nil {
		return err
	}
	events, err := l.audit.next(ctx)
	c.requests, c.server = count(events, user), after.since(before)
	return err
}

// reconcile has our tool do a phase for all providers at once.
func (s settings) reconcile(ctx context.Context, l *lab, p phase) (c cost, err error) {
	generation := 1
	if p == install {
		generation = 0
	}
	if err := l.declare(declared{providers: l.providers, generation: generation}); err != nil {
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
	c.releases = l.providers
	err = l.bill(ctx, ourUser, &c, func() error {
		args := []string{do, "--dir", l.declared(), "--clusters", dir, "--timeout", "1h"}
		c.usage, err = measure(l.command(ctx, s.program, args...))
		if err == nil && c.usage.Code != 0 {
			err = fmt.Errorf("exit code %d:\n%s", c.usage.Code, c.usage.Out)
		}
		return err
	})
	if err != nil {
		return c, err
	}
	return c, l.verify(ctx, outcome{l.spaces(), l.providers, p.revision(true)})
}

// spaces are the namespaces that reconcile installs to.
func (l *lab) spaces() map[string]bool {
	out := map[string]bool{}
	for _, s := range l.sites {
		out[s.space] = true
	}
	return out
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
	err = l.bill(ctx, helmUser, &c, func() error {
		for i := range l.releases {
			args := []string{
				"upgrade", "--install", providerName(i), l.chart(), "--kubeconfig", l.users[helmUser],
				"--namespace", helmSpace, "--create-namespace", "-f", values,
			}
			if p == plan {
				args = append(args, "--dry-run=server")
			}
			u, err := measure(l.command(ctx, l.programs[helm], args...))
			if err != nil {
				return err
			}
			if u.Code != 0 {
				return fmt.Errorf("%s: exit code %d:\n%s", providerName(i), u.Code, u.Out)
			}
			c.add(u)
		}
		return nil
	})
	if err != nil {
		return c, err
	}
	return c, l.verify(ctx, outcome{map[string]bool{helmSpace: true}, l.releases, p.revision(false)})
}

// outcome is what a phase should lead to in some namespaces.
type outcome struct {
	spaces             map[string]bool
	releases, revision int
}

// verify asks the stock tools whether every release is deployed and everything in it is available.
func (l *lab) verify(ctx context.Context, want outcome) error {
	text, err := l.helm(ctx, "list", "--all-namespaces", "--all", "--max", "100000", "-o", "json")
	if err != nil {
		return err
	}
	var listed []struct{ Namespace, Name, Revision, Status string }
	if err := json.Unmarshal([]byte(text), &listed); err != nil {
		return fmt.Errorf("helm list: %w", err)
	}
	found := 0
	for _, rel := range listed {
		if !want.spaces[rel.Namespace] {
			continue
		}
		found++
		if rel.Status != "deployed" || rel.Revision != strconv.Itoa(want.revision) {
			return fmt.Errorf("helm list: %s is %s at revision %s, want deployed at %d", rel.Name, rel.Status,
				rel.Revision, want.revision)
		}
	}
	if found != want.releases {
		return fmt.Errorf("helm list: %d releases, want %d", found, want.releases)
	}
	return l.available(ctx)
}

// available waits until every Deployment is rolled out.
func (l *lab) available(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 5*time.Minute, errors.New("waited too long for Deployments"))
	defer cancel()
	for {
		text, err := l.kubectl(ctx, "get", "deployments", "--all-namespaces", "-o",
			`jsonpath={range .items[*]}{.metadata.generation}/{.spec.replicas}/{.spec.replicas} {.status.observedGeneration}/{.status.updatedReplicas}/{.status.availableReplicas}{"\n"}{end}`)
		if err != nil {
			return err
		}
		left := 0
		for line := range strings.Lines(text) {
			if want, have, _ := strings.Cut(strings.TrimSpace(line), " "); want != have {
				left++
			}
		}
		if left == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d Deployments are not rolled out: %w", left, context.Cause(ctx))
		case <-time.After(time.Second):
		}
	}
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
