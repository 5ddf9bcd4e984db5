package status

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

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
	got, err := forge.Posted(t.Context(), Line{SHA: "1a2b3c4", Context: "reconcile/acme/apply"})
	if err != nil || noteText(got) != want {
		t.Errorf("read %+v %v", got, err)
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
	got, err := forge.Posted(t.Context(), lines[0])
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
			forge := h.forge(t, &http.Client{Transport: direct{h}}, "https://github.example.com")
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
	for _, o := range []GitHubOptions{{}, {Repository: "acme"}, {Repository: "a/b/c"}, {Repository: "a/b", URL: "ftp"},
		{Repository: "a/b", URL: "http://github.example.com"}} {
		if _, err := NewGitHub(o); err == nil || !strings.Contains(err.Error(), "; declare ") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
