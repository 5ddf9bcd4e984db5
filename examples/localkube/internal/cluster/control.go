package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"syscall"

	"github.com/workspace-providers/reconcile/examples/localkube/internal/process"
)

// Kill ends components at once, as a crash would. They stay down until Restart or Up.
func (c Cluster) Kill(components []Component) error {
	return c.each(components, process.Record.Kill)
}

// Pause stops components without ending them, so that they hang: connections are taken and nothing
// answers.
func (c Cluster) Pause(components []Component) error {
	return c.each(components, func(r process.Record) error { return r.Signal(syscall.SIGSTOP) })
}

// Resume lets components go on that were paused.
func (c Cluster) Resume(components []Component) error {
	return c.each(components, func(r process.Record) error { return r.Signal(syscall.SIGCONT) })
}

func (c Cluster) each(components []Component, do func(process.Record) error) error {
	for _, component := range components {
		record, err := c.record(component)
		if err == nil {
			err = do(record)
		}
		if err != nil {
			return fmt.Errorf("cluster %s: %s: %w", c.Name, component, err)
		}
	}
	return nil
}

// Restart ends components and starts them again with the same data and the same port, and returns
// when they work. Others that are down stay so. With the API server, all that run and talk to it
// start again: they would find it only after a while, up to half a minute if it was long down.
func (c Cluster) Restart(ctx context.Context, components []Component, options Options) error {
	ctx, cancel := context.WithTimeout(ctx, options.Timeout)
	defer cancel()
	s, err := c.existing()
	if err != nil {
		return err
	}
	b := &bringUp{Cluster: c, options: options, settings: s}
	servers, clients := b.waves(components)
	if err := b.restart(ctx, servers); err != nil {
		return b.named(err)
	}
	if len(clients) > 0 && !b.runs(APIServer) {
		return b.named(fmt.Errorf("%s is down, and %s needs it: restart it first", APIServer, clients[0]))
	}
	return b.named(b.restart(ctx, clients))
}

// waves returns what to restart: first the servers, and when they serve, their clients.
func (c Cluster) waves(named []Component) (servers, clients []Component) {
	for _, component := range Components() {
		is := slices.Contains(named, component)
		switch user, _ := component.identity(); {
		case user == "" && is:
			servers = append(servers, component)
		case user != "" && (is || slices.Contains(named, APIServer) && c.runs(component)):
			clients = append(clients, component)
		}
	}
	return servers, clients
}

// runs tells whether a component runs.
func (c Cluster) runs(component Component) bool {
	record, err := c.record(component)
	return err == nil && record.Alive()
}

func (b *bringUp) restart(ctx context.Context, components []Component) error {
	err := b.locked(func() error {
		if err := b.Kill(components); err != nil {
			return err
		}
		if b.owned() {
			return b.ask(components)
		}
		for _, component := range components {
			if err := b.ensure(ctx, component); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return b.awaitWork(ctx, components)
}

// Down ends all that runs of the cluster and removes it, or keeps its home for a later Up. It is no
// error if nothing runs.
func (c Cluster) Down(keep bool) error {
	if _, err := os.Stat(c.Home()); errors.Is(err, fs.ErrNotExist) {
		return errors.Join(remove(c.Kubeconfig()), c.sweep())
	}
	return c.locked(func() error { return c.down(keep) })
}

func (c Cluster) down(keep bool) error {
	// First the kubeconfig file, so that nobody starts with a cluster that goes, and the file that
	// makes a `localkube run` start again what ends.
	if err := errors.Join(remove(c.Kubeconfig()), remove(c.ownerFile())); err != nil {
		return err
	}
	if err := errors.Join(c.Kill(Components()), c.sweep()); err != nil || keep {
		return err
	}
	if err := os.RemoveAll(c.Home()); err != nil {
		return err
	}
	remove(c.lockFile())
	os.Remove(c.path("..")) // stays if there are other clusters
	return nil
}

// sweep ends processes that carry the cluster's mark though their records are lost.
func (c Cluster) sweep() error { return sweep(c.mark()) }

// Sweep ends the processes of all clusters that were started in the directory, even if it is gone.
func Sweep(dir string) error {
	c, err := New(dir, "any")
	if err != nil {
		return err
	}
	return sweep(c.path("..") + "/")
}

func sweep(prefix string) error {
	lost, err := process.Marked(prefix)
	for _, record := range lost {
		err = errors.Join(err, record.Kill())
	}
	return err
}

// remove removes a file if it is there.
func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

var userName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9@._:-]{0,62}$`)

// validUser checks a user's name: it is also that of a file and of a certificate, which takes 64
// characters.
func validUser(user string) error {
	if !userName.MatchString(user) {
		return fmt.Errorf("user %q: must be 1 to 63 of letters, digits, @ . _ : and -, "+
			"the first a letter or digit", user)
	}
	return nil
}
