package main

import (
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/workspace-providers/reconcile/examples/localkube/internal/cluster"
)

// A call is a command with its arguments.
type call struct {
	command string
	std     streams
	names   []string // the arguments that are not flags
	flags   flags
}

// flags are all flags of all commands; each command says which it takes.
type flags struct {
	clusters, source              string
	audit, keep, untilStdinCloses bool
	timeout                       time.Duration
	groups                        list
}

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// parse reads the arguments of a command. Flags may stand before, between and after the others.
func parse(command string, args []string, std streams) (call, error) {
	c := call{command: command, std: std}
	set := c.flags.of(command)
	for len(args) > 0 {
		if err := set.Parse(args); err != nil {
			return c, fmt.Errorf("%s: %w: %w", command, err, errUsage)
		}
		for args = set.Args(); len(args) > 0 && !strings.HasPrefix(args[0], "-"); args = args[1:] {
			c.names = append(c.names, args[0])
		}
	}
	if command != "build" && c.flags.clusters == "" {
		return c, fmt.Errorf("%s: no --clusters DIR, which says where the kubeconfig files are: %w",
			command, errUsage)
	}
	return c, nil
}

// of declares the flags that a command takes.
func (f *flags) of(command string) *flag.FlagSet {
	set := flag.NewFlagSet(command, flag.ContinueOnError)
	set.SetOutput(io.Discard) // the error says it
	set.StringVar(&f.source, "source", "", "")
	if command != "build" {
		set.StringVar(&f.clusters, "clusters", "", "")
	}
	switch command {
	case "up", "run":
		set.BoolVar(&f.audit, "audit", false, "")
		set.DurationVar(&f.timeout, "timeout", 3*time.Minute, "")
	case "restart":
		set.DurationVar(&f.timeout, "timeout", 3*time.Minute, "")
	case "down":
		set.BoolVar(&f.keep, "keep", false, "")
	case "user":
		set.Var(&f.groups, "group", "")
	}
	if command == "run" {
		set.BoolVar(&f.untilStdinCloses, "until-stdin-closes", false, "")
	}
	return set
}

// clusters returns the clusters that are named.
func (c call) clusters() ([]cluster.Cluster, error) {
	var named []cluster.Cluster
	seen := map[string]bool{}
	for _, name := range c.names {
		if seen[name] {
			continue
		}
		seen[name] = true
		one, err := cluster.New(c.flags.clusters, name)
		if err != nil {
			return nil, err
		}
		named = append(named, one)
	}
	return named, nil
}

// some returns the clusters that are named, which must be one at least.
func (c call) some() ([]cluster.Cluster, error) {
	if len(c.names) == 0 {
		return nil, fmt.Errorf("%s: name a cluster at least: %w", c.command, errUsage)
	}
	return c.clusters()
}

// all returns the clusters that are named, or all there are if none is.
func (c call) all() ([]cluster.Cluster, error) {
	if len(c.names) == 0 {
		return cluster.All(c.flags.clusters)
	}
	return c.clusters()
}
