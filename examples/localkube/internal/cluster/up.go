package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/workspace-providers/reconcile/examples/localkube/internal/binaries"
	"github.com/workspace-providers/reconcile/examples/localkube/internal/process"
)

// Options say how clusters are started.
type Options struct {
	Programs binaries.Set
	Audit    bool            // the API server writes audit.log
	Timeout  time.Duration   // for a cluster to serve
	Starter  process.Starter // whether its processes outlive this program
}

// Up starts what of the cluster does not run, and returns once it serves and its kubeconfig file is
// written. On a cluster that serves it changes nothing. If it fails, nothing runs that it started.
func (c Cluster) Up(ctx context.Context, options Options) error {
	ctx, cancel := context.WithTimeout(ctx, options.Timeout)
	defer cancel()
	b := &bringUp{Cluster: c, options: options}
	err := c.locked(func() error { return b.up(ctx) })
	if err == nil && c.owned() { // its owner starts what is down
		err = b.awaitWork(ctx, Components())
	}
	return b.named(err)
}

// A bringUp is one call's work on one cluster.
type bringUp struct {
	Cluster
	options  Options
	settings settings
	started  map[Component]*process.Process
}

func (b *bringUp) up(ctx context.Context) error {
	var err error
	if b.settings, err = b.settle(b.options); err != nil {
		return err
	}
	if b.owned() {
		return b.ask(Components())
	}
	if err := b.all(ctx); err != nil {
		return errors.Join(err, b.abandon())
	}
	return nil
}

// named says of an error which cluster it is about.
func (b *bringUp) named(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cluster %s: %w", b.Name, err)
}

// settle returns the settings to start with: those the cluster was up with before, else new ones.
func (c Cluster) settle(options Options) (settings, error) {
	s, err := c.load()
	if errors.Is(err, fs.ErrNotExist) {
		port, err := choosePort()
		// If somebody removed its home while it ran, it is taken for new: end what runs of it.
		return settings{Port: port, Audit: options.Audit}, errors.Join(err, c.sweep())
	}
	if err != nil {
		return s, err
	}
	if record, err := c.record(APIServer); err != nil || !record.Alive() {
		s.Audit = s.Audit || options.Audit
		return s, err
	}
	if options.Audit && !s.Audit {
		return s, errors.New("it runs without an audit log: take it down first")
	}
	return s, nil
}

// all brings the cluster up, from whatever is there already.
func (b *bringUp) all(ctx context.Context) error {
	if err := b.servers(ctx); err != nil {
		return err
	}
	for _, component := range []Component{ControllerManager, Scheduler, Kwok} {
		if err := b.ensure(ctx, component); err != nil {
			return err
		}
	}
	api, err := b.api(b.settings)
	if err != nil {
		return err
	}
	if err := b.await(ctx, "its fixed objects", api.furnish); err != nil {
		return err
	}
	if err := b.await(ctx, "nodes and controllers", api.usable); err != nil {
		return err
	}
	if err := b.awaitWork(ctx, Components()); err != nil {
		return err
	}
	return b.publish(b.settings)
}

// servers starts etcd and the API server, on another port if somebody has taken the chosen one
// meanwhile.
func (b *bringUp) servers(ctx context.Context) error {
	const attempts = 5
	for attempt := 1; ; attempt++ {
		err := b.serversOnce(ctx)
		var ended *endedError
		taken := errors.As(err, &ended) && ended.component == APIServer && !free(b.settings.Port)
		if !taken || attempt == attempts {
			return err
		}
		if err := b.move(); err != nil {
			return err
		}
	}
}

func (b *bringUp) serversOnce(ctx context.Context) error {
	if err := b.prepare(b.settings); err != nil {
		return err
	}
	for _, component := range []Component{Etcd, APIServer} {
		if err := b.ensure(ctx, component); err != nil {
			return err
		}
	}
	api, err := b.api(b.settings)
	if err != nil {
		return err
	}
	return b.await(ctx, "the API server", api.serves)
}

// move chooses another port. Whoever runs with the old one has to start again.
func (b *bringUp) move() error {
	port, err := choosePort()
	if err != nil {
		return err
	}
	b.settings.Port = port
	delete(b.started, APIServer)
	return b.Kill([]Component{APIServer, ControllerManager, Scheduler, Kwok})
}

// ensure starts a component if it does not run.
func (b *bringUp) ensure(ctx context.Context, component Component) error {
	record, err := b.record(component)
	if err != nil || record.Alive() {
		return err
	}
	b.removeProofs(ctx, component)
	started, err := b.options.Starter.Start(process.Spec{
		Command: append(append([]string{}, b.options.Programs[string(component)]...),
			component.arguments(b.settings)...),
		Env:  environment(b.Home()),
		Dir:  b.Home(),
		Log:  b.logFile(component),
		Mark: b.mark(),
	})
	if err != nil {
		return err
	}
	if b.started == nil {
		b.started = map[Component]*process.Process{}
	}
	b.started[component] = started
	return started.Write(b.pidFile(component))
}

// environment holds what the components need and nothing of the caller's: a proxy or a kubeconfig
// set there is not meant for them, and kwok reads a configuration from a home directory.
func environment(home string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + home,
		"TMPDIR=" + os.TempDir(),
		"GOGC=50", // a fifth less memory for a tenth more CPU
	}
}

// abandon ends what this call started.
func (b *bringUp) abandon() error {
	var failed error
	for _, started := range b.started {
		failed = errors.Join(failed, started.Kill())
	}
	return failed
}
