package status

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Whatever a forge does for an hour, in the end there stands the last state of each context, sent once, and
// nobody waited for it.
func TestNoStatusIsLostWhileAForgeFails(t *testing.T) {
	for name, fail := range map[string]func(http.ResponseWriter){
		"500": serverError, "502": badGateway, "rate limit": rateLimited(40 * time.Minute), "secondary limit": secondaryLimit,
		"429": tooMany, "hang": hang, "refused connections": unheard,
	} {
		eachForge(t, func(t *testing.T, kind string) {
			if kind != "github" && strings.HasSuffix(name, " limit") {
				return
			}
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { failForAnHour(t, kind, fail) })
			})
		})
	}
}

func failForAnHour(t *testing.T, kind string, fail func(http.ResponseWriter)) {
	h := newHub(kind)
	began, failed := time.Now(), 0
	client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if time.Since(began) > time.Minute && time.Since(began) < time.Hour {
			h.failNext(fail)
			failed++
		}
		return direct{h}.RoundTrip(r)
	})}
	forge := h.forge(t, client, "https://forge.example.com")
	p := NewPoster(PosterOptions{Forge: func() Forge { return forge }})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Run(ctx)
	}()
	w, it := one()
	report := func() {
		before := time.Now()
		p.Report(w.report())
		if waited := time.Since(before); waited > 0 {
			t.Errorf("Report took %s", waited)
		}
	}
	report()
	time.Sleep(2 * time.Minute) // the first lines stand, and it begins to fail
	for range 10 {
		w.put(it, func(o *reconcile.Observed) { o.Health = reconcile.Progressing })
		report()
		time.Sleep(time.Minute)
	}
	w.put(it, nil)
	report()
	time.Sleep(2 * time.Hour)
	cancel()
	<-ended
	if failed == 0 || failed > 100 {
		t.Errorf("%d requests failed, want some, and no storm", failed)
	}
	for _, context := range []string{"reconcile/acme/apply", "reconcile/acme/apply/eu"} {
		var states []LineState
		for _, l := range h.statuses[place{w.Commit.SHA, context}] {
			states = append(states, l.State)
		}
		want := []LineState{StatePending, StateSuccess}
		if kind == "gitlab" {
			want = want[1:] // the job goes on from one to the other
		}
		if diff := cmp.Diff(want, states); diff != "" {
			t.Errorf("%s %s", context, diff)
		}
	}
}

// unheard is a failure that ends the connection.
func unheard(w http.ResponseWriter) { w.WriteHeader(lost) }

// talking is the comments of one pull request in the shape of each forge, on loopback. It may take a comment and
// never say so.
type talking struct {
	mu     sync.Mutex    // guards the rest
	texts  []string      // of the comments; the first is a stranger's
	writes []string      // all that was written, in its order
	mute   chan struct{} // hangs after the next write until it is closed; nil: it answers
}

func (f *talking) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	f.mu.Lock()
	defer f.mu.Unlock()
	comment := func(i int) map[string]any {
		who := map[string]any{"login": "bot", "username": "bot"}
		if i == 0 {
			who = map[string]any{"login": "mallory", "username": "mallory"}
		}
		return map[string]any{"id": i + 1, "body": f.texts[i], "user": who, "author": who}
	}
	var in struct{ Body string }
	var out any
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/user"):
		out = map[string]any{"login": "bot", "username": "bot", "id": 2}
	case r.Method == http.MethodGet:
		all := []any{}
		for i := range f.texts {
			all = append(all, comment(i))
		}
		out = all
	default:
		_ = json.NewDecoder(r.Body).Decode(&in)
		at := len(f.texts)
		if r.Method == http.MethodPost {
			f.texts = append(f.texts, in.Body)
			w.WriteHeader(http.StatusCreated)
		} else {
			_, _ = fmt.Sscan(path[strings.LastIndex(path, "/")+1:], &at)
			at--
			f.texts[at] = in.Body
		}
		f.writes = append(f.writes, in.Body)
		if mute := f.mute; mute != nil {
			f.mute = nil
			f.mu.Unlock()
			<-mute
			f.mu.Lock()
		}
		out = comment(at)
	}
	body, _ := json.Marshal(out)
	_, _ = w.Write(body)
}

// A comment whose answer was lost is found again and not written twice; a stranger's with the same mark is left alone.
func TestACommentIsWrittenOnceThoughItsAnswerWasLost(t *testing.T) {
	const mark = "<!-- reconcile/acme/plan -->"
	eachForge(t, func(t *testing.T, kind string) {
		f := &talking{texts: []string{mark + " forged"}, mute: make(chan struct{})}
		mute := f.mute
		server := httptest.NewServer(f)
		defer server.Close()
		defer close(mute)
		forge := newHub(kind).forge(t, server.Client(), server.URL).(Requests)
		lost, cancel := context.WithCancel(t.Context())
		said := make(chan error, 1)
		go func() { said <- forge.Comment(lost, 7, mark, mark+" one") }()
		for written := false; !written; time.Sleep(time.Millisecond) {
			f.mu.Lock()
			written = len(f.writes) > 0
			f.mu.Unlock()
		}
		cancel()
		if err := <-said; err == nil {
			t.Error("its answer was lost, and it says that it is there")
		}
		for _, text := range []string{" one", " one", " two", " two"} {
			if err := forge.Comment(t.Context(), 7, mark, mark+text); err != nil {
				t.Fatal(err)
			}
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if want := []string{mark + " one", mark + " two"}; !slices.Equal(f.writes, want) {
			t.Errorf("%q was written, want %q", f.writes, want)
		}
		if want := []string{mark + " forged", mark + " two"}; !slices.Equal(f.texts, want) {
			t.Errorf("there stands %q, want %q", f.texts, want)
		}
	})
}
