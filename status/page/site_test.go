package page

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status"
	"github.com/workspace-providers/reconcile/status/signin"
)

// site answers with the pages of a world, to somebody who sees everything.
func (w *world) site(end <-chan struct{}) http.Handler {
	w.web.Front = New(w.web, end)
	return status.Open(w.web.Pages())
}

// get asks for a page.
func get(t testing.TB, w *world, path string) (int, string) {
	t.Helper()
	out := httptest.NewRecorder()
	w.site(nil).ServeHTTP(out, httptest.NewRequest(http.MethodGet, path, nil))
	return out.Code, out.Body.String()
}

// TestPagesAsTheyAre compares every page of a deployment in which everything is there once with its golden file.
func TestPagesAsTheyAre(t *testing.T) {
	w := eventful()
	w.Head, w.HeadErr = reconcile.Commit{SHA: strings.Repeat("bad", 13), Subject: "Oops"}, errors.New("providers.cue:12:3: providers.x.cluster: \"mars\" is not declared")
	w.report()
	for name, path := range map[string]string{
		"overview": "/?group=region&sort=status&q=e&open=frankfurt", "provider": "/providers/munich", "cordoned": "/providers/frankfurt",
		"clusters": "/clusters", "rollout": "/rollout", "organizations": "/organizations", "organization": "/organizations/blue",
		"revisions": "/revisions", "revision": "/revisions/" + revision, "request": "/revisions/beefbeef", "missing": "/providers/nowhere",
	} {
		t.Run(name, func(t *testing.T) {
			code, body := get(t, w, path)
			if want := map[bool]int{true: 404, false: 200}[name == "missing"]; code != want {
				t.Errorf("%s: %d", path, code)
			}
			golden(t, name, body)
		})
	}
}

