package status

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A change is proposed to each forge by its own words; what the forge says against it is passed on.
func TestPropose(t *testing.T) {
	change := Change{Branch: "reconcile/x", Base: "main", Title: "Cordon", Text: "why"}
	for kind, want := range map[string]struct{ path, answer string }{
		"github": {"/api/v3/repos/acme/providers/pulls", `{"html_url": "https://forge/1"}`},
		"gitlab": {"/api/v4/projects/acme/providers/merge_requests", `{"web_url": "https://forge/1"}`},
		"gitea":  {"/api/v1/repos/acme/providers/pulls", `{"html_url": "https://forge/1"}`},
	} {
		t.Run(kind, func(t *testing.T) {
			refuses := false
			srv := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
				var body map[string]any
				if err := json.NewDecoder(in.Body).Decode(&body); err != nil {
					t.Error(err)
				}
				said := fmt.Sprint(body)
				for _, word := range []string{change.Branch, change.Base, change.Title, change.Text} {
					if !strings.Contains(said, word) {
						t.Errorf("it asks without %q: %s", word, said)
					}
				}
				if in.Method != http.MethodPost || in.URL.Path != want.path {
					t.Errorf("it asks %s %s", in.Method, in.URL.Path)
				}
				out.Header().Set("Content-Type", "application/json")
				if refuses {
					out.WriteHeader(http.StatusUnprocessableEntity)
					fmt.Fprint(out, `{"message": "there is one already"}`)
					return
				}
				out.WriteHeader(http.StatusCreated)
				fmt.Fprint(out, want.answer)
			}))
			defer srv.Close()
			forge, err := proposer(kind, APIOptions{URL: srv.URL, Repository: "acme/providers"})
			if err != nil {
				t.Fatal(err)
			}
			if page, err := forge.Propose(t.Context(), change); err != nil || page != "https://forge/1" {
				t.Errorf("%q, %v", page, err)
			}
			refuses = true
			if _, err := forge.Propose(t.Context(), change); err == nil || !strings.Contains(err.Error(), "there is one already") {
				t.Errorf("refused: %v", err)
			}
		})
	}
}

// A forge that has not yet looked at what was pushed says "not found" for a while, and is asked again until it has, and once
// more: it may have looked right after it was asked. Where it has, not found is the answer.
func TestProposeRightAfterThePush(t *testing.T) {
	for name, ready := range map[string]int{"the first push": 2, "a later one": 1, "a moment before it is seen": 0, "what cannot be": -1} {
		t.Run(name, func(t *testing.T) {
			ready, asked := ready, 0
			srv := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
				out.Header().Set("Content-Type", "application/json")
				switch {
				case in.Method == http.MethodPost && (asked == 0 || ready != 0):
					asked++
					out.WriteHeader(http.StatusNotFound)
				case in.Method == http.MethodPost:
					out.WriteHeader(http.StatusCreated)
					fmt.Fprint(out, `{"html_url": "https://forge/1"}`)
				case !strings.Contains(in.URL.Path, "/branches/"):
					fmt.Fprintf(out, `{"empty": %t}`, ready == 2)
					ready = min(ready, 1)
				case ready > 0:
					ready--
					out.WriteHeader(http.StatusNotFound)
				default:
					fmt.Fprint(out, `{"name": "reconcile/x"}`)
				}
			}))
			defer srv.Close()
			forge, err := proposer("gitea", APIOptions{URL: srv.URL, Repository: "acme/providers"})
			if err != nil {
				t.Fatal(err)
			}
			change := Change{Branch: "reconcile/x", Base: "main", Title: "Cordon"}
			page, err := forge.Propose(t.Context(), change)
			if opens := ready >= 0; opens && (err != nil || page != "https://forge/1") || !opens && (err == nil || !strings.Contains(err.Error(), "404")) {
				t.Errorf("%q, %v", page, err)
			}
			if asked > 3 {
				t.Errorf("it was asked %d times", asked)
			}
		})
	}
}

func proposer(kind string, o APIOptions) (Proposer, error) {
	switch kind {
	case "github":
		return NewGitHub(o)
	case "gitlab":
		return NewGitLab(o)
	}
	return NewGitea(o)
}
