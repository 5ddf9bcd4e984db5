package page

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status"
	"github.com/workspace-providers/reconcile/status/signin"
)

// who everybody is: blue is an organization, whose member may see what is of it.
var (
	manager  = status.Viewer{Name: "ada", SignedIn: true, All: true}
	member   = status.Viewer{Name: "bob", SignedIn: true, Organizations: []string{"blue"}}
	nobodys  = status.Viewer{Name: "eve", SignedIn: true}
	stranger = status.Viewer{}
)

// access is for whom each route is. A route that is not here fails the test: whoever adds one says who sees it, here too.
var access = map[string]status.Access{
	"GET /api/v1/status":                         status.Members,
	"GET /api/v1/plan":                           status.Managers,
	"GET /api/v1/rollout":                        status.Managers,
	"GET /api/v1/organizations":                  status.Members,
	"GET /api/v1/organizations/{name}/providers": status.Members,
	"GET /api/v1/providers/{name}":               status.Members,
	"GET /api/v1/revisions":                      status.Managers,
	"GET /api/v1/revisions/{name}":               status.Managers,
	"GET /{$}":                                   status.Members,
	"GET /":                                      status.Members,
	"GET /parts/providers/{name}":                status.Members,
	"GET /live":                                  status.Members,
	"GET /assets/{name}":                         status.Anybody,
	"GET /providers/{name}":                      status.Members,
	"GET /rollout":                               status.Managers,
	"GET /clusters":                              status.Managers,
	"GET /organizations":                         status.Members,
	"GET /organizations/{name}":                  status.Members,
	"GET /revisions":                             status.Managers,
	"GET /revisions/{sha}":                       status.Managers,
	"GET /healthz":                               status.Anybody,
	"GET /readyz":                                status.Anybody,
	"GET /metrics":                               status.Managers,
	"GET /signin":                                status.Anybody,
	"POST /signin":                               status.Anybody,
	"POST /signout":                              status.Anybody,
	"GET /signin/oidc":                           status.Anybody,
	"GET /signin/callback":                       status.Anybody,
}

// as asks for something as somebody, as a program does or as a browser.
func (w *world) as(who status.Viewer, method, path, accept string) *httptest.ResponseRecorder {
	in := httptest.NewRequest(method, path, nil)
	in.Header.Set("Accept", accept)
	out := httptest.NewRecorder()
	w.web.Handler().ServeHTTP(out, in.WithContext(status.WithViewer(in.Context(), who)))
	return out
}

