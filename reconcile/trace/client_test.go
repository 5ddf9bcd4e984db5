package trace

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/trace/tracetest"
)

func TestWhatTheEnvironmentSays(t *testing.T) {
	t.Parallel()
	const all, own = "OTEL_EXPORTER_OTLP_", "OTEL_EXPORTER_OTLP_TRACES_"
	for name, test := range map[string]struct {
		env       map[string]string
		off       bool
		url, says string // where traces go, or what is wrong
	}{
		"nothing":                {nil, true, "", ""},
		"headers alone":          {map[string]string{all + "HEADERS": "a=b"}, true, "", ""},
		"all signals":            {map[string]string{all + "ENDPOINT": "http://c:4318"}, false, "http://c:4318/v1/traces", ""},
		"all signals, a path":    {map[string]string{all + "ENDPOINT": "https://c/x/"}, false, "https://c/x/v1/traces", ""},
		"traces come first":      {map[string]string{all + "ENDPOINT": "http://c", own + "ENDPOINT": "http://d/x"}, false, "http://d/x", ""},
		"no exporter":            {map[string]string{all + "ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"}, true, "", ""},
		"disabled":               {map[string]string{all + "ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "True"}, true, "", ""},
		"no scheme":              {map[string]string{all + "ENDPOINT": "c:4318"}, false, "", "OTEL_EXPORTER_OTLP_ENDPOINT is no URL"},
		"gRPC":                   {map[string]string{all + "ENDPOINT": "http://c", all + "PROTOCOL": "grpc"}, false, "", `found "grpc", allowed is http/protobuf`},
		"a duration":             {map[string]string{all + "ENDPOINT": "http://c", own + "TIMEOUT": "10s"}, false, "", `found "10s", allowed is a number`},
		"no authority":           {map[string]string{all + "ENDPOINT": "http://c", all + "CERTIFICATE": "/none"}, false, "", "OTEL_EXPORTER_OTLP_CERTIFICATE: open /none"},
		"a key alone":            {map[string]string{all + "ENDPOINT": "http://c", all + "CLIENT_KEY": "/none"}, false, "", "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"},
		"a header without value": {map[string]string{all + "ENDPOINT": "http://c", all + "HEADERS": "hunter2"}, false, "", "OTEL_EXPORTER_OTLP_HEADERS is no list"},
	} {
		env := environment(func(name string) string { return test.env[name] })
		if env.off() != test.off {
			t.Errorf("%s: off is %v", name, env.off())
		}
		if test.off {
			if tracer, err := New(Options{Env: env}); tracer != nil || err != nil {
				t.Errorf("%s: there is a tracer: %v", name, err)
			}
			continue
		}
		s, err := env.settings()
		switch {
		case test.says != "":
			if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: it says %v, want %s", name, err, test.says)
			}
		case err != nil || s.endpoint.String() != test.url:
			t.Errorf("%s: %v, %v", name, s.endpoint, err)
		}
	}
}

// exported sends a span as the environment says, to a server that is in it.
func exported(t *testing.T, env map[string]string) {
	t.Helper()
	r := &rig{T: t}
	tracer := r.tracer(env)
	tracer.start("plan", "1a2b3c", time.Now()).End()
	tracer.Close()
	if r.log.Len() > 0 {
		t.Errorf("it logs %s", r.log.String())
	}
}

func TestHeadersAndCompression(t *testing.T) {
	collector, got := &tracetest.Collector{}, http.Header{}
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		got = in.Header
		collector.ServeHTTP(out, in)
	}))
	defer server.Close()
	exported(t, map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL, "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
		"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20a%3Db, x-scope = acme",
	})
	if got.Get("Authorization") != "Bearer a=b" || got.Get("X-Scope") != "acme" || got.Get("Content-Encoding") != "gzip" {
		t.Errorf("headers %v", got)
	}
	if n := len(collector.Spans()); n != 2 {
		t.Errorf("%d spans arrived", n)
	}
}

func TestAPrivateAuthority(t *testing.T) {
	collector := &tracetest.Collector{}
	server := httptest.NewUnstartedServer(collector)
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	server.StartTLS()
	defer server.Close()
	file := filepath.Join(t.TempDir(), "ca.crt")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	exported(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL, "OTEL_EXPORTER_OTLP_CERTIFICATE": file})
	if n := len(collector.Spans()); n != 2 {
		t.Errorf("%d spans arrived", n)
	}
}

