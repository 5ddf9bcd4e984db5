package trace

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// client sends spans over HTTP, as protobuf.
type client struct {
	settings
	http *http.Client
	gone context.Context // ends what is under way
}

var _ otlptrace.Client = (*client)(nil)

func newClient(gone context.Context, s settings) *client {
	own := http.DefaultTransport.(*http.Transport).Clone() // with its proxies
	own.TLSClientConfig = s.tls
	return &client{s, &http.Client{
		Transport: own,
		// Headers may be credentials, which are for nobody that the collector names.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, gone}
}

// Start does nothing: the first batch connects.
func (c *client) Start(context.Context) error { return nil }

// Stop closes what is connected.
func (c *client) Stop(context.Context) error {
	c.http.CloseIdleConnections()
	return nil
}

// firstPause is how long to wait before a batch is sent again.
const firstPause = time.Second

// UploadTraces sends a batch, again and again within its time limit where the collector may take it later.
func (c *client) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	// The request of the protocol is the same on the wire, and comes in a package that needs gRPC.
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return err
	}
	if c.gzip {
		body = compressed(body)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	defer context.AfterFunc(c.gone, cancel)()
	for pause := firstPause; ; pause *= 2 {
		err = c.post(ctx, body)
		var later *laterError
		if !errors.As(err, &later) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(max(pause, later.after)):
		}
	}
}

// laterError says that another try may work.
type laterError struct {
	error
	after time.Duration // as asked for; 0: it was not
}

// maxAnswer is how much of an answer is read, so that the connection can be used again.
const maxAnswer = 64 << 10

// post sends a batch once.
func (c *client) post(ctx context.Context, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = c.headers.Clone()
	req.Header.Set("Content-Type", "application/x-protobuf")
	if c.gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	resp, err := c.http.Do(req)
	if about, is := errors.AsType[*url.Error](err); is {
		err = about.Err // without the URL, in which there may be a password
	}
	if err != nil {
		return &laterError{error: err}
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer) // what it says besides does not matter
	return judged(resp)
}

// judged is what an answer means.
func judged(resp *http.Response) error {
	if resp.StatusCode/100 == 2 {
		return nil
	}
	err := fmt.Errorf("the collector answers %s", resp.Status)
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		seconds, _ := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 16) // 0 where it says a date or nothing
		return &laterError{err, time.Duration(seconds) * time.Second}
	}
	return err
}

func compressed(body []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body) // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// teller is an exporter that logs when spans begin to get lost, and when that ends, and makes no error of it. Only
// one batch is sent at a time.
type teller struct {
	sdktrace.SpanExporter
	log       *slog.Logger
	collector string // its address
	lost      int    // since it failed
}

// ExportSpans sends a batch.
func (t *teller) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := t.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err != nil && t.lost == 0:
		t.log.Warn("traces cannot be sent, and are lost until they can", "collector", t.collector, "reason", err.Error())
	case err == nil && t.lost > 0:
		t.log.Info("traces are sent again", "collector", t.collector, "lost", t.lost)
		t.lost = 0
	}
	if err != nil {
		t.lost += len(spans)
	}
	return nil
}
