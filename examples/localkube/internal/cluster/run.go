package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/workspace-providers/reconcile/examples/localkube/internal/process"
)

// Each does something with all clusters side by side and returns all errors.
func Each(clusters []Cluster, do func(Cluster) error) error {
	failed := make([]error, len(clusters))
	var all sync.WaitGroup
	for i, c := range clusters {
		all.Go(func() { failed[i] = do(c) })
	}
	all.Wait()
	return errors.Join(failed...)
}

// Run brings clusters up such that they end with this program, calls ready, and keeps them until
// the context is done or others have taken them all down. Then it takes down what is left.
//
// It is their owner: a process that ends stays down, so that tests can kill one, but one whose pid
// file is removed is started again, as a child of the owner. That is how Restart asks for it from
// another program.
func Run(ctx context.Context, clusters []Cluster, options Options, ready func()) (err error) {
	options.Starter = process.Tied()
	me, err := process.Identify(os.Getpid())
	if err != nil {
		return err
	}
	var mine []Cluster
	taken := func(c Cluster) bool { return c.owner() != me }
	defer func() {
		mine = slices.DeleteFunc(mine, taken)
		err = errors.Join(err, Each(mine, func(c Cluster) error { return c.Down(false) }))
	}()
	for _, c := range clusters {
		if err := c.own(me); err != nil {
			return err
		}
		mine = append(mine, c)
	}
	if err := Each(mine, func(c Cluster) error { return c.Up(ctx, options) }); err != nil {
		return err
	}
	ready()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		mine = slices.DeleteFunc(mine, taken)
		if len(mine) == 0 {
			return nil
		}
		answer := func(c Cluster) error { return c.answer(ctx, me, options) }
		if err := Each(mine, answer); err != nil {
			return err
		}
	}
}

func (c Cluster) ownerFile() string { return c.path("run.pid") }

// owner returns the record of the `localkube run` that the cluster lives with, or that of no
// process.
func (c Cluster) owner() process.Record {
	record, err := process.Read(c.ownerFile())
	if err != nil {
		return process.Record{}
	}
	return record
}

// owned tells whether another program owns the cluster.
func (c Cluster) owned() bool {
	owner := c.owner()
	return owner.PID != os.Getpid() && owner.Alive()
}

// own makes this program the owner of a cluster that does not run.
func (c Cluster) own(me process.Record) error {
	return c.locked(func() error {
		if c.owned() || slices.ContainsFunc(Components(), c.runs) {
			return fmt.Errorf("cluster %s runs already: take it down first, or use `localkube up`", c.Name)
		}
		return errors.Join(os.MkdirAll(c.Home(), 0o700), me.Write(c.ownerFile()))
	})
}

// ask has the owner start what is down of these components.
func (c Cluster) ask(components []Component) error {
	for _, component := range components {
		if c.runs(component) {
			continue
		}
		if err := remove(c.pidFile(component)); err != nil {
			return err
		}
	}
	return nil
}

// answer starts what others asked for.
func (c Cluster) answer(ctx context.Context, me process.Record, options Options) error {
	if len(c.asked()) == 0 {
		return nil
	}
	return c.locked(func() error {
		s, err := c.load()
		if err != nil || c.owner() != me { // taken down meanwhile
			return nil
		}
		b := &bringUp{Cluster: c, options: options, settings: s}
		for _, component := range c.asked() {
			if err := b.ensure(ctx, component); err != nil {
				return b.named(err)
			}
		}
		return nil
	})
}

// asked returns the components that have no pid file.
func (c Cluster) asked() (components []Component) {
	for _, component := range Components() {
		if _, err := os.Stat(c.pidFile(component)); errors.Is(err, fs.ErrNotExist) {
			components = append(components, component)
		}
	}
	return components
}
