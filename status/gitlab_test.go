package status

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// gitLab is GitLab's part of the hub: a status is a job, which has states and keeps its text with them.
func (h *hub) gitLab(w http.ResponseWriter, r *http.Request) {
	path, ours := strings.CutPrefix(r.URL.EscapedPath(), "/api/v4/projects/acme%2Fplatform%2Fconfig/")
	switch parts := strings.Split(path, "/"); {
	case !ours:
		answer(w, http.StatusNotFound, `{"message":"404 Project Not Found"}`)
	case path == "repository/commits":
		answer(w, http.StatusOK, `[]`)
	case strings.Contains(path, "dead"):
		answer(w, http.StatusNotFound, `{"message":"404 Commit Not Found"}`)
	case r.Method == http.MethodPost && len(parts) == 2 && parts[0] == "statuses":
		h.job(w, r, parts[1])
	case r.Method == http.MethodGet && len(parts) == 4 && parts[3] == "statuses":
		h.jobs(w, r, parts[2])
	default:
		answer(w, http.StatusNotFound, `{"message":"404 Not Found"}`)
	}
}

func (h *hub) job(w http.ResponseWriter, r *http.Request, sha string) {
	var in struct {
		State, Description, Name string
		TargetURL                string `json:"target_url"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		answer(w, http.StatusBadRequest, `{"error":"state is missing"}`)
		return
	}
	h.target = in.TargetURL
	at := place{sha, in.Name}
	l := Line{SHA: sha, Context: in.Name, State: LineState(in.State), Text: in.Description}
	all := h.statuses[at]
	last := len(all) - 1
	event := map[string]string{"pending": "enqueue", "running": "run"}[in.State]
	switch {
	case len(in.Name) > 255:
		answer(w, http.StatusBadRequest, `{"message":{"name":["is too long (maximum is 255 characters)"]}}`)
	case last < 0 || all[last].State != "pending" && all[last].State != "running":
		h.statuses[at] = append(all, l)
		answer(w, http.StatusCreated, `{"id":1}`)
	case event != "" && (all[last].State == l.State || event == "enqueue"):
		answer(w, http.StatusBadRequest, fmt.Sprintf(
			`{"message":"Cannot transition status via :%s from :%s (Reason(s): Status cannot transition via \"%s\")"}`,
			event, all[last].State, event))
	default:
		all[last] = l
		answer(w, http.StatusCreated, `{"id":1}`)
	}
}

func (h *hub) jobs(w http.ResponseWriter, r *http.Request, sha string) {
	type job struct {
		ID          int    `json:"id"`
		Status      string `json:"status"`
		Name        string `json:"name"`
		Description string `json:"description"`
	}
	jobs := []job{}
	for _, l := range h.newest() {
		if l.SHA == sha {
			jobs = append(jobs, job{len(jobs), string(l.State), l.Context, l.Text})
		}
	}
	from, to, next := h.page(r, len(jobs))
	if next > 0 {
		w.Header().Set("X-Next-Page", fmt.Sprint(next))
	}
	body, _ := json.Marshal(jobs[from:to])
	answer(w, http.StatusOK, string(body))
}

// What GitLab refuses as no transition stands already; progress is told by two states.
func TestGitLabKeepsAStateThatStands(t *testing.T) {
	h := newHub("gitlab")
	forge := h.forge(t, &http.Client{Transport: direct{h}}, "https://gitlab.example.com/api/v4")
	for _, step := range []struct {
		line Line
		want string // state and text there
	}{
		{Line{State: StatePending, Text: "0 of 2"}, "pending 0 of 2"},
		{Line{State: StatePending, Text: "0 of 3"}, "pending 0 of 2"},
		{Line{State: StatePending, Text: "1 of 3", Done: 1}, "running 1 of 3"},
		{Line{State: StatePending, Text: "2 of 3", Done: 2}, "running 1 of 3"},
		{Line{State: StatePending, Text: "0 of 3"}, "running 1 of 3"},
		{Line{State: StateSuccess, Text: "3 of 3"}, "success 3 of 3"},
		{Line{State: StateSuccess, Text: "3 of 3 changed"}, "success 3 of 3 changed"},
		{Line{State: StateFailure, Text: "eu: broken"}, "failed eu: broken"},
		{Line{State: StatePending, Text: "2 of 3", Done: 2}, "running 2 of 3"},
		{Line{State: StateError, Text: "superseded by 2b"}, "canceled superseded by 2b"},
	} {
		step.line.Context = "c"
		if n, err := forge.Post(t.Context(), "1a2b3c4", []Line{step.line}); n != 1 || err != nil {
			t.Fatalf("%+v: posted %d: %v", step.line, n, err)
		}
		stand := h.newest()[0]
		if got := string(stand.State) + " " + stand.Text; got != step.want {
			t.Errorf("after %+v: %s, want %s", step.line, got, step.want)
		}
	}
}

// Only a refusal from the state that is wanted is a success.
func TestGitLabOtherRefusalsAreRefusals(t *testing.T) {
	for _, body := range []string{
		`{"message":"Cannot transition status via :run from :canceled (Reason(s): x)"}`,
		`{"message":"Cannot transition status via :run from :pending"}`,
		`{"message":{"target_url":["is blocked"]}}`, `{"error":"state does not have a valid value"}`,
	} {
		h := newHub("gitlab")
		h.failNext(func(w http.ResponseWriter) { answer(w, http.StatusBadRequest, body) })
		forge := h.forge(t, &http.Client{Transport: direct{h}}, "https://gitlab.example.com")
		line := Line{Context: "c", State: StatePending, Done: 1}
		if n, err := forge.Post(t.Context(), "1a2b3c4", []Line{line}); n != 0 || !errors.Is(err, ErrRefused) {
			t.Errorf("%s: posted %d: %v", body, n, err)
		}
	}
	h := newHub("gitlab")
	forge := h.forge(t, &http.Client{Transport: direct{h}}, "https://gitlab.example.com")
	line := Line{Context: strings.Repeat("c", 256), State: StateSuccess}
	if _, err := forge.Post(t.Context(), "1a2b3c4", []Line{line}); !errors.Is(err, ErrRefused) {
		t.Errorf("a context of 256 characters: %v", err)
	}
}

func TestGitLabStatesReadAsOurs(t *testing.T) {
	got := map[string]LineState{}
	for _, state := range []string{"created", "pending", "running", "success", "failed", "canceled"} {
		got[state] = stateFromGitLab(state)
	}
	if diff := cmp.Diff(map[string]LineState{
		"created": StatePending, "pending": StatePending, "running": StatePending,
		"success": StateSuccess, "failed": StateFailure, "canceled": StateError,
	}, got); diff != "" {
		t.Error(diff)
	}
}

// A project that the token does not see is no lost commit: it may see it tomorrow.
func TestGitLabTellsALostCommitFromAHiddenProject(t *testing.T) {
	h := newHub("gitlab")
	options := APIOptions{
		URL: "https://gitlab.example.com", Repository: "acme/hidden", HTTP: &http.Client{Transport: direct{h}},
	}
	hidden, err := NewGitLab(options)
	if err != nil {
		t.Fatal(err)
	}
	options.Repository = "acme/platform/config"
	seen, err := NewGitLab(options)
	if err != nil {
		t.Fatal(err)
	}
	for forge, lost := range map[*GitLab]bool{hidden: false, seen: true} {
		_, postErr := forge.Post(t.Context(), "deadbeef", []Line{{Context: "c", State: StateSuccess}})
		_, readErr := forge.Posted(t.Context(), Line{SHA: "deadbeef"})
		for _, err := range []error{postErr, readErr} {
			if err == nil || errors.Is(err, ErrRefused) != lost || strings.Contains(err.Error(), "the scope api") == lost {
				t.Errorf("%s: %v", forge.repository, err)
			}
		}
	}
}

func TestGitLabSaysWhenItsLimitBeginsAnew(t *testing.T) {
	h := newHub("gitlab")
	h.failNext(func(w http.ResponseWriter) {
		w.Header().Set("RateLimit-Reset", "1") // long ago
		answer(w, http.StatusTooManyRequests, "Retry later\n")
	})
	forge := h.forge(t, &http.Client{Transport: direct{h}}, "https://gitlab.example.com")
	_, err := forge.Post(t.Context(), "1a2b3c4", []Line{{Context: "c", State: StateSuccess}})
	if later, is := errors.AsType[*LaterError](err); !is || later.After <= 0 {
		t.Errorf("%v", err)
	}
}
