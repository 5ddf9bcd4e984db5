package status

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// eachForge runs a test with every forge that has an API.
func eachForge(t *testing.T, test func(t *testing.T, kind string)) {
	for kind := range apis {
		t.Run(kind, func(t *testing.T) { test(t, kind) })
	}
}

func TestForgesTakeLinesAndTellThemBack(t *testing.T) {
	eachForge(t, func(t *testing.T, kind string) {
		h := newHub(kind)
		h.pages = 2
		server := httptest.NewServer(h)
		defer server.Close()
		forge := h.forge(t, server.Client(), server.URL)
		if forge.Name() != kind || !slices.Contains(forges(), kind) {
			t.Errorf("its name is %s, those of metrics are %s", forge.Name(), forges())
		}
		if got, err := forge.Posted(t.Context(), Line{SHA: "1a2b3c4", Context: "c"}); len(got) > 0 || err != nil {
			t.Errorf("before anything was posted: %v %v", got, err)
		}
		var lines []Line
		for i, state := range []LineState{StatePending, StateSuccess, StateFailure, StateError, StateSuccess} {
			lines = append(lines, Line{SHA: "1a2b3c4", Context: fmt.Sprintf("reconcile/acme/apply/c%d", i),
				State: state, Text: "1 of 1 " + string(state)})
		}
		first := slices.Clone(lines)
		for i := range first {
			first[i].State, first[i].Text = StatePending, "0 of 1"
		}
		for _, lines := range [][]Line{first, lines} {
			if n, err := forge.Post(t.Context(), "1a2b3c4", lines); n != 5 || err != nil {
				t.Fatalf("posted %d: %v", n, err)
			}
		}
		if kind == "gitlab" {
			lines[0].Text = "0 of 1" // it keeps the text as long as the state
		}
		got, err := forge.Posted(t.Context(), lines[0])
		if diff := cmp.Diff(lines, got); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
		if want := "https://reconcile.example.com/revisions/1a2b3c4"; h.target != want {
			t.Errorf("the target URL is %q, want %q", h.target, want)
		}
	})
}

func TestARotatedTokenCountsAndGoesNowhereElse(t *testing.T) {
	eachForge(t, func(t *testing.T, kind string) {
		elsewhere := newHub(kind)
		other := httptest.NewServer(elsewhere)
		defer other.Close()
		h := newHub(kind)
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
		if err := os.WriteFile(h.tokenFile, []byte("second"), 0o600); err != nil {
			t.Fatal(err)
		}
		post()
		h.failNext(func(w http.ResponseWriter) {
			w.Header().Set("Location", other.URL+apis[kind].path)
			w.WriteHeader(http.StatusTemporaryRedirect)
		})
		post()
		if diff := cmp.Diff([]string{"Bearer first", "Bearer second", "Bearer second"}, h.tokens); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{""}, elsewhere.tokens); diff != "" {
			t.Errorf("the token followed a redirect: %s", diff)
		}
		if len(elsewhere.newest()) != 1 {
			t.Error("the status did not follow it")
		}
	})
}

