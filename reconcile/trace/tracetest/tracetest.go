// Package tracetest has a collector of traces for tests: a real OTLP receiver on loopback, which keeps what it is
// sent.
package tracetest

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Path is where a collector takes traces.
const Path = "/v1/traces"

// Collector keeps spans, as they arrive.
type Collector struct {
	URL string

	mu    sync.Mutex // guards what follows
	spans []Span
	raw   strings.Builder
}

// Span is a span that arrived, as far as tests want to know.
type Span struct {
	Name, Trace, ID, Parent string
	Service                 string
	Attrs                   map[string]string // numbers in decimal
	Err                     string            // what its status says; empty: it is no error
	Events                  []string          // what its events say, each with all its attributes
	Links                   []string          // the traces that it links to
	Began, Ended            time.Time
}

// New starts a collector that ends with the test.
func New(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// ServeHTTP takes traces, and refuses what is none.
func (c *Collector) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	var body io.Reader = in.Body
	if in.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			http.Error(out, err.Error(), http.StatusBadRequest)
			return
		}
		body = unpacked
	}
	raw, err := io.ReadAll(body)
	var data tracepb.TracesData // as the request of the protocol on the wire
	if err == nil {
		err = proto.Unmarshal(raw, &data)
	}
	if err != nil || in.Method != http.MethodPost || in.URL.Path != Path || in.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(out, "this is no trace", http.StatusBadRequest)
		return
	}
	c.keep(raw, &data)
	out.Header().Set("Content-Type", "application/x-protobuf") // of an empty message: everything was taken
}

func (c *Collector) keep(raw []byte, data *tracepb.TracesData) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw.Write(bytes.ToValidUTF8(raw, []byte(" ")))
	for _, of := range data.ResourceSpans {
		service := attrs(of.Resource.Attributes)["service.name"]
		for _, scope := range of.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans = append(c.spans, span(service, s))
			}
		}
	}
}

func span(service string, s *tracepb.Span) Span {
	out := Span{
		Name: s.Name, Trace: hex.EncodeToString(s.TraceId), ID: hex.EncodeToString(s.SpanId),
		Parent: hex.EncodeToString(s.ParentSpanId), Service: service, Attrs: attrs(s.Attributes),
		Began: time.Unix(0, int64(s.StartTimeUnixNano)), Ended: time.Unix(0, int64(s.EndTimeUnixNano)),
	}
	if s.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR {
		out.Err = s.Status.Message
	}
	for _, e := range s.Events {
		for key, value := range attrs(e.Attributes) {
			out.Events = append(out.Events, e.Name+" "+key+"="+value)
		}
	}
	slices.Sort(out.Events)
	for _, l := range s.Links {
		out.Links = append(out.Links, hex.EncodeToString(l.TraceId))
	}
	return out
}

func attrs(all []*commonpb.KeyValue) map[string]string {
	out := map[string]string{}
	for _, kv := range all {
		switch v := kv.Value.Value.(type) {
		case *commonpb.AnyValue_StringValue:
			out[kv.Key] = v.StringValue
		default:
			out[kv.Key] = strings.TrimPrefix(kv.Value.String(), "int_value:")
		}
	}
	return out
}

// Spans are those that arrived so far, in the order in which they began, parents first.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := slices.Clone(c.spans)
	slices.SortStableFunc(out, func(a, b Span) int {
		return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(len(a.Parent), len(b.Parent)))
	})
	return out
}

// Raw is everything that arrived, as it was on the wire but for compression.
func (c *Collector) Raw() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.raw.String()
}
