package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// How long to wait before a watch that got no answer is asked for again, at first and at most.
const firstAgain, lastAgain = 500 * time.Millisecond, 10 * time.Second

// stream begins a watch, or resumes one. Where the cluster does not answer it is asked again until it does, or
// nobody waits any more: client-go would list everything anew after most errors, and could wait a minute after many
// of them, while a cluster that is back need only be asked for what happened since.
//
// How long it lasts is left to the server, which is half an hour to an hour, and not five to ten minutes as client-go
// would have it: that a connection is dead is told by HTTP/2, and each new watch costs a request.
func (g *gate) stream(req *http.Request) (*http.Response, error) {
	for wait := firstAgain; ; wait = min(2*wait, lastAgain) {
		g.stats.Watches.Add(1)
		resp, err := g.open(req)
		if req.Context().Err() != nil {
			return resp, err
		}
		if err == nil {
			g.heard(refusal(resp))
			soon(resp)
			return resp, nil
		}
		g.heard(err)
		select {
		case <-req.Context().Done():
			return nil, req.Context().Err()
		case <-time.After(wait/2 + rand.N(wait)): // all watches of a connection break at once
		}
	}
}

// open asks for a watch once. That it is granted has to be said soon, however long it lasts then.
func (g *gate) open(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	late := time.AfterFunc(requestTimeout, func() { cancel(context.DeadlineExceeded) })
	end := func() { cancel(nil) }
	req = req.Clone(ctx)
	query := req.URL.Query()
	query.Del("timeoutSeconds")
	query.Del("timeout")
	req.URL.RawQuery = query.Encode()
	resp, err := g.next.RoundTrip(req)
	if err == nil && !late.Stop() {
		_ = resp.Body.Close()
		err = context.DeadlineExceeded
	}
	switch {
	case err != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		err = context.DeadlineExceeded
	case err == nil && resp.StatusCode >= http.StatusInternalServerError:
		_ = resp.Body.Close()
		err = fmt.Errorf("%w: %s", errBusy, resp.Status)
	}
	if err != nil {
		end()
		return nil, err
	}
	resp.Body = &closer{broken{resp.Body}, end}
	return resp, nil
}

// broken is the body of a watch. However the connection ends, the watch has ended and is resumed; client-go takes some
// errors for what the server said of the watch, and lists everything anew.
type broken struct{ io.ReadCloser }

func (b broken) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		err = io.EOF
	}
	return n, err
}

// longestAgain bounds how long a server can have us wait before one of the ten times that client-go asks again.
const longestAgain = 5 * time.Second

// soon lets a server that is busy have a request again after a while, and not after a day.
func soon(resp *http.Response) {
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err == nil && time.Duration(seconds)*time.Second > longestAgain {
		resp.Header.Set("Retry-After", strconv.Itoa(int(longestAgain/time.Second)))
	}
}
