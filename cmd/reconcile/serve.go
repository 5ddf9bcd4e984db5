package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/netutil"

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
			ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelWarn),
			Handler:  d.handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
			WriteTimeout: d.patience(), IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		}
		servers = append(servers, srv)
		serve := srv.Serve
		if p.encrypted(d) {
			srv.TLSConfig = p.certificate.config()
			serve = func(l net.Listener) error { return srv.ServeTLS(l, "", "") }
		}
		p.log.Info("listening", "address", l.Addr().String())
		tasks.Go(func() {
			if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
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
	forPeople  = "sign-in and TLS"
	forMetrics = "sign-in and TLS, or --metrics-open"
	forForges  = "TLS"
	forScrapes = "nothing"           // --metrics-open
	onlyHere   = "to be on loopback" // whatever is in front, and whoever signs in
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
	all := []door{{p.listen, p.gate.Handler(web.Handler()), forPeople}}
	if p.metricsApart() {
		all = []door{{p.listen, p.gate.Handler(web.Pages()), forPeople}, p.metrics(web)}
	}
	for i := range all {
		all[i].handler = p.named(all[i])
	}
	all = addWebhooks(all, cmp.Or(p.webhookListen, p.listen), hooks)
	all = append(all, door{p.debugListen, p.gate.Handler(status.Debug()), onlyHere})
	return slices.DeleteFunc(all, func(d door) bool { return d.addr == "" })
}

// metricsApart says whether metrics have an address of their own.
func (p *parts) metricsApart() bool { return p.metricsListen != "" && p.metricsListen != p.listen }

// metrics is the door of metrics and probes alone.
func (p *parts) metrics(web *status.Web) door {
	if p.metricsOpen {
		return door{p.metricsListen, web.Probes(status.Anybody), forScrapes}
	}
	return door{p.metricsListen, p.gate.Handler(web.Probes(status.Managers)), forMetrics}
}

// named is what a door answers to whom: on loopback, as long as nobody is asked who he is, to those who name this machine.
func (p *parts) named(d door) http.Handler {
	host, _, err := net.SplitHostPort(d.addr)
	if err != nil || !status.Loopback(host) || p.behindProxy {
		return d.handler
	}
	here := status.Here(d.handler, "nobody is asked who he is; put token, users or signin.yaml into page/ of --credentials, "+
		"or say --behind-proxy where a proxy in front asks")
	return http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		if d.needs != forScrapes && p.gate.Asks() { // which may begin at any time
			d.handler.ServeHTTP(out, in)
			return
		}
		here.ServeHTTP(out, in)
	})
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
	if all[i].needs == forScrapes {
		all[i].needs = forForges
	}
	return all
}

// encrypted says whether a door is behind TLS: each but that of metrics for everybody, if there is a certificate.
func (p *parts) encrypted(d door) bool { return p.certificate != nil && d.needs != forScrapes }

// maxConnections are those of a door. Whoever makes more of them waits, and clusters are kept all the same.
const maxConnections = 1000

// listener is where a door is.
func (p *parts) listener(d door) (net.Listener, error) {
	if err := p.allow(d); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", d.addr)
	if err != nil {
		return nil, err
	}
	return netutil.LimitListener(l, maxConnections), nil
}

// allow refuses to be reached from elsewhere by people who were not asked who they are, or unencrypted.
func (p *parts) allow(d door) error {
	host, _, err := net.SplitHostPort(d.addr)
	if err != nil {
		return fmt.Errorf("listening on %q: %w", d.addr, err)
	}
	if status.Loopback(host) {
		return nil
	}
	if d.needs == onlyHere {
		return fmt.Errorf("listening on %q: profiles are for who is on this machine alone, behind a proxy too; "+
			"listen on 127.0.0.1, and forward the port", d.addr)
	}
	lacks, remedies := p.lacks(d)
	if len(lacks) == 0 {
		return nil
	}
	proxy, what, way := "put a proxy in front that does", "", ""
	if p.gate.Proxied() {
		proxy = "have the proxy of signin.yaml do" // which says who asks, and nothing of the others who get here
	}
	switch d.needs {
	case forForges:
		what = " for webhooks"
	case forMetrics:
		what, way = " for metrics", "say --metrics-open where only those get there who may read them, or "
	}
	return fmt.Errorf("listening%s on %q: beyond loopback there must be %s; put %s into page/ of --credentials, or %s %s "+
		"and say --behind-proxy, or %slisten on 127.0.0.1",
		what, d.addr, strings.Join(lacks, " and "), strings.Join(remedies, " and "), proxy, strings.Join(lacks, " and "), way)
}

// lacks is what a door beyond loopback needs and does not have, and the files that bring it.
func (p *parts) lacks(d door) (lacks, remedies []string) {
	if p.behindProxy || d.needs == forScrapes {
		return nil, nil
	}
	if d.needs != forForges && !p.gate.Asks() {
		lacks, remedies = append(lacks, "sign-in"), append(remedies, "token, users or signin.yaml")
	}
	if !p.encrypted(d) {
		lacks, remedies = append(lacks, "TLS"), append(remedies, "tls.crt and tls.key")
	}
	return lacks, remedies
}