// A header that only some SDK sets would go where a redirect says.
func TestNoOtherHeaderHasTheToken(t *testing.T) {
	eachForge(t, func(t *testing.T, kind string) {
		h := newHub(kind)
		client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			for name, values := range r.Header {
				if name != "Authorization" && strings.Contains(strings.Join(values, " "), "first") {
					t.Errorf("%s has the token", name)
				}
			}
			return direct{h}.RoundTrip(r)
		})}
		forge := h.forge(t, client, "https://forge.example.com")
		if _, err := forge.Post(t.Context(), "1a2b3c4", []Line{{Context: "c", State: StateSuccess}}); err != nil {
			t.Fatal(err)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestErrorsOfForgesSayWhatFollows(t *testing.T) {
	seconds := func(n int) [2]time.Duration {
		return [2]time.Duration{time.Duration(n) * time.Second, time.Duration(n) * time.Second}
	}
	soon := [2]time.Duration{4 * time.Minute, 5 * time.Minute}
	for _, test := range []struct {
		kind, name string // of any kind where it is empty
		fail       func(http.ResponseWriter)
		line       Line
		sha        string
		after      [2]time.Duration // of a LaterError, from and to
		gone       bool             // refused for good
		text       string
	}{
		{name: "refused", fail: unprocessable, gone: true, text: "cannot be processed"},
		{name: "unknown commit", sha: "deadbeef", gone: true},
		{name: "429", fail: tooMany, after: seconds(30), text: "slow down"},
		{name: "503 until a time", fail: unavailable(5 * time.Minute), after: soon, text: "maintenance"},
		{name: "500", fail: serverError, text: "Server Error"},
		{name: "502 with HTML", fail: badGateway, text: "502"},
		{name: "no permission", fail: noPermission, text: "; the token in forge/ of the credentials needs "},
		{name: "hang", fail: hang, text: "deadline exceeded"},
		{kind: "github", name: "too long", line: Line{Text: strings.Repeat("ä", 141)}, gone: true,
			text: "too long (maximum is 140"},
		{kind: "github", name: "rate limit", fail: rateLimited(5 * time.Minute), after: soon, text: "API rate limit exceeded"},
		{kind: "github", name: "secondary limit", fail: secondaryLimit, after: seconds(90), text: "secondary rate limit"},
	} {
		eachForge(t, func(t *testing.T, kind string) {
			if test.kind != "" && test.kind != kind {
				return
			}
			t.Run(test.name, func(t *testing.T) {
				h := newHub(kind)
				if test.fail != nil {
					h.failNext(test.fail)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
				defer cancel()
				forge := h.forge(t, &http.Client{Transport: direct{h}}, "https://forge.example.com")
				line := Line{Context: "c", State: StatePending, Text: test.line.Text}
				sha := test.sha
				if sha == "" {
					sha = "1a2b3c4"
				}
				n, err := forge.Post(ctx, sha, []Line{line})
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
		})
	}
}

func TestOptionsOfForgesAreChecked(t *testing.T) {
	eachForge(t, func(t *testing.T, kind string) {
		for _, o := range []APIOptions{
			{}, {Repository: "acme"}, {Repository: "acme/"}, {Repository: "a//b"}, {Repository: "a/b", URL: "ftp"},
			{Repository: "a/b", URL: "ftp://localhost"}, {Repository: "a/b", URL: "http://forge.example.com"},
		} {
			if o.URL == "" {
				o.URL = "https://forge.example.com"
			}
			if _, err := apis[kind].forge(o); err == nil || !strings.Contains(err.Error(), "; declare ") {
				t.Errorf("%+v: %v", o, err)
			}
		}
		for repository, taken := range map[string]bool{"a/b": true, "a/b/c": kind == "gitlab"} {
			_, err := apis[kind].forge(APIOptions{Repository: repository, URL: "https://forge.example.com"})
			if (err == nil) != taken {
				t.Errorf("%s: %v", repository, err)
			}
		}
	})
}

// An answer without end does not fill the memory, nor an error the log.
func TestAnswersOfForgesAreBounded(t *testing.T) {
	eachForge(t, func(t *testing.T, kind string) {
		for code, most := range map[int]int64{http.StatusOK: maxAnswer, http.StatusBadGateway: maxComplaint} {
			read := &endless{}
			h := newHub(kind)
			client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(read), Request: r}, nil
			})}
			forge := h.forge(t, client, "https://forge.example.com")
			_, err := forge.Post(t.Context(), "1a2b3c4", []Line{{Context: "c", State: StateSuccess}})
			if err == nil || int64(read.n) > 2*most || len(err.Error()) > 2*maxComplaint {
				t.Errorf("%d: %d bytes read, error of %d bytes", code, read.n, len(err.Error()))
			}
		}
	})
}

// endless is JSON that never ends.
type endless struct{ n int }

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = '['
	}
	e.n += len(b)
	return len(b), nil
}
