package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/workspace-providers/reconcile/reconcile/probe"
	"github.com/workspace-providers/reconcile/reconcile/watch"
	"github.com/workspace-providers/reconcile/status"
	"github.com/workspace-providers/reconcile/status/page"
	"github.com/workspace-providers/reconcile/status/signin"
)

// issuerPatience is how long an OIDC issuer may take to answer.
const issuerPatience = 10 * time.Second

// guard has whoever comes asked who he is, and what goes over the wire encrypted, as the credentials say; and follows
// them as they change. A run that ends by itself serves nothing.
func (p *parts) guard(ctx context.Context, web *status.Web) (err error) {
	if p.once {
		return nil
	}
	if p.metricsOpen && !p.metricsApart() {
		return errors.New("--metrics-open is about metrics at an address of their own: say which, with --metrics-listen")
	}
	p.gate, err = signin.New(signin.Options{
		Credentials: p.credentialFiles(), TLSElsewhere: p.behindProxy, Form: page.SignIn, Log: p.log,
		HTTP: func() (*http.Client, error) { return probe.Client(p.credentialFiles(), "", issuerPatience) },
	})
	if err != nil {
		return err
	}
	if p.certificate, err = p.loadCertificate(); err != nil {
		return err
	}
	web.Front = page.New(web, ctx.Done())
	web.Front.Routes = append(web.Front.Routes, p.gate.Routes()...)
	for _, path := range []string{p.below("page"), p.below("ca")} {
		follow(ctx, path, p.gate.Reload)
	}
	if c := p.certificate; c != nil {
		follow(ctx, c.cert, c.reload)
		follow(ctx, c.key, c.reload)
	}
	return nil
}

// follow does something whenever what is at a path changes, until ctx ends.
func follow(ctx context.Context, path string, then func()) {
	if path == "" {
		return
	}
	changed := watch.Tree(ctx, path)
	go func() {
		for range changed {
			then()
		}
	}()
}

// certificate is a certificate with its key, in files. Another one counts from the next connection on.
type certificate struct {
	cert, key string
	now       atomic.Pointer[tls.Certificate]
	log       *slog.Logger
}

// loadCertificate reads the files that flags name, or else those of the credentials; nil where there are none.
func (p *parts) loadCertificate() (*certificate, error) {
	c := &certificate{cert: p.tlsCert, key: p.tlsKey, log: p.log}
	switch {
	case (c.cert == "") != (c.key == ""):
		return nil, errors.New("--tls-cert and --tls-key belong together: give both, or neither")
	case c.cert == "" && p.credentials == "":
		return nil, nil
	case c.cert == "":
		c.cert, c.key = p.below("page/tls.crt"), p.below("page/tls.key")
		if !exists(c.cert) && !exists(c.key) {
			return nil, nil
		}
	}
	return c, c.load()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, os.ErrNotExist)
}

// load reads the files.
func (c *certificate) load() error {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("the certificate %s with the key %s: %w", c.cert, c.key, err)
	}
	c.now.Store(&pair)
	return nil
}

// reload reads the files anew. Where they do not fit, as between two that are written one after the other, the one
// before is used on.
func (c *certificate) reload() {
	if err := c.load(); err != nil {
		c.log.Error("the certificate stays as it was", "error", err)
		return
	}
	c.log.Info("the certificate was read anew", "until", c.now.Load().Leaf.NotAfter)
}

// ends is when it does; zero: there is none.
func (c *certificate) ends() time.Time {
	if c == nil {
		return time.Time{}
	}
	return c.now.Load().Leaf.NotAfter
}

// config is how to encrypt with it.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now.Load(), nil },
	}
}
