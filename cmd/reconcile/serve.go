package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/workspace-providers/reconcile/status"
)

// serve listens where the flags say. stop ends it.
func (p *parts) serve(web *status.Web, hooks http.Handler) (stop func(), err error) {
	var servers []*http.Server
	var tasks sync.WaitGroup
	stop = func() {
		for _, srv := range servers {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			if srv.Shutdown(ctx) != nil {
				_ = srv.Close() // whoever still reads has had his time
			}
			cancel()
		}
		tasks.Wait()
	}
	for _, d := range p.doors(web, hooks) {
		l, err := p.listener(d)
		if err != nil {
			stop()
			return nil, err
		}
		srv := &http.Server{
			Handler: d.handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
			WriteTimeout: d.patience(), IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		}
		servers = append(servers, srv)
		p.log.Info("listening", "address", l.Addr().String())
		tasks.Go(func() {
			if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				p.log.Error("serving", "address", d.addr, "error", err)
			}
		})
	}
	return stop, nil
}

// door is an address and what answers there.
type door struct {
	addr    string
	handler http.Handler
	needs   string // what must be in front where others than this machine may come
}

// What doors need. Senders of webhooks sign, and do not sign in.
const (
	forPeople = "sign-in and TLS"
	forForges = "TLS"
	onlyHere  = "sign-in of our own" // which there is none of yet: until then, nothing in front is enough
)

// patience is how long an answer may take. Profiles are made meanwhile.
func (d door) patience() time.Duration {
	if d.needs == onlyHere {
		return status.LongestProfile + 30*time.Second
	}
	return 30 * time.Second
}

// doors are where to listen, pages first. A run that ends by itself is gone before anybody looks.
func (p *parts) doors(web *status.Web, hooks http.Handler) []door {
	if p.once {
		return nil
	}
	all := []door{{p.listen, status.Open(web.Handler()), forPeople}}
	if p.metricsListen != "" && p.metricsListen != p.listen {
		all = []door{{p.listen, status.Open(web.Pages()), forPeople}, {p.metricsListen, status.Open(web.Probes()), forPeople}}
	}
	all = addWebhooks(all, cmp.Or(p.webhookListen, p.listen), hooks)
	all = append(all, door{p.debugListen, status.Open(status.Debug()), onlyHere})
	return slices.DeleteFunc(all, func(d door) bool { return d.addr == "" })
}

// addWebhooks has webhooks answered at an address, beside what is there already.
func addWebhooks(all []door, addr string, hooks http.Handler) []door {
	i := slices.IndexFunc(all, func(d door) bool { return d.addr == addr })
	if i < 0 {
		return append(all, door{addr, hooks, forForges})
	}
	both := http.NewServeMux()
	both.Handle("/", all[i].handler)
	both.Handle("/webhooks/", hooks)
	all[i].handler = both
	return all
}

// listener refuses to be reached from elsewhere by people who were not asked who they are, or unencrypted.
func (p *parts) listener(d door) (net.Listener, error) {
	host, _, err := net.SplitHostPort(d.addr)
	if err != nil {
		return nil, fmt.Errorf("listening on %q: %w", d.addr, err)
	}
	if d.needs == onlyHere && !status.Loopback(host) {
		return nil, fmt.Errorf("listening on %q: profiles are for who is on this machine alone, behind a proxy too; "+
			"listen on 127.0.0.1, and forward the port", d.addr)
	}
	if !status.Loopback(host) && !p.behindProxy {
		what := ""
		if d.needs == forForges {
			what = " for webhooks"
		}
		return nil, fmt.Errorf("listening%s on %q: beyond loopback there must be %s; put a proxy that does "+
			"that in front and say --behind-proxy, or listen on 127.0.0.1", what, d.addr, d.needs)
	}
	return net.Listen("tcp", d.addr)
}
