package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/workspace-providers/reconcile/examples/localkube/internal/binaries"
	"github.com/workspace-providers/reconcile/examples/localkube/internal/cluster"
)

func (c call) up(ctx context.Context) error {
	clusters, err := c.some()
	if err != nil {
		return err
	}
	options, err := c.options(ctx)
	if err != nil {
		return err
	}
	var writing sync.Mutex // of one line at a time
	return cluster.Each(clusters, func(one cluster.Cluster) error {
		begin := time.Now()
		if err := one.Up(ctx, options); err != nil {
			return err
		}
		writing.Lock()
		defer writing.Unlock()
		took := time.Since(begin).Seconds()
		fmt.Fprintf(c.std.out, "%s serves after %.1f s: %s\n", one.Name, took, one.Kubeconfig())
		return nil
	})
}

// run keeps clusters until it is told to end, in one of several ways.
func (c call) run(ctx context.Context) error {
	clusters, err := c.some()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { awaitOrphaned(ctx); cancel() }()
	if c.flags.untilStdinCloses {
		go func() { io.Copy(io.Discard, c.std.in); cancel() }()
	}
	options, err := c.options(ctx)
	if err != nil {
		return err
	}
	return cluster.Run(ctx, clusters, options, func() {
		for _, one := range clusters {
			fmt.Fprintf(c.std.out, "%s serves: %s\n", one.Name, one.Kubeconfig())
		}
		fmt.Fprintln(c.std.out, "ready")
	})
}

// awaitOrphaned returns when the program that started this one is gone. It asks now and then: a
// signal from the system would come when the thread of the parent ends that started this program.
func awaitOrphaned(ctx context.Context) {
	parent := os.Getppid()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for os.Getppid() == parent {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// options finds the programs, or builds them.
func (c call) options(ctx context.Context) (cluster.Options, error) {
	programs, err := binaries.Builder{Source: c.flags.source, Out: c.std.err}.Find(ctx)
	return cluster.Options{Programs: programs, Audit: c.flags.audit, Timeout: c.flags.timeout}, err
}

func (c call) down() error {
	clusters, err := c.all()
	if err != nil {
		return err
	}
	err = cluster.Each(clusters, func(one cluster.Cluster) error { return one.Down(c.flags.keep) })
	if len(c.names) == 0 {
		err = errors.Join(err, cluster.Sweep(c.flags.clusters))
	}
	return err
}

func (c call) status(ctx context.Context) error {
	clusters, err := c.all()
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(c.std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CLUSTER\tCOMPONENT\tSTATE\tPROCESS\tMEMORY")
	all := true
	for _, one := range clusters {
		status, err := one.Status(ctx)
		if err != nil {
			return err
		}
		all = all && status.Serves
		state := map[bool]string{true: "serves", false: "does not serve"}[status.Serves]
		fmt.Fprintf(table, "%s\t\t%s\t\t%d MiB\n", one.Name, state, status.Memory>>20)
		for _, p := range status.Processes {
			fmt.Fprintf(table, "\t%s\t%s\t%d\t%d MiB\n", p.Component, p.State, p.PID, p.Memory>>20)
		}
	}
	if err := table.Flush(); err != nil || !all {
		return errors.Join(err, errNo)
	}
	return nil
}

// control is kill, pause, resume and restart.
func (c call) control(ctx context.Context) error {
	if len(c.names) == 0 {
		return fmt.Errorf("%s: name a cluster: %w", c.command, errUsage)
	}
	one, err := cluster.Existing(c.flags.clusters, c.names[0])
	if err != nil {
		return err
	}
	components := []cluster.Component{cluster.APIServer}
	if names := c.names[1:]; len(names) > 0 {
		components = nil
		for _, name := range names {
			component, err := cluster.Parse(name)
			if err != nil {
				return err
			}
			components = append(components, component)
		}
	}
	switch c.command {
	case "kill":
		return one.Kill(components)
	case "pause":
		return one.Pause(components)
	case "resume":
		return one.Resume(components)
	default:
		options, err := c.options(ctx)
		if err != nil {
			return err
		}
		return one.Restart(ctx, components, options)
	}
}

func (c call) user() error {
	if len(c.names) != 2 {
		return fmt.Errorf("user: want the names of a cluster and a user, got %d names (%s): %w",
			len(c.names), strings.Join(c.names, " "), errUsage)
	}
	one, err := cluster.Existing(c.flags.clusters, c.names[0])
	if err != nil {
		return err
	}
	path, err := one.User(c.names[1], c.flags.groups)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.std.out, path)
	return nil
}

func buildCommand(ctx context.Context, args []string, std streams) error {
	c, err := parse("build", args, std)
	if err != nil {
		return err
	}
	if len(c.names) == 0 {
		c.names = []string{binaries.Targets()[0].Name}
	}
	builder := binaries.Builder{Source: c.flags.source, Out: std.err}
	for _, name := range c.names {
		target, err := binaries.Parse(name)
		if err != nil {
			return fmt.Errorf("build: %w: %w", err, errUsage)
		}
		if err := builder.Build(ctx, target); err != nil {
			return err
		}
	}
	return nil
}
