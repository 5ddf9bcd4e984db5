package kube

import (
	"io"
	"net/http"
	"time"
)

// permit is a write that may be sent now, so bound that it ends before the Lease may be somebody else's: it has a
// time limit, the API server is told of it, and its body is not given out any more without the Lease. done is to be
// called when it was answered or given up.
func (g *gate) permit(req *http.Request) (bound *http.Request, limit time.Duration, done func(), err error) {
	if g.lease == nil {
		return req, requestTimeout, func() {}, g.fence()
	}
	done = g.lease.enter()
	if err := g.fence(); err != nil {
		done()
		return nil, 0, nil, err
	}
	limit = min(g.lease.left(), requestTimeout)
	return g.bind(req, limit), limit, done, nil
}

// bind is a copy of a request: whoever is asked to send one may not change it.
func (g *gate) bind(req *http.Request, limit time.Duration) *http.Request {
	bound := req.Clone(req.Context())
	query := bound.URL.Query()
	if query.Get("timeout") == "" {
		query.Set("timeout", limit.Round(time.Millisecond).String())
		bound.URL.RawQuery = query.Encode()
	}
	if req.Body == nil || req.Body == http.NoBody {
		return bound
	}
	bound.Body = &fencedBody{req.Body, g.lease}
	if again := req.GetBody; again != nil {
		bound.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			if err != nil {
				return nil, err
			}
			return &fencedBody{body, g.lease}, nil
		}
	}
	return bound
}

// fencedBody is a request's body that is given out only while the Lease is held. It is read when the connection takes
// it, after every queue; a request without the rest of its body is refused.
type fencedBody struct {
	io.ReadCloser
	lease *lease
}

// Read gives out a part of the body.
func (b *fencedBody) Read(p []byte) (int, error) {
	if !b.lease.held() {
		return 0, fenced(b.lease.holding())
	}
	return b.ReadCloser.Read(p)
}
