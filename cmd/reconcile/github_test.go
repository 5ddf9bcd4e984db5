package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// hub is the part of GitHub that takes commit statuses.
type hub struct {
	mu       sync.Mutex          // guards what follows
	token    string              // that is accepted
	statuses map[string][]string // by commit: "context state description", as they came
	refused  int
}

// ServeHTTP takes a status, or tells which there are.
func (h *hub) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	out.Header().Set("Content-Type", "application/json")
	_, sha, _ := strings.Cut(in.URL.Path, "/repos/acme/providers/statuses/")
	switch {
	case in.Header.Get("Authorization") != "Bearer "+h.token:
		h.refused++
		out.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(out, `{"message":"Bad credentials"}`)
	case in.Method == http.MethodGet:
		fmt.Fprint(out, `{"statuses":[]}`)
	default:
		var s struct{ Context, State, Description string }
		if err := json.NewDecoder(in.Body).Decode(&s); err != nil || sha == "" {
			out.WriteHeader(http.StatusBadRequest)
			return
		}
		h.statuses[sha] = append(h.statuses[sha], s.Context+" "+s.State+" "+s.Description)
		out.WriteHeader(http.StatusCreated)
		fmt.Fprint(out, `{}`)
	}
}

func (h *hub) said(sha string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string{}, h.statuses[sha]...)
}

func (h *hub) accept(token string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.token = token
}

// Commit statuses go to GitHub's API, with the token of the credentials, also when that is rotated.
func TestStatusesOnGitHub(t *testing.T) {
	s := newSite(t, eu)
	h := &hub{token: "canary-first", statuses: map[string][]string{}}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	token := filepath.Join(s.creds, "forge", "token")
	s.write(token, "canary-first\n")
	s.declare("statuses.cue", fmt.Sprintf(`deployment: statuses: {forge: "github", url: %q, repository: "acme/providers"}`, srv.URL))
	s.declare("a.cue", `providers: {one: cluster: "eu", two: cluster: "eu"}`)
	d := s.daemon()
	arrives := func(sha, want string) {
		t.Helper()
		want = "reconcile/" + s.name + "/" + want
		s.await("a status on GitHub: "+want, func() (any, bool) {
			said := h.said(sha)
			for _, line := range said {
				if strings.HasPrefix(line, want) {
					return said, true
				}
			}
			return said, false
		})
	}
	first := s.push()
	arrives(first, "apply success 3 of 3 Ready")
	arrives(first, "apply/eu success 3 of 3 Ready")
	s.declare("a.cue", `providers: {one: cluster: "nowhere", two: cluster: "eu"}`)
	arrives(s.push(), "apply failure a.cue:3:")

	h.accept("canary-second")
	s.declare("a.cue", `providers: {one: {cluster: "eu", values: limit: 2}, two: cluster: "eu"}`)
	third := s.push()
	d.ready(third, "one", "two")
	s.write(token, "canary-second\n")
	arrives(third, "apply success 1 of 1 changed Ready")
	for _, line := range h.said(first) {
		if _, text, _ := strings.Cut(line, " "); len([]rune(text)) > 150 {
			t.Errorf("%d characters: %s", len([]rune(text)), line)
		}
	}
	if note := s.note(third); note != "" {
		t.Errorf("a note was written too: %s", note)
	}
	if log := d.log.String(); strings.Contains(log, "canary") {
		t.Errorf("the log shows the token:\n%s", log)
	}
}
