package kube

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

func TestWhatCountsAsAWrite(t *testing.T) {
	for _, tt := range []struct {
		method, url string
		want        bool
	}{
		{"GET", "/api/v1/pods", false},
		{"POST", "/api/v1/namespaces/n/secrets", true},
		{"PUT", "/api/v1/namespaces/n/secrets/s", true},
		{"PATCH", "/apis/apps/v1/namespaces/n/deployments/d", true},
		{"DELETE", "/apis/apps/v1/namespaces/n/deployments/d", true},
		{"PATCH", "/apis/apps/v1/namespaces/n/deployments/d?dryRun=All", false},
		{"POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", false},
		{"PUT", "/apis/coordination.k8s.io/v1/namespaces/default/leases/l", false},
	} {
		t.Run(tt.method+" "+tt.url, func(t *testing.T) {
			if got := writes(httptest.NewRequest(tt.method, tt.url, nil)); got != tt.want {
				t.Errorf("a write: %v, want %v", got, tt.want)
			}
		})
	}
}

// server answers everything and counts.
func server(t *testing.T, answer http.HandlerFunc) (url string) {
	t.Helper()
	srv := httptest.NewServer(answer)
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestGateKeepsWritesOut(t *testing.T) {
	sent := 0
	url := server(t, func(http.ResponseWriter, *http.Request) { sent++ })
	open := false
	g := &gate{next: http.DefaultTransport, heard: func(error) {}, stats: &Stats{}, fence: func() error {
		if open {
			return nil
		}
		return fenced("another")
	}}
	do := func(ctx context.Context, method string) error {
		req, err := http.NewRequestWithContext(ctx, method, url+"/api/v1/namespaces/n/secrets", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := g.RoundTrip(req)
		if err == nil {
			err = resp.Body.Close()
		}
		return err
	}
	if err := do(t.Context(), "POST"); !errors.Is(err, reconcile.ErrFenced) || !strings.Contains(err.Error(), "another") {
		t.Errorf("a write without the Lease gives %v", err)
	}
	if sent != 0 {
		t.Fatal("it was sent all the same")
	}
	for name, ctx := range map[string]context.Context{"by hand": withoutFence(t.Context()), "with the Lease": t.Context()} {
		open = name == "with the Lease"
		if err := do(ctx, "POST"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	open = false
	if err := do(t.Context(), "GET"); err != nil {
		t.Errorf("reading: %v", err)
	}
	if got := g.stats.Writes.Load(); got != 2 {
		t.Errorf("%d writes are counted, want 2", got)
	}
}

func TestGateHearsWhetherTheClusterAnswers(t *testing.T) {
	code := http.StatusOK
	url := server(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
	var heard error
	g := &gate{next: http.DefaultTransport, heard: func(err error) { heard = err }, stats: &Stats{}, fence: func() error { return nil }}
	get := func(ctx context.Context, url string) {
		req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := g.RoundTrip(req); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	}
	for _, tt := range []struct {
		code int
		want string
	}{{200, ""}, {401, "401"}, {403, ""}, {500, ""}, {404, ""}} {
		code, heard = tt.code, errors.New("not told")
		get(t.Context(), url)
		if got := text(heard); got != tt.want && !strings.HasPrefix(got, tt.want+" ") {
			t.Errorf("%d is heard as %q, want %q", tt.code, got, tt.want)
		}
	}
	get(t.Context(), "http://127.0.0.1:1")
	if heard == nil || !strings.Contains(heard.Error(), "refused") {
		t.Errorf("a refused connection is heard as %v", heard)
	}
	heard = nil
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	get(gone, url)
	if heard != nil {
		t.Errorf("that we gave up is heard as %v", heard)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestLeaseIsBelievedForLessThanItLasts(t *testing.T) {
	l := &lease{name: "l", namespace: "default", identity: "me"}
	renewed := func(at time.Time) { l.renewed.Store(&at) }
	if l.held() {
		t.Error("it is held before it was taken")
	}
	renewed(time.Now())
	if !l.held() {
		t.Error("it is not held after it was taken")
	}
	renewed(time.Now().Add(-leaseDuration + leaseMargin))
	if l.held() {
		t.Error("it is believed to the very end, where a write sent now arrives too late")
	}
}

func TestDeadHolders(t *testing.T) {
	own := Identity()
	parts := strings.Split(own, "_")
	if len(parts) != 5 {
		t.Fatalf("identity %q has %d parts", own, len(parts))
	}
	with := func(i int, v string) string {
		p := append([]string{}, parts...)
		p[i] = v
		return strings.Join(p, "_")
	}
	if parts[3] == "" {
		t.Skip("this system does not tell when a process was started")
	}
	for name, tt := range map[string]struct {
		holder string
		want   bool
	}{
		"ourselves":              {own, false},
		"a process that is gone": {with(2, "4194304"), true},
		"a number used again":    {with(3, "1"), true},
		"another host":           {with(0, "elsewhere"), false},
		"another container":      {with(1, "1-x"), false},
		"somebody else's words":  {"some-operator-7d4", false},
		"nobody":                 {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := dead(tt.holder, own); got != tt.want {
				t.Errorf("%q is dead: %v, want %v", tt.holder, got, tt.want)
			}
		})
	}
}
