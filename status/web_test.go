package status

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/workspace-providers/reconcile/reconcile"
)

func fetchMetrics(t *testing.T, g prometheus.Gatherer) string {
	t.Helper()
	out := httptest.NewRecorder()
	(&Web{Metrics: g}).Probes(Anybody).ServeHTTP(out, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return out.Body.String()
}

func TestReadyzSaysWhatIsMissing(t *testing.T) {
	for _, test := range []struct {
		name  string
		world func(*world) // nil: no report
		code  int
		body  string
	}{
		{"no report", nil, 503, "not ready: nothing was looked at yet\n"},
		{"no valid revision", func(w *world) {
			w.Commit, w.Want = reconcile.Commit{}, reconcile.Desired{}
			w.HeadErr = errors.New("a.cue:1:1: expected operand\na.cue:2:1: b")
		}, 503, "not ready: no valid revision of the declarations so far: a.cue:1:1: expected operand\n"},
		{"repository not reached", func(w *world) {
			w.Commit, w.Want, w.FetchErr = reconcile.Commit{}, reconcile.Desired{}, errors.New("ls-remote: timeout")
		}, 503, "not ready: no valid revision of the declarations so far: ls-remote: timeout\n"},
		{"cluster not looked at", func(w *world) { w.Live.Clusters["us"] = reconcile.ClusterLive{Reachable: true} },
			503, "not ready: cluster us was not looked at yet\n"},
		{"cluster unreachable", func(w *world) { w.lose("us") }, 200, "ready\n"},
		{"all seen", func(*world) {}, 200, "ready\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			web := &Web{Metrics: prometheus.NewRegistry()}
			if test.world != nil {
				w := newWorld()
				test.world(w)
				web.Report(w.report())
			}
			out := httptest.NewRecorder()
			Open(web.Handler()).ServeHTTP(out, httptest.NewRequest(http.MethodGet, "/readyz", nil))
			if out.Code != test.code || out.Body.String() != test.body {
				t.Errorf("got %d %q", out.Code, out.Body.String())
			}
		})
	}
}

func TestEveryAnswerIsHardened(t *testing.T) {
	web := &Web{Metrics: prometheus.NewRegistry()}
	server := httptest.NewServer(Open(web.Handler()))
	defer server.Close()
	for path, code := range map[string]int{
		"/": 200, "/healthz": 200, "/readyz": 503, "/metrics": 200, "/api/v1/status": 503, "/api/v1/plan": 503, "/nothing": 404,
	} {
		answer, err := server.Client().Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if answer.StatusCode != code {
			t.Errorf("%s: %d, want %d", path, answer.StatusCode, code)
		}
		for header, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
			"Referrer-Policy": "no-referrer",
		} {
			if got := answer.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q", path, header, got)
			}
		}
		if csp := answer.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") {
			t.Errorf("%s: %q", path, csp)
		}
		if len(answer.Cookies()) > 0 {
			t.Errorf("%s sets cookies", path)
		}
	}
}

func TestNothingCanBeWritten(t *testing.T) {
	web := &Web{Metrics: prometheus.NewRegistry()}
	for _, path := range []string{"/", "/healthz", "/api/v1/status", "/api/v1/plan", "/metrics"} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
			out := httptest.NewRecorder()
			Open(web.Handler()).ServeHTTP(out, httptest.NewRequest(method, path, nil))
			if out.Code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, path, out.Code)
			}
		}
	}
}

func TestPagesAndProbesAreApart(t *testing.T) {
	web := &Web{Metrics: prometheus.NewRegistry()}
	for _, test := range []struct {
		handler http.Handler
		path    string
		code    int
	}{
		{Open(web.Pages()), "/metrics", 404}, {Open(web.Pages()), "/", 200}, {Open(web.Probes(Managers)), "/healthz", 200},
		{Open(web.Probes(Managers)), "/", 404}, {Open(web.Probes(Managers)), "/api/v1/plan", 404},
	} {
		out := httptest.NewRecorder()
		test.handler.ServeHTTP(out, httptest.NewRequest(http.MethodGet, test.path, nil))
		if out.Code != test.code {
			t.Errorf("%s: %d, want %d", test.path, out.Code, test.code)
		}
	}
}

// TestTheAPIAnswersWhileReportsCome is for the race detector.
func TestTheAPIAnswersWhileReportsCome(t *testing.T) {
	registry, m := newMetrics(t)
	web := &Web{Metrics: registry}
	w := newWorld()
	situations()["trouble"](w)
	reports := []reconcile.Report{w.report(), newWorld().report()}
	web.Report(reports[0])
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 20 {
				web.Report(reports[i%2])
				m.Report(reports[i%2])
				for _, path := range []string{"/api/v1/status", "/api/v1/plan?verbose=true", "/metrics", "/readyz"} {
					out := httptest.NewRecorder()
					Open(web.Handler()).ServeHTTP(out, httptest.NewRequest(http.MethodGet, path, nil))
					if strings.HasPrefix(path, "/api") && !json.Valid(out.Body.Bytes()) {
						t.Errorf("%s: not JSON", path)
					}
				}
			}
		})
	}
	all.Wait()
}
