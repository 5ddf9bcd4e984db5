package status

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

// hub is a forge's API for commit statuses, as far as it is used, with its limits and its failures.
type hub struct {
	kind      string // of the API
	tokenFile string // of the forge in front of it

	mu       sync.Mutex // guards the rest
	statuses map[place][]Line
	tokens   []string                    // of the requests
	fail     []func(http.ResponseWriter) // each answers one request
	target   string                      // URL of the last status
	down     bool
	pages    int // statuses on a page; 0: all
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tokens = append(h.tokens, r.Header.Get("Authorization"))
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if h.down {
		serverError(w)
		return
	}
	if len(h.fail) > 0 {
		next := h.fail[0]
		h.fail = h.fail[1:]
		next(w)
		return
	}
	apis[h.kind].serve(h, w, r)
}

func (h *hub) gitHub(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/api/v3/repos/acme/config/")
	switch parts := strings.Split(path, "/"); {
	case r.Method == http.MethodPost && len(parts) == 2 && parts[0] == "statuses":
		h.create(w, r, parts[1])
	case r.Method == http.MethodGet && len(parts) == 3 && parts[0] == "commits" && parts[2] == "status":
		h.combined(w, r, parts[1])
	default:
		answer(w, http.StatusNotFound, `{"message":"Not Found"}`)
	}
}

func (h *hub) create(w http.ResponseWriter, r *http.Request, sha string) {
	var in struct {
		State, Description, Context string
		TargetURL                   string `json:"target_url"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		answer(w, http.StatusBadRequest, `{"message":"Problems parsing JSON"}`)
		return
	}
	h.target = in.TargetURL
	at := place{sha, in.Context}
	switch {
	case utf8.RuneCountInString(in.Description) > 140:
		refuse(w, `{"resource":"Status","code":"custom","field":"description","message":"description is too long (maximum is 140 characters)"}`)
	case len(h.statuses[at]) >= 1000:
		refuse(w, `{"resource":"Status","code":"custom","message":"This SHA and context has reached the maximum number of statuses."}`)
	case strings.HasPrefix(sha, "dead"):
		answer(w, http.StatusUnprocessableEntity, `{"message":"No commit found for SHA: `+sha+`"}`)
	default:
		h.statuses[at] = append(h.statuses[at], Line{SHA: sha, Context: in.Context, State: LineState(in.State), Text: in.Description})
		answer(w, http.StatusCreated, `{"id":1}`)
	}
}

func (h *hub) combined(w http.ResponseWriter, r *http.Request, sha string) {
	type status struct {
		State       LineState `json:"state"`
		Description string    `json:"description"`
		Context     string    `json:"context"`
	}
	all := []status{}
	for _, l := range h.newest() {
		if l.SHA == sha {
			all = append(all, status{l.State, l.Text, l.Context})
		}
	}
	from, to, next := h.page(r, len(all))
	if next > 0 {
		linkTo(w, r, next)
	}
	body, _ := json.Marshal(map[string]any{"state": "success", "statuses": all[from:to]})
	answer(w, http.StatusOK, string(body))
}

// page is what a request asks for, of so many, and the number of the page after it, if there is one.
func (h *hub) page(r *http.Request, size int) (from, to, next int) {
	page := 1
	_, _ = fmt.Sscan(r.URL.Query().Get("page"), &page)
	if h.pages == 0 {
		return 0, size, 0
	}
	if size > page*h.pages {
		next = page + 1
	}
	return min(size, (page-1)*h.pages), min(size, page*h.pages), next
}

func linkTo(w http.ResponseWriter, r *http.Request, page int) {
	w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?page=%d>; rel="next"`, r.Host, r.URL.Path, page))
}

// newest is what stands: the last status of each commit and context, by both.
func (h *hub) newest() []Line {
	var out []Line
	for _, all := range h.statuses {
		out = append(out, all[len(all)-1])
	}
	sortLines(out)
	return out
}

func (h *hub) failNext(with ...func(http.ResponseWriter)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fail = append(h.fail, with...)
}

func (h *hub) isDown(down bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down = down
}

func answer(w http.ResponseWriter, code int, body string) {
	w.WriteHeader(code)
	_, _ = w.Write([]byte(body))
}