// Headers are credentials, and a collector does not decide who else gets them.
func TestRedirectsAreNotFollowed(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was asked") }))
	defer other.Close()
	server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	r := &rig{T: t}
	tracer := r.tracer(map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL})
	tracer.start("plan", "1a2b3c", time.Now()).End()
	tracer.Close()
	if !strings.Contains(r.log.String(), "307 Temporary Redirect") {
		t.Errorf("it logs %q", r.log.String())
	}
}

// answers is a collector in memory that answers with these codes, the last one again and again.
type answers struct {
	codes []int
	asked int
}

func (a *answers) RoundTrip(*http.Request) (*http.Response, error) {
	code := a.codes[min(a.asked, len(a.codes)-1)]
	a.asked++
	if code == 0 {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: code, Status: http.StatusText(code), Body: http.NoBody}, nil
}

func TestABatchIsSentAgainWhileItMayBeTaken(t *testing.T) {
	for _, test := range []struct {
		codes  []int
		asked  int
		arrive bool
	}{
		{[]int{200}, 1, true},
		{[]int{503, 429, 0, 200}, 4, true},
		{[]int{400}, 1, false},
		{[]int{503}, 4, false}, // at 0, 1, 3 and 7 s; the time is up at 10
	} {
		synctest.Test(t, func(t *testing.T) {
			a := &answers{codes: test.codes}
			c := newClient(t.Context(), settings{headers: http.Header{}, endpoint: &url.URL{Scheme: "http", Host: "c"}, timeout: 10 * time.Second})
			c.http.Transport = a
			if err := c.UploadTraces(t.Context(), nil); (err == nil) != test.arrive || a.asked != test.asked {
				t.Errorf("%v: asked %d times, %v", test.codes, a.asked, err)
			}
		})
	}
}

// failing is an exporter that fails as long as it is told to.
type failing struct {
	sdktrace.SpanExporter
	err error
}

func (f *failing) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return f.err }

func TestThatTracesAreLostIsSaidOnce(t *testing.T) {
	var b bytes.Buffer
	f := &failing{}
	to := &teller{SpanExporter: f, log: slog.New(slog.NewTextHandler(&b, nil)), collector: "c:4318"}
	batch := make([]sdktrace.ReadOnlySpan, 3)
	for _, err := range []error{nil, errors.New("refused"), errors.New("refused"), nil, nil} {
		f.err = err
		if err := to.ExportSpans(t.Context(), batch); err != nil {
			t.Errorf("it is an error: %v", err)
		}
	}
	var got []string
	for line := range strings.Lines(b.String()) {
		_, line, _ = strings.Cut(line, " level=")
		got = append(got, strings.TrimSpace(line))
	}
	want := []string{
		`WARN msg="traces cannot be sent, and are lost until they can" collector=c:4318 reason=refused`,
		`INFO msg="traces are sent again" collector=c:4318 lost=6`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Nobody waits for a collector that takes a batch and never answers: not those that make more spans than the queue
// holds, and not the end of the program.
func TestACollectorThatHangsKeepsNobodyWaiting(t *testing.T) {
	asked, left := make(chan struct{}, 100), make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, in *http.Request) {
		_, _ = io.Copy(io.Discard, in.Body) // only then the server sees that the other side goes
		asked <- struct{}{}
		<-in.Context().Done() // the other side has gone
		left <- struct{}{}
	}))
	defer server.Close()
	r := newRig(t)
	defer r.Close()
	hanging := r.tracer(map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL, "OTEL_EXPORTER_OTLP_TIMEOUT": "3600000"})
	hanging.Wrap(r.loop, r.source)
	act := func(n int) {
		for range n {
			if err := r.loop.Fleet.Cluster("eu").Do(t.Context(), reconcile.Action{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	act(sdktrace.DefaultMaxExportBatchSize)
	<-asked
	act(2 * sdktrace.DefaultMaxQueueSize)
	if len(left) > 0 {
		t.Error("it was given up on before it had to be")
	}
	hanging.Close()
	<-left
	if spans := r.spans(); !slices.ContainsFunc(spans, func(s tracetest.Span) bool { return s.Name == "apply" }) {
		t.Error("another collector gets nothing either")
	}
}
