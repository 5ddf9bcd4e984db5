package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"github.com/workspace-providers/reconcile/reconcile/kube"
	"github.com/workspace-providers/reconcile/reconcile/probe"
	"github.com/workspace-providers/reconcile/status"
	"github.com/workspace-providers/reconcile/status/notify"
)

// notifier tells of incidents; nil where that is nobody's wish: in a run that ends by itself, in one that looks at a part
// alone, and beside another that acts.
func (p *parts) notifier(metrics *status.Metrics) *notify.Notifier {
	if p.once || p.provider != "" || p.cluster != "" || p.readOnly {
		return nil
	}
	return notify.New(notify.Options{
		Receivers: p.receivers, Deployment: p.deployment, Speaks: p.speaks, Page: p.page,
		Credentials: p.credentialFiles(), Memory: memory{p.fleet, p.cacheDir("notify")},
		HTTP:  func() (*http.Client, error) { return probe.Client(p.credentialFiles(), "", 0) },
		Count: metrics.Notified, Log: p.log,
	})
}

// deployment is the name of the deployment, empty as long as nobody knows.
func (p *parts) deployment() string {
	cfg, _ := p.source.Config()
	return cfg.Deployment.Name
}

// speaks says whether we tell of what goes on, and know whom.
func (p *parts) speaks() bool {
	_, known := p.source.Config()
	looked := p.looked.Load()
	return known && looked != nil && p.fleet.Speaks(*looked)
}

// receivers are those that the declarations in force name.
func (p *parts) receivers() []notify.Receiver {
	cfg, _ := p.source.Config()
	var out []notify.Receiver
	for name, r := range cfg.Deployment.Notify {
		out = append(out, notify.Receiver{Name: name, Kind: r.Kind, Secret: cmp.Or(r.Secret, name), On: r.On})
	}
	return out
}

// notified is under which name it is kept what receivers were told.
const notified = "notified"

// memory keeps what receivers were told in the hub, where other replicas find it, and in a file for where there is no
// hub to write to.
type memory struct {
	fleet *kube.Fleet
	dir   string // empty: there is no place for a file
}

// Recall is what was kept last.
func (m memory) Recall(ctx context.Context) ([]byte, error) {
	data, err := m.fleet.Recall(ctx, notified)
	if err == nil || m.dir == "" {
		return data, err
	}
	data, ferr := os.ReadFile(m.file())
	if errors.Is(ferr, fs.ErrNotExist) {
		return nil, err
	}
	return data, ferr
}

// Keep replaces it.
func (m memory) Keep(ctx context.Context, data []byte) error {
	err := m.fleet.Keep(ctx, notified, data)
	if m.dir == "" {
		return err
	}
	if ferr := m.write(data); ferr != nil {
		return errors.Join(err, ferr)
	}
	return nil
}

// write replaces the file whole.
func (m memory) write(data []byte) error {
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(m.file()+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(m.file()+".new", m.file())
}

func (m memory) file() string { return filepath.Join(m.dir, notified+".json") }