func refuse(w http.ResponseWriter, detail string) {
	answer(w, http.StatusUnprocessableEntity, `{"message":"Validation Failed","errors":[`+detail+`],`+
		`"documentation_url":"https://docs.github.com/rest/commits/statuses#create-a-commit-status","status":"422"}`)
}

// Answers of a forge that does not want to.
func serverError(w http.ResponseWriter) {
	answer(w, http.StatusInternalServerError, `{"message":"Server Error"}`)
}

func badGateway(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html")
	answer(w, http.StatusBadGateway, "<html>unicorn</html>")
}

func rateLimited(in time.Duration) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("X-RateLimit-Limit", "5000")
		w.Header().Set("X-RateLimit-Remaining", "0")
		w.Header().Set("X-RateLimit-Reset", fmt.Sprint(time.Now().Add(in).Unix()))
		answer(w, http.StatusForbidden, `{"message":"API rate limit exceeded for installation ID 1."}`)
	}
}

func secondaryLimit(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "90")
	answer(w, http.StatusForbidden, `{"message":"You have exceeded a secondary rate limit.",`+
		`"documentation_url":"https://docs.github.com/rest/using-the-rest-api/rate-limits#about-secondary-rate-limits"}`)
}

func tooMany(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "30")
	answer(w, http.StatusTooManyRequests, `{"message":"slow down"}`)
}

func unavailable(in time.Duration) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", time.Now().Add(in).UTC().Format(http.TimeFormat))
		answer(w, http.StatusServiceUnavailable, `{"message":"maintenance"}`)
	}
}

func unprocessable(w http.ResponseWriter) {
	answer(w, http.StatusUnprocessableEntity, `{"message":"this cannot be processed"}`)
}

func noPermission(w http.ResponseWriter) {
	answer(w, http.StatusForbidden, `{"message":"Resource not accessible by personal access token"}`)
}

// direct serves requests without a network. A failure "hang" never answers, "unheard" has nobody there.
type direct struct{ h http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.h.ServeHTTP(w, r)
	if w.Code == hung {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if w.Code == lost {
		return nil, syscall.ECONNREFUSED
	}
	out := w.Result()
	out.Request = r
	return out, nil
}

const (
	hung = 599
	lost = 598
)

func hang(w http.ResponseWriter) { w.WriteHeader(hung) }

// An apiOf is what differs between the forges, for tests of what does not.
type apiOf struct {
	serve      func(*hub, http.ResponseWriter, *http.Request)
	forge      func(APIOptions) (Forge, error)
	repository string
	path       string // where a status of 1a2b3c4 is posted to
}

var apis = map[string]apiOf{
	"github": {
		serve: (*hub).gitHub, repository: "acme/config", path: "/api/v3/repos/acme/config/statuses/1a2b3c4",
		forge: func(o APIOptions) (Forge, error) { return NewGitHub(o) },
	},
	"gitlab": {
		serve: (*hub).gitLab, repository: "acme/platform/config",
		path:  "/api/v4/projects/acme%2Fplatform%2Fconfig/statuses/1a2b3c4",
		forge: func(o APIOptions) (Forge, error) { return NewGitLab(o) },
	},
	"gitea": {
		serve: (*hub).gitea, repository: "acme/config", path: "/api/v1/repos/acme/config/statuses/1a2b3c4",
		forge: func(o APIOptions) (Forge, error) { return NewGitea(o) },
	},
}

func newHub(kind string) *hub { return &hub{kind: kind, statuses: map[place][]Line{}} }

// forge is the forge in front of the hub.
func (h *hub) forge(t *testing.T, client *http.Client, url string) Forge {
	t.Helper()
	h.tokenFile = filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(h.tokenFile, []byte("first\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	forge, err := apis[h.kind].forge(APIOptions{
		URL: url, Repository: apis[h.kind].repository, TokenFile: h.tokenFile,
		Page: "https://reconcile.example.com/", HTTP: client,
	})
	if err != nil {
		t.Fatal(err)
	}
	return forge
}

// memory keeps notes in memory.
type memory map[[2]string]string

func (m memory) Note(_ context.Context, ref, commit, text string) error {
	m[[2]string{ref, commit}] = text
	return nil
}

func (m memory) ReadNote(_ context.Context, ref, commit string) (string, error) {
	return m[[2]string{ref, commit}], nil
}