// golden compares a page with its golden file.
func golden(t *testing.T, name, body string) {
	t.Helper()
	for varying, fixed := range map[string]string{`data-seq="[^"]*"`: `data-seq="…"`, `\?v=[0-9a-f]{8}`: "?v=…", `sha256:[0-9a-f]+`: "sha256:"} {
		body = regexp.MustCompile(varying).ReplaceAllString(body, fixed)
	}
	file := filepath.Join("testdata", name+".html")
	if *update {
		if err := os.WriteFile(file, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if diff := cmp.Diff(string(want), body); err != nil || diff != "" {
		t.Errorf("%v; run go test -update and look at the difference:\n%s", err, diff)
	}
}

// TestPagesByWhoLooks compares what a member sees, who may not see something, and who has yet to sign in.
func TestPagesByWhoLooks(t *testing.T) {
	w := colourful()
	w.report()
	w.web.Front = New(w.web, nil)
	leaves := member
	leaves.Leaves = true
	for name, test := range map[string]struct {
		who  status.Viewer
		path string
		code int
	}{
		"member": {leaves, "/?open=frankfurt", 200}, "memberprovider": {leaves, "/providers/munich", 200}, "denied": {leaves, "/clusters", 403},
		"norole": {nobodys, "/", 403}, "memberorganizations": {leaves, "/organizations", 200},
	} {
		t.Run(name, func(t *testing.T) {
			out := w.as(test.who, http.MethodGet, test.path, "text/html")
			if out.Code != test.code {
				t.Errorf("%s: %d", test.path, out.Code)
			}
			golden(t, name, out.Body.String())
		})
	}
	out := httptest.NewRecorder()
	SignIn(out, httptest.NewRequest(http.MethodGet, "/signin", nil), http.StatusUnauthorized, signin.Form{
		To: "/?q=<a>&b", Error: "That is <wrong>.", Token: true, Password: true, OIDC: "id.example.com",
	})
	if out.Code != http.StatusUnauthorized || out.Header().Get("Content-Security-Policy") != policy || strings.Contains(out.Body.String(), "<script") {
		t.Errorf("%d %v", out.Code, out.Header())
	}
	golden(t, "signin", out.Body.String())
}

func TestWhatComesFromElsewhereIsEscapedAndShort(t *testing.T) {
	w := newWorld()
	w.cluster("eu-1", "eu")
	evil := `"><script>alert(1)</script><img src=x onerror=alert(1)>'` + strings.Repeat("long ", 5000)
	w.put(w.provider("eu-1", "frankfurt", 0, "blue"), func(o *reconcile.Observed) {
		o.Health, o.Message, o.ChartName, o.ChartVersion, o.Commit = reconcile.Unhealthy, evil, evil, evil, evil
		o.History = []reconcile.Step{{Op: evil, Reason: evil, Commit: evil, Author: evil, Error: evil}}
		o.Drift = []reconcile.Drift{{Object: evil, Field: evil, Message: evil, By: evil}}
	})
	w.Commit.Subject, w.Commit.Author = evil, evil
	w.Want.Organizations[evil] = reconcile.OrganizationWant{DisplayName: evil}
	w.in("eu-1", func(c *reconcile.ClusterLive) {
		c.Version, c.Holder, c.Via, c.Unenforceable = evil, evil, evil, evil
		c.Freezes = []reconcile.Freeze{{Reason: evil, By: evil, Until: epoch().Add(time.Hour)}}
	})
	w.report()
	for _, path := range []string{"/", "/?q=" + "%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "/providers/frankfurt", "/clusters", "/rollout",
		"/organizations", "/revisions", "/revisions/" + revision, "/parts/providers/frankfurt", "/?open=frankfurt"} {
		code, body := get(t, w, path)
		bare := regexp.MustCompile(`="[^"]*"`).ReplaceAllString(body, "=")
		if found := regexp.MustCompile(`<script>|<img|<[a-z]+[^>]*\son[a-z]+=[^>]*`).FindString(bare); code != 200 || found != "" {
			t.Errorf("%s: %d, and not escaped: %s", path, code, found)
		}
		if strings.Contains(path, "/providers/") && len(body) > 100<<10 {
			t.Errorf("%s has %d KiB", path, len(body)>>10)
		}
	}
}

func TestPagesForbidWhatIsNotFromHere(t *testing.T) {
	w := colourful()
	w.report()
	for _, path := range []string{"/", "/providers/munich", "/clusters", "/nothing", "/assets/style.css"} {
		out := httptest.NewRecorder()
		w.site(nil).ServeHTTP(out, httptest.NewRequest(http.MethodGet, path, nil))
		csp := out.Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "http") {
			t.Errorf("%s: %q", path, csp)
		}
		for _, inline := range []string{`<script>`, `<style`, ` style="`, "javascript:"} {
			if strings.Contains(out.Body.String(), inline) {
				t.Errorf("%s has %s", path, inline)
			}
		}
		if strings.Contains(path, "assets") {
			continue
		}
		for _, m := range regexp.MustCompile(`(?:src|href|action)="([^"]*)"`).FindAllStringSubmatch(out.Body.String(), -1) {
			if !strings.HasPrefix(m[1], "/") && !strings.HasPrefix(m[1], "#") && !strings.HasPrefix(m[1], "https://github.com/acme/providers/") {
				t.Errorf("%s leads to %q", path, m[1])
			}
		}
	}
}

func TestThePageOfABeginning(t *testing.T) {
	w := newWorld()
	for _, path := range []string{"/", "/clusters"} {
		if code, body := get(t, w, path); code != http.StatusServiceUnavailable || !strings.Contains(body, "Nothing was looked at yet") {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
}

func TestAssetsAreKeptForEverUnderTheirMark(t *testing.T) {
	w := newWorld()
	for _, url := range assets.urls {
		out := httptest.NewRecorder()
		w.site(nil).ServeHTTP(out, httptest.NewRequest(http.MethodGet, url, nil))
		if out.Code != 200 || !strings.Contains(out.Header().Get("Cache-Control"), "immutable") || out.Header().Get("Content-Type") == "" {
			t.Errorf("%s: %d %v", url, out.Code, out.Header())
		}
	}
	if code, _ := get(t, w, "/assets/nothing"); code != 404 {
		t.Errorf("a file that is not there: %d", code)
	}
}

// TestTwoThousandProviders: the whole page is made in little time, and in less when nothing has changed since.
func TestTwoThousandProviders(t *testing.T) {
	w := crowd(2000)
	w.report()
	site := w.site(nil)
	for _, which := range []string{"the first", "the second"} {
		began := time.Now()
		out := httptest.NewRecorder()
		site.ServeHTTP(out, httptest.NewRequest(http.MethodGet, "/?group=cluster", nil))
		n, _ := io.Copy(io.Discard, out.Body)
		t.Logf("%s: %s, %d KiB", which, time.Since(began).Round(time.Millisecond), n>>10)
		if n > 4<<20 {
			t.Errorf("the page has %d bytes", n)
		}
	}
}
