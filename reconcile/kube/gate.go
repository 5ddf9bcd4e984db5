package kube

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// requestTimeout bounds every request but watches: client-go has no limit of its own.
const requestTimeout = 30 * time.Second

// gate is the one door through which all requests to a cluster go. It keeps writes out while we may not
// write, bounds requests in time, counts them, and hears from their outcome whether the cluster can be
// reached, so that nobody has to ask.
type gate struct {
	next  http.RoundTripper
	fence func() error               // says why writing is not allowed now; nil: it is
	lease *lease                     // what the right to write comes from; nil: it has no end
	heard func(error)                // told of each outcome: nil when the cluster answered
	met   func(*tls.ConnectionState) // told by what certificate the cluster is known; may be nil
	stats *Stats
}

// Stats counts requests to one cluster since it was first connected to.
type Stats struct {
	Reads   atomic.Int64
	Watches atomic.Int64
	Writes  atomic.Int64

	latency latency
}

// errReadOnly says that this program was told to change nothing.
var errReadOnly = errors.New("this program was started read-only and writes to no cluster")

// over is the same gate in front of another transport: client-go makes more than one.
func (g *gate) over(next http.RoundTripper) http.RoundTripper {
	out := *g
	out.next = next
	return &out
}

// RoundTrip sends one request, if it may be sent.
func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	if writes(req) && req.Context().Value(unfenced{}) == nil {
		bound, limit, done, err := g.permit(req)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", req.Method, req.URL.Path, err)
		}
		defer done()
		return g.send(bound, limit)
	}
	if req.URL.Query().Get("watch") == "true" {
		return g.stream(req)
	}
	return g.send(req, requestTimeout)
}

// send sends one request that is answered once.
func (g *gate) send(req *http.Request, limit time.Duration) (*http.Response, error) {
	g.count(req)
	asked := req.Context()
	ctx, cancel := context.WithTimeout(asked, limit)
	began := time.Now()
	resp, err := g.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel()
		if asked.Err() == nil { // else it was we who gave up
			g.heard(err)
		}
		return nil, err
	}
	if resp.TLS != nil && g.met != nil {
		g.met(resp.TLS)
	}
	g.stats.latency.note(time.Since(began))
	g.heard(refusal(resp))
	soon(resp)
	resp.Body = &closer{resp.Body, cancel}
	return resp, nil
}

// unfenced marks the context of the one write that needs no Lease.
type unfenced struct{}

// withoutFence is for what people ask for by hand, which changes no release.
func withoutFence(ctx context.Context) context.Context {
	return context.WithValue(ctx, unfenced{}, true)
}

// writes says whether a request changes something. Reviews ask a question by POST, a dry run changes
// nothing, and the Lease is what the right to write comes from.
func writes(req *http.Request) bool {
	switch {
	case req.Method == http.MethodGet || req.Method == http.MethodHead || req.Method == http.MethodOptions:
		return false
	case req.URL.Query().Get("dryRun") == "All":
		return false
	case strings.Contains(req.URL.Path, "/apis/authorization.k8s.io/"), strings.Contains(req.URL.Path, "/apis/authentication.k8s.io/"):
		return false
	}
	return !strings.Contains(req.URL.Path, "/apis/coordination.k8s.io/")
}

func (g *gate) count(req *http.Request) {
	if req.Method == http.MethodGet {
		g.stats.Reads.Add(1)
	} else {
		g.stats.Writes.Add(1)
	}
}

// errBusy says that a server answered, or whatever stands before it, and only put us off.
var errBusy = errors.New("the server is busy")

// refusal turns an answer that says nothing of what was asked into an error.
func refusal(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		return errors.New("401 Unauthorized: the credentials are not accepted")
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return fmt.Errorf("%w: %s", errBusy, resp.Status)
	}
	return nil
}

// closer ends a request's deadline when its body is closed.
type closer struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (c *closer) Close() error {
	defer c.cancel()
	return c.ReadCloser.Close()
}

// fenced is the fence of somebody who does not hold the cluster's Lease.
func fenced(holder string) error {
	if holder == "" {
		holder = "nobody yet"
	}
	return fmt.Errorf("%w: its Lease is held by %s", reconcile.ErrFenced, holder)
}
