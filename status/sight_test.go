package status

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/workspace-providers/reconcile/reconcile"
)

func TestTextsThatNameOthersAreWithheld(t *testing.T) {
	s := sightOf([]string{"red-team"})
	for _, name := range []string{"red", "blue", "sky-blue", "red-team", "x1", ""} {
		s.call(s.organization(name), name)
	}
	s.call(hidden, "lisbon", "eu", "Lisboa Norte")
	s.call(near, "lisbon-2", "eu-red")
	for text, shown := range map[string]bool{
		"":                                       true,
		"red-team has 3 environments":            true,
		"pod Red-Team: CrashLoopBackOff":         true,
		"rendered, reddish and redo":             true,
		"red":                                    false,
		"coder/frankfurt-red is not there":       false,
		"team red_team":                          true, // which is how others may write it
		"for Red: too many pods":                 false,
		"x1 and red-team":                        false,
		"ws-x1":                                  false,
		"x10 pods":                               true,
		"sky blue":                               false,
		"red-team, red":                          false,
		"lisbon-2: CrashLoopBackOff":             true,
		"moved from Lisbon":                      false,
		"lisbon-2 is as lisbon":                  false,
		"in Lisboa Norte":                        false,
		"in Norte":                               true,
		"eu-red is full":                         false, // what is called after others names them
		"red.team.example.com of red-team alone": true,
	} {
		if got := s.text(text); (got == text) != shown {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// TestAProviderWithAReleaseForEach: a member sees the one for its organization, and the provider is as that is.
func TestAProviderWithAReleaseForEach(t *testing.T) {
	w := newWorld()
	w.want("eu", "frankfurt", "blue")
	w.want("eu", "frankfurt", "red")
	want := w.Want.Providers["frankfurt"]
	want.Organizations = []string{"blue", "green", "red"}
	w.Want.Providers["frankfurt"] = want
	r := w.report()
	r.Failed = map[reconcile.ID]error{}
	web := &Web{Metrics: prometheus.NewRegistry()}
	web.Report(r)
	see := func(names ...string) (Provider, string) {
		v := web.See(Viewer{SignedIn: true, Organizations: names})
		page, _ := v.Provider("frankfurt")
		text, err := json.Marshal(page)
		if err != nil {
			t.Fatal(err)
		}
		return page.Provider, string(text)
	}
	blue, text := see("blue")
	if len(blue.Releases) != 1 || blue.Releases[0].Organization != "blue" || strings.Contains(text, "-red") || strings.Contains(text, `"red"`) || blue.Message != "not installed yet" {
		t.Errorf("blue sees %s", text)
	}
	if green, text := see("green"); len(green.Releases) > 0 || green.Status != Pending || green.Message != "nothing is installed for you yet" {
		t.Errorf("green sees %s", text)
	}
	if both, text := see("blue", "red"); len(both.Releases) != 2 {
		t.Errorf("who is a member of both sees %s", text)
	}
	if none, text := see("white"); none.Name != "" {
		t.Errorf("white sees %s", text)
	}
	if _, seen := web.See(Viewer{}).Provider("frankfurt"); seen {
		t.Error("a stranger sees it")
	}
}

// TestWhoSeesTheSame: of a name that looks like two, nothing is kept for those two.
func TestWhoSeesTheSame(t *testing.T) {
	key := func(who Viewer) string { return (&Web{}).See(who).Key() }
	two := key(Viewer{Name: "ada", Organizations: []string{"blue", "red"}})
	if two != key(Viewer{Name: "bob", Organizations: []string{"blue", "red"}}) {
		t.Error("of the same organizations, two see something else")
	}
	for _, names := range [][]string{{"blue,red"}, {"blue"}, {"blue red"}, {"bluered"}, nil} {
		if key(Viewer{Organizations: names}) == two {
			t.Errorf("%q see what blue and red see", names)
		}
	}
}

// TestAPoolIsAsTheReleasesOfItsOrganizationAre: what broke for another is nothing to it.
func TestAPoolIsAsTheReleasesOfItsOrganizationAre(t *testing.T) {
	w := newWorld()
	w.put(w.want("eu", "frankfurt", "blue"), nil)
	w.put(w.want("eu", "frankfurt", "red"), func(o *reconcile.Observed) { o.Health = reconcile.Unhealthy })
	want := w.Want.Providers["frankfurt"]
	want.Organizations = []string{"blue", "green", "red"}
	w.Want.Providers["frankfurt"] = want
	w.Want.Organizations = map[string]reconcile.OrganizationWant{"blue": {}, "green": {}, "red": {}}
	ready := func(r reconcile.Report) map[string]bool {
		out := map[string]bool{}
		for _, o := range Organizations(r) {
			for _, p := range o.Pool().Providers {
				if p.Name == "frankfurt" {
					out[o.Name] = p.Ready
				}
			}
		}
		return out
	}
	if got, want := ready(w.report()), map[string]bool{"blue": true, "green": false, "red": false}; !maps.Equal(got, want) {
		t.Errorf("ready: %v, want %v", got, want)
	}
	w.lose("eu")
	if got, want := ready(w.report()), map[string]bool{"blue": false, "green": false, "red": false}; !maps.Equal(got, want) {
		t.Errorf("in a cluster that does not answer: %v, want %v", got, want)
	}
}

// TestWhatIsKeptIsBounded: as many as come, so many documents are kept.
func TestWhatIsKeptIsBounded(t *testing.T) {
	web := &Web{Metrics: prometheus.NewRegistry()}
	web.Report(newWorld().report())
	for i := range 10 * keptOutlooks {
		web.See(Viewer{Organizations: []string{strings.Repeat("x", i+1)}}).Status()
		if len(web.outlooks) > keptOutlooks+1 {
			t.Fatalf("%d are kept", len(web.outlooks))
		}
	}
}
