package status

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// gitea is Gitea's part of the hub: it tells all statuses there ever were, the newest first.
func (h *hub) gitea(w http.ResponseWriter, r *http.Request) {
	path, ours := strings.CutPrefix(r.URL.Path, "/api/v1/repos/acme/config")
	lost := strings.Contains(path, "dead")
	switch parts := strings.Split(path, "/"); {
	case !ours:
		answer(w, http.StatusNotFound, `{"errors":[],"message":"The target couldn't be found."}`)
	case path == "":
		answer(w, http.StatusOK, `{"id":1}`)
	case r.Method == http.MethodPost && len(parts) == 3 && parts[1] == "statuses" && lost:
		answer(w, http.StatusInternalServerError, `{"message":""}`)
	case r.Method == http.MethodPost && len(parts) == 3 && parts[1] == "statuses":
		h.create(w, r, parts[2])
	case strings.HasPrefix(path, "/git/commits/") && !lost:
		answer(w, http.StatusOK, `{}`)
	case r.Method == http.MethodGet && len(parts) == 4 && parts[3] == "statuses" && !lost:
		h.history(w, r, parts[2])
	default:
		answer(w, http.StatusNotFound, `{"errors":[],"message":"The target couldn't be found."}`)
	}
}

// history numbers the statuses by context; the later in one context have the higher numbers.
func (h *hub) history(w http.ResponseWriter, r *http.Request, sha string) {
	type status struct {
		ID          int    `json:"id"`
		Status      string `json:"status"`
		Context     string `json:"context"`
		Description string `json:"description"`
	}
	all := []status{}
	for _, newest := range h.newest() {
		for _, l := range h.statuses[place{sha, newest.Context}] {
			all = append(all, status{len(all), string(l.State), l.Context, l.Text})
		}
	}
	slices.Reverse(all)
	from, to, next := h.page(r, len(all))
	if next > 0 {
		linkTo(w, r, next)
	}
	body, _ := json.Marshal(all[from:to])
	answer(w, http.StatusOK, string(body))
}

// Gitea answers 500 for a commit that it does not have, as it does when it is broken.
func TestGiteaTellsALostCommitFromAFailure(t *testing.T) {
	h := newHub("gitea")
	options := APIOptions{
		URL: "https://gitea.example.com/api/v1/", Repository: "acme/config", HTTP: &http.Client{Transport: direct{h}},
	}
	seen, err := NewGitea(options)
	if err != nil {
		t.Fatal(err)
	}
	options.Repository = "acme/hidden"
	hidden, err := NewGitea(options)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		forge *Gitea
		sha   string
		fail  int // so many requests, from the first
		lost  bool
		hint  bool // at the token
	}{
		{name: "lost", forge: seen, sha: "deadbeef", lost: true},
		{name: "broken", forge: seen, sha: "1a2b3c4", fail: 1},
		{name: "broken for long", forge: seen, sha: "deadbeef", fail: 2},
		{name: "broken for longer", forge: seen, sha: "deadbeef", fail: 3},
		{name: "hidden", forge: hidden, sha: "deadbeef", hint: true},
	} {
		post := func() error {
			_, err := test.forge.Post(t.Context(), test.sha, []Line{{Context: "c", State: StateSuccess}})
			return err
		}
		read := func() error {
			_, err := test.forge.Posted(t.Context(), Line{SHA: test.sha})
			return err
		}
		for _, call := range []func() error{post, read} {
			h.failNext(slices.Repeat([]func(http.ResponseWriter){serverError}, test.fail)...)
			err := call()
			h.fail = nil
			if err == nil || errors.Is(err, ErrRefused) != test.lost {
				t.Errorf("%s: %v", test.name, err)
			}
			if strings.Contains(fmt.Sprint(err), "write:repository") != test.hint {
				t.Errorf("%s: a hint at the token: %v", test.name, err)
			}
		}
	}
}

// What stands is the newest of each context, also where the next page begins with an older one.
func TestGiteaReadsSoManyPages(t *testing.T) {
	h := newHub("gitea")
	h.pages = 1
	forge := h.forge(t, &http.Client{Transport: direct{h}}, "https://gitea.example.com")
	for i := range 2 * lastPage {
		line := Line{Context: fmt.Sprint("c", i%2), State: StatePending, Text: fmt.Sprint(i)}
		if _, err := forge.Post(t.Context(), "1a2b3c4", []Line{line}); err != nil {
			t.Fatal(err)
		}
	}
	before := len(h.tokens)
	got, err := forge.Posted(t.Context(), Line{SHA: "1a2b3c4"})
	if err != nil || len(got) != 1 || got[0].Text != fmt.Sprint(2*lastPage-1) {
		t.Errorf("%v %v", got, err)
	}
	if asked := len(h.tokens) - before; asked != lastPage {
		t.Errorf("%d requests", asked)
	}
}

// Only a token of an administrator may ask for the rights of others. One request of a stranger must not keep all others
// from being seen.
func TestGiteaKnowsNobodyWhereItMayNotAsk(t *testing.T) {
	const all = `[{"number":7,"user":{"login":"stranger"},"head":{"ref":"x","sha":"1a2b3c4","repo_id":2},"base":{"ref":"main","repo_id":1}},
		{"number":8,"user":{"login":"ada"},"head":{"ref":"y","sha":"2b3c4d5","repo_id":1},"base":{"ref":"main","repo_id":1}}]`
	client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		code, body := http.StatusForbidden, `{"message":"Only admins can query all permissions"}`
		if strings.HasSuffix(r.URL.Path, "/pulls") {
			code, body = http.StatusOK, all
		}
		return &http.Response{
			StatusCode: code, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
		}, nil
	})}
	forge := newHub("gitea").forge(t, client, "https://forge.example.com")
	found, _, err := forge.(Requests).Open(t.Context(), 10)
	if err != nil || len(found) != 2 || found[0].Member || !found[1].Member {
		t.Errorf("%+v, %v", found, err)
	}
}
