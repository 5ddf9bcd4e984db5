package kube

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// watching is a gate in front of a server, and what it heard.
func watching() (*gate, *atomic.Pointer[string]) {
	heard := &atomic.Pointer[string]{}
	return &gate{next: http.DefaultTransport, stats: &Stats{}, fence: func() error { return nil }, heard: func(err error) {
		said := text(err)
		heard.Store(&said)
	}}, heard
}

// A watch that is not answered is asked for again, as it was, until it is; and nobody but the server says how long it
// lasts.
func TestAWatchIsAskedForUntilItIsGranted(t *testing.T) {
	var asked []string
	url := server(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery)
		switch len(asked) {
		case 1:
			panic(http.ErrAbortHandler)
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			_, _ = io.WriteString(w, "granted")
		}
	})
	g, heard := watching()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url+"/api/v1/pods?watch=true&resourceVersion=7&timeoutSeconds=400&timeout=6m40s", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := g.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "granted" {
		t.Errorf("the watch says %q, %v", body, err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	if len(asked) != 3 {
		t.Errorf("it was asked for %d times, want 3", len(asked))
	}
	for _, query := range asked {
		if query != "resourceVersion=7&watch=true" {
			t.Errorf("asked was for %s", query)
		}
	}
	if got := *heard.Load(); got != "" {
		t.Errorf("in the end it heard %s", got)
	}
}

// However the connection of a watch breaks, it has ended, and is no error that everything would be listed anew for.
func TestAWatchThatBreaksHasEnded(t *testing.T) {
	url := server(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "some")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	g, _ := watching()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url+"/api/v1/pods?watch=true", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := g.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "some" {
		t.Errorf("it ends with %q, %v", body, err)
	}
}

// A server may put us off for a while, not for a day, and what it has said in the end is what counts.
func TestAServerPutsUsOffForAWhileOnly(t *testing.T) {
	for said, want := range map[string]string{"1": "1", "86400": "5", "": "", "soon": "soon"} {
		resp := &http.Response{Header: http.Header{}}
		if said != "" {
			resp.Header.Set("Retry-After", said)
		}
		if soon(resp); resp.Header.Get("Retry-After") != want {
			t.Errorf("Retry-After %q becomes %q, want %q", said, resp.Header.Get("Retry-After"), want)
		}
	}
}

// A cluster is blamed for what failed while it put us off, unless it said what is wrong.
func TestWhoIsToBlame(t *testing.T) {
	failed := errors.New("upgrade failed")
	for name, tt := range map[string]struct {
		outcomes []error
		busy     bool
	}{
		"all was answered":      {[]error{nil, nil}, false},
		"it put us off":         {[]error{nil, errBusy, nil}, true},
		"it did not answer":     {[]error{errors.New("refused")}, true},
		"nothing was asked yet": {nil, false},
	} {
		c := &Cluster{name: "eu", fleet: &Fleet{pending: true}}
		c.heard(errBusy) // before
		err := c.blaming(func() error {
			for _, outcome := range tt.outcomes {
				c.heard(outcome)
			}
			return failed
		})
		if errors.Is(err, reconcile.ErrBusy) != tt.busy || !errors.Is(err, failed) || !strings.HasPrefix(err.Error(), failed.Error()) {
			t.Errorf("%s: %v is the cluster's fault: %v, want %v", name, err, !tt.busy, tt.busy)
		}
	}
	var r reach
	r.heard("", false)
	first, _ := r.health()
	r.heard("put off", true)
	ill, _ := r.health()
	if yes, why, _ := r.state(); !yes || why != "" {
		t.Errorf("put off once, it is reachable: %v, %s", yes, why)
	}
	r.sick = r.sick.Add(-requestTimeout)
	r.heard("put off", true)
	if yes, why, _ := r.state(); yes || why != "put off" {
		t.Errorf("put off for long, it is reachable: %v, %s", yes, why)
	}
	time.Sleep(time.Millisecond)
	if news := r.heard("", false); !news {
		t.Error("that it is well again is no news")
	}
	if again, _ := r.health(); first.IsZero() || !ill.IsZero() || !again.After(first) {
		t.Errorf("it is well since %v, then since %v, then since %v", first, ill, again)
	}
}
