package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// hub is GitHub's API for commit statuses, as far as it is used, with its limits and its failures.
type hub struct {
	mu       sync.Mutex // guards the rest
	statuses map[place][]Line
	tokens   []string                    // of the requests
	fail     []func(http.ResponseWriter) // each answers one request
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
	page := 1
	_, _ = fmt.Sscan(r.URL.Query().Get("page"), &page)
	if h.pages > 0 {
		if len(all) > page*h.pages {
			w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?page=%d>; rel="next"`, r.Host, r.URL.Path, page+1))
		}
		all = all[min(len(all), (page-1)*h.pages):min(len(all), page*h.pages)]
	}
	body, _ := json.Marshal(map[string]any{"state": "success", "statuses": all})
	answer(w, http.StatusOK, string(body))
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

func noPermission(w http.ResponseWriter) {
	answer(w, http.StatusForbidden, `{"message":"Resource not accessible by personal access token"}`)
}

// direct serves requests without a network. A failure "hang" never answers.
type direct struct{ h http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.h.ServeHTTP(w, r)
	if w.Code == hung {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	out := w.Result()
	out.Request = r
	return out, nil
}

const hung = 599

func hang(w http.ResponseWriter) { w.WriteHeader(hung) }

func newHub() *hub { return &hub{statuses: map[place][]Line{}} }

// forge is the GitHub forge in front of the hub.
func (h *hub) forge(t *testing.T, client *http.Client, url string) *GitHub {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("first\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	g, err := NewGitHub(GitHubOptions{
		URL: url, Repository: "acme/config", TokenFile: token, Page: "https://reconcile.example.com/", HTTP: client,
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
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

func TestNotesAreReadableAndKeepOtherLines(t *testing.T) {
	notes := memory{{"refs/notes/reconcile/acme", "1a2b3c4"}: "reconcile/acme/plan success 2 to create\n"}
	forge := Notes{Repo: notes}
	post := func(lines ...Line) {
		t.Helper()
		if n, err := forge.Post(t.Context(), "1a2b3c4", lines); err != nil || n != len(lines) {
			t.Fatalf("posted %d: %v", n, err)
		}
	}
	post(Line{Context: "reconcile/acme/apply", State: StatePending, Text: "3 of 12 providers applied"},
		Line{Context: "reconcile/acme/apply/eu", State: StateSuccess, Text: "1 of 1 Ready"})
	post(Line{Context: "reconcile/acme/apply", State: StateSuccess, Text: "12 of 12 Ready"})
	want := `reconcile/acme/apply success 12 of 12 Ready
reconcile/acme/apply/eu success 1 of 1 Ready
reconcile/acme/plan success 2 to create
`
	if diff := cmp.Diff(memory{{"refs/notes/reconcile/acme", "1a2b3c4"}: want}, notes); diff != "" {
		t.Error(diff)
	}
}

func TestGitHubTakesLinesAndTellsThemBack(t *testing.T) {
	h := newHub()
	h.pages = 2
	server := httptest.NewServer(h)
	defer server.Close()
	forge := h.forge(t, server.Client(), server.URL)
	var lines []Line
	for i := range 5 {
		lines = append(lines, Line{SHA: "1a2b3c4", Context: fmt.Sprintf("reconcile/acme/apply/c%d", i),
			State: StateSuccess, Text: "1 of 1 Ready"})
	}
	if n, err := forge.Post(t.Context(), "1a2b3c4", lines); n != 5 || err != nil {
		t.Fatalf("posted %d: %v", n, err)
	}
	got, err := forge.Posted(t.Context(), "1a2b3c4")
	if diff := cmp.Diff(lines, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

func TestARotatedTokenCountsAndGoesNowhereElse(t *testing.T) {
	elsewhere := newHub()
	other := httptest.NewServer(elsewhere)
	defer other.Close()
	h := newHub()
	server := httptest.NewServer(h)
	defer server.Close()
	forge := h.forge(t, server.Client(), server.URL)
	post := func() {
		t.Helper()
		if _, err := forge.Post(t.Context(), "1a2b3c4", []Line{{Context: "c", State: StateSuccess}}); err != nil {
			t.Fatal(err)
		}
	}
	post()
	file := forge.client.Client().Transport.(*tokenTransport).file
	if err := os.WriteFile(file, []byte("second"), 0o600); err != nil {
		t.Fatal(err)
	}
	post()
	h.failNext(func(w http.ResponseWriter) {
		w.Header().Set("Location", other.URL+"/api/v3/repos/acme/config/statuses/1a2b3c4")
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	post()
	if diff := cmp.Diff([]string{"Bearer first", "Bearer second", "Bearer second"}, h.tokens); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{""}, elsewhere.tokens); diff != "" {
		t.Errorf("the token followed a redirect: %s", diff)
	}
}

func TestGitHubErrorsSayWhatFollows(t *testing.T) {
	for _, test := range []struct {
		name  string
		fail  func(http.ResponseWriter)
		line  Line
		sha   string
		after [2]time.Duration // of a LaterError, from and to
		gone  bool             // refused for good
		text  string
	}{
		{name: "too long", line: Line{Text: strings.Repeat("ä", 141)}, gone: true, text: "too long (maximum is 140"},
		{name: "unknown commit", sha: "deadbeef", gone: true, text: "No commit found"},
		{name: "rate limit", fail: rateLimited(5 * time.Minute), after: [2]time.Duration{4 * time.Minute, 5 * time.Minute},
			text: "API rate limit exceeded"},
		{name: "secondary limit", fail: secondaryLimit, after: [2]time.Duration{90 * time.Second, 90 * time.Second},
			text: "secondary rate limit"},
		{name: "429", fail: tooMany, after: [2]time.Duration{30 * time.Second, 30 * time.Second}, text: "slow down"},
		{name: "500", fail: serverError, text: "Server Error"},
		{name: "502 with HTML", fail: badGateway, text: "502"},
		{name: "no permission", fail: noPermission, text: "needs commit statuses: write"},
		{name: "hang", fail: hang, text: "deadline exceeded"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHub()
			if test.fail != nil {
				h.failNext(test.fail)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			forge := h.forge(t, &http.Client{Transport: direct{h}}, "http://github.example.com")
			sha := "1a2b3c4"
			if test.sha != "" {
				sha = test.sha
			}
			n, err := forge.Post(ctx, sha, []Line{test.line})
			if n != 0 || err == nil || !strings.Contains(err.Error(), test.text) {
				t.Fatalf("posted %d: %v", n, err)
			}
			later, is := errors.AsType[*LaterError](err)
			if is != (test.after[1] > 0) || is && (later.After < test.after[0] || later.After > test.after[1]) {
				t.Errorf("later: %v", later)
			}
			if errors.Is(err, ErrRefused) != test.gone {
				t.Errorf("refused: %v", err)
			}
		})
	}
}

func TestGitHubOptionsAreChecked(t *testing.T) {
	for _, o := range []GitHubOptions{{}, {Repository: "acme"}, {Repository: "a/b/c"}, {Repository: "a/b", URL: "ftp"}} {
		if _, err := NewGitHub(o); err == nil || !strings.Contains(err.Error(), "; declare ") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
