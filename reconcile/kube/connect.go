package kube

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

// reconnect is how long to wait before credentials that did not work are tried again, at most; rotated
// ones are tried at once.
const reconnect = 30 * time.Second

// run keeps the cluster connected until the fleet ends: a session, and with every rotation of its
// credentials another one.
func (c *Cluster) run() {
	for wait := time.Second; c.fleet.ctx.Err() == nil; wait = min(2*wait, reconnect) {
		ctx, end := context.WithCancel(c.fleet.ctx)
		c.mu.Lock()
		c.end = end
		c.mu.Unlock()
		if c.connected(ctx) {
			wait = time.Second
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		end()
	}
}

// seek finds the credentials in a context, and tells other replicas where it is news whether there are any.
func (c *Cluster) seek(context string) (*rest.Config, error) {
	config, err := c.fleet.Credentials.config(c.name, context)
	if none := errors.Is(err, errNoCredentials); c.unknown.Swap(none) != none {
		c.fleet.hub.ring()
	}
	return config, err
}

// connected works with one set of credentials until ctx ends. It returns false at once where they cannot
// be used at all.
func (c *Cluster) connected(ctx context.Context) bool {
	config, err := c.seek(c.fleet.context(c.name))
	if err != nil {
		c.heard(err)
		return false
	}
	c.mu.Lock()
	c.ends = expiries(config)
	c.mu.Unlock()
	conn, err := connect(config, &gate{fence: c.fence, lease: c.lease, heard: c.heard, met: c.met, stats: &c.Stats})
	if err != nil {
		c.heard(err)
		return false
	}
	if _, err := conn.capabilities(); err != nil {
		return false // the gate has heard why
	}
	s, err := startSession(ctx, conn, c)
	if err != nil {
		c.heard(err)
		return false
	}
	c.use(s, config)
	var tasks sync.WaitGroup
	for range jobWorkers {
		tasks.Go(func() { c.work(s) })
	}
	tasks.Go(func() { c.prove(s) })
	tasks.Go(func() { c.lookOut(s) })
	tasks.Go(func() { c.keepRosters(s) })
	tasks.Go(func() { c.keepQuotas(s) })
	if !c.fleet.ReadOnly {
		tasks.Go(func() { c.lease.run(ctx, conn.kube, func() { c.touch(releaseKey{}) }) })
	}
	c.refreshAfter(ctx)
	tasks.Wait()
	if c.fleet.ctx.Err() != nil {
		_ = c.lease.release(conn.kube) // if that fails, it ends by itself
	}
	conn.client.CloseIdleConnections()
	return true
}

// refreshAfter waits until ctx ends or everything is to be looked at anew, whichever comes first: a watch
// that lost an event would never say so. A session in which an action is at work is left to finish it.
func (c *Cluster) refreshAfter(ctx context.Context) {
	wait := c.fleet.CheckInterval
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(float64(wait) * (0.9 + 0.2*rand.Float64()))):
		}
		c.mu.Lock()
		idle := len(c.hand) == 0
		if idle {
			c.end()
		}
		c.mu.Unlock()
		wait = time.Second
	}
}

// jobWorkers bounds how much is found out about a cluster at once.
const jobWorkers = 2

// use makes a session the cluster's. Everything is looked at anew: what was seen through the one before is
// of the past.
func (c *Cluster) use(s *session, config *rest.Config) {
	c.mu.Lock()
	c.session, c.config, c.allDirty = s, config, true
	c.known, c.noting, c.looked = nil, nil, false
	c.heads, c.gone = headcount{}, nil
	c.followWanted()
	c.mu.Unlock()
	c.fleet.rouse(true)
}

// rotate ends the session if the cluster's credentials are not any more what it was begun with.
func (c *Cluster) rotate() {
	config, err := c.fleet.Credentials.config(c.name, c.fleet.context(c.name))
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && c.config != nil && c.session != nil && reflect.DeepEqual(fromCredentials(config), fromCredentials(c.config)) {
		return
	}
	if c.end != nil {
		c.end()
	}
}

// fromCredentials are the parts of a connection that credentials decide.
func fromCredentials(c *rest.Config) any {
	return []any{c.Host, c.APIPath, c.Username, c.Password, c.BearerToken, c.BearerTokenFile, c.TLSClientConfig,
		c.Impersonate, c.ExecProvider}
}

// fence says why nothing may be written now.
func (c *Cluster) fence() error {
	switch {
	case c.fleet.ReadOnly:
		return errReadOnly
	case !c.lease.held():
		return fenced(c.lease.holding())
	}
	c.mu.Lock()
	s := c.session
	c.mu.Unlock()
	if s == nil {
		return nil
	}
	for _, f := range s.freezes(time.Now()) {
		if f.Provider == "" && !f.Deletes {
			return frozen(f)
		}
	}
	return nil
}
