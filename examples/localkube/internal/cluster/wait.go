package cluster

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// await waits until the check passes. It gives up when time is over or when something that this
// call started has ended.
func (b *bringUp) await(ctx context.Context, what string, check func(context.Context) error) error {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if ended := b.ended(); ended != nil {
			return ended
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w; at last: %w; the logs are in %s",
				what, context.Cause(ctx), err, b.Home())
		case <-ticker.C:
		}
	}
}

// An endedError says that a component ended when it should serve.
type endedError struct {
	component Component
	how, log  string
}

func (e *endedError) Error() string {
	return fmt.Sprintf("%s ended: %s; the end of %s:\n%s", e.component, e.how, e.log, tail(e.log))
}

// ended returns an error if something that this call started runs no more.
func (b *bringUp) ended() error {
	for _, component := range Components() {
		started := b.started[component]
		if started == nil {
			continue
		}
		select {
		case <-started.Done():
			return &endedError{component: component, how: started.End(), log: b.logFile(component)}
		default:
		}
	}
	return nil
}

// tail returns the last lines of a log.
func tail(path string) string {
	const bytes, lines = 4096, 10
	file, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() > bytes {
		file.Seek(-bytes, io.SeekEnd) // if that fails, more is read
	}
	raw, err := io.ReadAll(file)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// serves checks that the API server is ready.
func (a API) serves(ctx context.Context) error { return a.Read(ctx, "/readyz", nil) }

// proofs are objects that a component makes when they are missing. They are deleted before it
// starts, and when they are there again, it works. kwok's are the leases of the nodes, which a new
// one otherwise could not have until they run out.
func (c Component) proofs() []string {
	switch c {
	case ControllerManager:
		return []string{"/api/v1/namespaces/kube-node-lease/configmaps/kube-root-ca.crt"}
	case Kwok:
		var leases []string
		for _, name := range nodeNames() {
			leases = append(leases, "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/"+name)
		}
		return leases
	default:
		return nil
	}
}

// removeProofs says nothing when it fails: then the API server is down, and what is started now
// will fail itself.
func (b *bringUp) removeProofs(ctx context.Context, component Component) {
	api, err := b.api(b.settings)
	if err != nil {
		return
	}
	for _, proof := range component.proofs() {
		_ = api.Delete(ctx, proof)
	}
}

// awaitWork waits until the components run and work; while the API server is down, nobody can say
// of the others whether they do.
func (b *bringUp) awaitWork(ctx context.Context, components []Component) error {
	alive := func(context.Context) error {
		for _, component := range components {
			if !b.runs(component) {
				return fmt.Errorf("%s does not run", component)
			}
		}
		return nil
	}
	if err := b.await(ctx, "processes", alive); err != nil || !b.runs(APIServer) {
		return err
	}
	api, err := b.api(b.settings)
	if err != nil {
		return err
	}
	if err := b.await(ctx, "the API server", api.serves); err != nil {
		return err
	}
	for _, component := range components {
		for _, proof := range component.proofs() {
			there := func(ctx context.Context) error { return api.Read(ctx, proof, nil) }
			if err := b.await(ctx, string(component), there); err != nil {
				return err
			}
		}
	}
	return nil
}
