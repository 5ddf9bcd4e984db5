package status

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestWhoNamesThisMachine(t *testing.T) {
	handler := Here(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), "do something")
	for host, code := range map[string]int{
		"127.0.0.1:8080": 200, "127.0.0.1": 200, "127.1.2.3:1": 200, "localhost:8080": 200, "LOCALHOST": 200, "reconcile.localhost:8080": 200,
		"[::1]:8080": 200, "[::1]": 200,
		"": 403, "evil.example.com": 403, "evil.example.com:8080": 403, "127.0.0.1.example.com:8080": 403, "localhost.example.com": 403,
		"notlocalhost": 403, "10.0.0.7:8080": 403, "0.0.0.0:8080": 403, "[fd00::1]:8080": 403, "[::ffff:10.0.0.7]": 403, "2130706433": 403,
	} {
		in := httptest.NewRequest(http.MethodGet, "/api/v1/status", nil)
		in.Host = host
		out := httptest.NewRecorder()
		handler.ServeHTTP(out, in)
		if out.Code != code || out.Header().Get("X-Frame-Options") != "DENY" || code == http.StatusForbidden && !strings.Contains(out.Body.String(), ": do something") {
			t.Errorf("%q: %d %s, want %d", host, out.Code, out.Body, code)
		}
	}
}