// TestEveryRouteSaysWhoSeesIt walks every route as everybody, a program and a browser.
func TestEveryRouteSaysWhoSeesIt(t *testing.T) {
	w := colourful()
	w.report()
	end := make(chan struct{})
	close(end) // so that what is kept up to date ends
	gate, err := signin.New(signin.Options{Form: SignIn, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w.web.Front = New(w.web, end)
	w.web.Front.Routes = append(w.web.Front.Routes, gate.Routes()...)
	got := map[string]status.Access{}
	for _, r := range w.web.Routes() {
		got[r.Pattern] = r.For
		method, path, _ := strings.Cut(r.Pattern, " ")
		path = strings.NewReplacer("{$}", "", "{name}", "frankfurt", "{sha}", revision).Replace(path)
		if r.Pattern == "GET /live" {
			path += "?of=/"
		}
		for _, visit := range []struct {
			name string
			who  status.Viewer
			sees bool
		}{
			{"a stranger", stranger, r.For == status.Anybody}, {"one without a role", nobodys, r.For == status.Anybody},
			{"a member", member, r.For == status.Anybody || r.For == status.Members}, {"a manager", manager, r.For != status.Nobody},
		} {
			for _, accept := range []string{"application/json", "text/html"} {
				out := w.as(visit.who, method, path, accept)
				refused := out.Code == http.StatusForbidden
				switch {
				case !visit.who.SignedIn && accept == "text/html":
					refused = out.Code == http.StatusSeeOther && strings.HasPrefix(out.Header().Get("Location"), "/signin?to=")
				case !visit.who.SignedIn:
					refused = out.Code == http.StatusUnauthorized
				}
				if method == http.MethodPost { // which signs in and out, and is refused by what it says
					refused = false
				}
				if visit.sees == refused {
					t.Errorf("%s as %s for %s: %d, sees it: %t", r.Pattern, visit.name, accept, out.Code, visit.sees)
				}
			}
		}
	}
	if diff := cmp.Diff(access, got); diff != "" {
		t.Errorf("say in this test for whom each route is:\n%s", diff)
	}
}

// TestARouteThatDoesNotSayIsForNobody: not for who sees everything either.
func TestARouteThatDoesNotSayIsForNobody(t *testing.T) {
	mux := status.Mux(nil, status.Route{Pattern: "GET /new", Handler: http.NotFoundHandler()})
	out := httptest.NewRecorder()
	status.Open(mux).ServeHTTP(out, httptest.NewRequest(http.MethodGet, "/new", nil))
	if out.Code != http.StatusForbidden {
		t.Errorf("got %d", out.Code)
	}
}

// others are what other organizations and their providers and clusters are called in the colourful world.
var others = regexp.MustCompile(`(?i)\b(red|white|Red Rock|Snowfall|lisbon|boston|austin|Lisboa Norte|vault)\b`)

// gossip makes everything in a world name others wherever programs and people may write.
func gossip(w *world) {
	it := w.Want.Items[1] // munich, which is blue's
	w.put(it, func(o *reconcile.Observed) {
		o.Health, o.Message = reconcile.Unhealthy, "red has too many pods"
		o.History = []reconcile.Step{{Op: "update", Reason: "changed", Commit: revision, Author: "Red <red@example.com>", Error: "white"}}
		o.Drift = []reconcile.Drift{{Object: "Deployment/red", Field: "/spec", Message: "white", By: "red"}}
	})
	p := w.Want.Providers["frankfurt"]
	p.Description, p.Cordoned = "Shared with White", "red is too loud"
	w.Want.Providers["frankfurt"] = p
	w.Want.Organizations["white"] = reconcile.OrganizationWant{DisplayName: "Snowfall", Default: "built-in"}
	w.cluster("vault", "home")
	for name, text := range map[string]string{
		"munich": "Snowfall comes in", "paris": "as long as lisbon is repaired", "sydney": "until vault is there", "built-in": "with Lisboa Norte",
	} {
		p := w.Want.Providers[name]
		p.Description, p.Cordoned = "Cordoned "+text, text
		w.Want.Providers[name] = p
	}
	p = w.Want.Providers["lisbon"]
	p.DisplayName = "Lisboa Norte"
	w.Want.Providers["lisbon"] = p
	w.HeadErr, w.FetchErr = io.ErrUnexpectedEOF, io.ErrClosedPipe
}

// TestAMemberSeesTheirsAlone: wherever a member looks there is no name of others, and numbers are of his own.
func TestAMemberSeesTheirsAlone(t *testing.T) {
	w := colourful()
	gossip(w)
	w.report()
	end := make(chan struct{})
	close(end)
	w.web.Front = New(w.web, end)
	for _, r := range w.web.Routes() {
		if r.For != status.Members {
			continue
		}
		for _, name := range []string{"frankfurt", "munich", "paris", "sydney", "built-in", "lisbon", "boston", "blue", "red"} {
			path := strings.NewReplacer("GET ", "", "{$}", "?open="+name, "{name}", name).Replace(r.Pattern)
			if r.Pattern == "GET /live" {
				path += "?of=" + url.QueryEscape("/providers/"+name)
			}
			body := w.as(member, http.MethodGet, path, "text/html").Body.String()
			if found := others.FindString(body); found != "" {
				t.Errorf("%s names %s:\n%s", path, found, body)
			}
			for _, not := range []string{"/clusters", "/revisions", "/rollout", "a.cue", ".yaml:", "Ada", io.ErrUnexpectedEOF.Error(), "6443", "reconcile explain"} {
				if strings.Contains(body, not) {
					t.Errorf("%s has %q:\n%s", path, not, body)
				}
			}
		}
	}
	for path, code := range map[string]int{"/providers/frankfurt": 200, "/providers/lisbon": 404, "/organizations/red": 404, "/organizations/blue": 200,
		"/api/v1/providers/boston": 404, "/api/v1/organizations/white/providers": 404, "/parts/providers/lisbon": 404, "/parts/providers/munich": 200} {
		if got := w.as(member, http.MethodGet, path, "text/html").Code; got != code {
			t.Errorf("%s: %d, want %d", path, got, code)
		}
	}
	page := w.as(member, http.MethodGet, "/", "text/html").Body.String()
	if names := strings.Join(regexp.MustCompile(`id="p-[^"]+"`).FindAllString(page, -1), " "); names != `id="p-built-in" id="p-frankfurt" id="p-munich" id="p-paris" id="p-sydney"` {
		t.Errorf("there are %s", names)
	}
	row := regexp.MustCompile(`(?s)<tr id="p-frankfurt".*?</tr>`).FindString(page)
	if !strings.Contains(row, ">9 (2 stopped)<") || !strings.Contains(row, status.Withheld) {
		t.Errorf("frankfurt: %s", row)
	}
}

// TestAMemberIsToldOfTheirsAlone: what changes of others is no news, and a page of somebody else is loaded anew.
func TestAMemberIsToldOfTheirsAlone(t *testing.T) {
	w := colourful()
	w.report()
	end := make(chan struct{})
	site := w.site(end)
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		w.web.Handler().ServeHTTP(out, in.WithContext(status.WithViewer(in.Context(), member)))
	}))
	t.Cleanup(server.Close)
	everybodys := httptest.NewServer(site)
	t.Cleanup(everybodys.Close)
	told := listen(t, server.URL+"/live?of=/&since="+seqOf(t, server.URL))
	if n := next(t, told); len(n.Rows)+len(n.Gone) > 0 || n.Reset {
		t.Errorf("what the page has is told again: %+v", n)
	}
	if n := next(t, listen(t, server.URL+"/live?of=/&since="+seqOf(t, everybodys.URL))); !n.Reset {
		t.Errorf("a page that a manager saw before is not loaded anew: %+v", n)
	}
	unwell := func(o *reconcile.Observed) { o.Health, o.Message = reconcile.Unhealthy, "ImagePullBackOff" }
	w.put(w.Want.Items[3], unwell) // lisbon, which is red's
	w.put(w.Want.Items[0], unwell) // frankfurt, which is blue's too
	w.report()
	n := next(t, told)
	if len(n.Rows) != 1 || n.Rows[0].Name != "frankfurt" || others.MatchString(n.Rows[0].HTML) {
		t.Errorf("%+v", n)
	}
	close(end)
}
