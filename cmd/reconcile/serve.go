package main

import (
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
func (p *parts) serve(web *status.Web) (stop func(), err error) {
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
	for _, d := range p.doors(web) {
		l, err := p.listener(d.addr)
		if err != nil {
			stop()
			return nil, err
		}
		srv := &http.Server{
			Handler: d.handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
			WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
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
}

// doors are where to listen, pages first. A run that ends by itself is gone before anybody looks.
func (p *parts) doors(web *status.Web) []door {
	all := []door{{p.listen, web.Handler()}}
	if p.metricsListen != "" && p.metricsListen != p.listen {
		all = []door{{p.listen, web.Pages()}, {p.metricsListen, web.Probes()}}
	}
	return slices.DeleteFunc(all, func(d door) bool { return d.addr == "" || p.once })
}

// listener refuses to be reached from elsewhere by people who were not asked who they are.
func (p *parts) listener(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("listening on %q: %w", addr, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) && !p.behindProxy {
		return nil, fmt.Errorf("listening on %q: beyond loopback there must be sign-in and TLS; put a proxy that does "+
			"both in front and say --behind-proxy, or listen on 127.0.0.1", addr)
	}
	return net.Listen("tcp", addr)
}
