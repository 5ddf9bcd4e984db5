package status

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestWhoMaySeeProfiles(t *testing.T) {
	for _, test := range []struct {
		host, site, path string
		code             int
	}{
		{"127.0.0.1:6060", "", "goroutine", 200},
		{"localhost:6060", "", "heap", 200},
		{"[::1]:6060", "none", "", 200},
		{"127.0.0.1", "same-origin", "goroutine?debug=1", 200},
		{"reconcile.example.com", "", "goroutine", 403}, // a proxy, or a name that was made to lead here
		{"10.0.0.7:6060", "", "goroutine", 403},
		{"127.0.0.1.example.com:6060", "", "goroutine", 403},
		{"", "", "goroutine", 403},
		{"127.0.0.1:6060", "cross-site", "goroutine", 403}, // a page that a browser here shows
		{"127.0.0.1:6060", "same-site", "goroutine", 403},
		{"127.0.0.1:6060", "", "cmdline", 404},
		{"127.0.0.1:6060", "", "symbol", 404},
		{"127.0.0.1:6060", "", "profile?seconds=3600", 400},
		{"127.0.0.1:6060", "", "heap?seconds=3600", 400},
		{"127.0.0.1:6060", "", "trace?seconds=NaN", 400},
		{"127.0.0.1:6060", "", "trace?seconds=0.01", 200},
	} {
		in := httptest.NewRequest(http.MethodGet, "/debug/pprof/"+test.path, nil)
		in.Host = test.host
		in.Header.Set("Sec-Fetch-Site", test.site)
		out := httptest.NewRecorder()
		Open(Debug()).ServeHTTP(out, in)
		if out.Code != test.code || out.Header().Get("X-Frame-Options") != "DENY" {
			t.Errorf("%+v: %d %s", test, out.Code, out.Body)
		}
	}
	out := httptest.NewRecorder()
	Open(Debug()).ServeHTTP(out, httptest.NewRequest(http.MethodPost, "http://127.0.0.1/debug/pprof/goroutine", nil))
	if out.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", out.Code)
	}
}

// The other pages, which proxies lead to, have no profiles.
func TestProfilesAreNowhereElse(t *testing.T) {
	web := &Web{}
	for _, handler := range []http.Handler{Open(web.Handler()), Open(web.Pages()), Open(web.Probes(Managers))} {
		out := httptest.NewRecorder()
		handler.ServeHTTP(out, httptest.NewRequest(http.MethodGet, "http://127.0.0.1/debug/pprof/goroutine", nil))
		if out.Code != http.StatusNotFound || strings.Contains(out.Body.String(), "goroutine") {
			t.Errorf("%d %s", out.Code, out.Body)
		}
	}
}
