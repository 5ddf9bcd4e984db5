package page

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/status"
)

// TestViews: which rows are to be seen, and in which order.
func TestViews(t *testing.T) {
	w := colourful()
	w.report()
	doc, _ := w.web.See(status.Viewer{All: true}).Status()
	var b board
	b.catchUp(doc)
	for query, want := range map[string]string{
		"":                       "austin boston built-in frankfurt lisbon munich paris sydney",
		"dir=down":               "sydney paris munich lisbon frankfurt built-in boston austin",
		"q=EU-1+imagepull":       "lisbon munich",
		"q=central":              "frankfurt munich",
		"q=cordoned":             "frankfurt",
		"status=Ready":           "built-in frankfurt paris",
		"status=held":            "austin boston frankfurt lisbon sydney",
		"status=nonsense":        "",
		"cluster=eu-2":           "lisbon paris",
		"region=eu-west":         "lisbon paris",
		"organization=white":     "boston built-in paris",
		"sort=status":            "austin boston munich sydney lisbon built-in frankfurt paris",
		"sort=environments":      "frankfurt paris austin boston built-in lisbon munich sydney",
		"sort=version":           "built-in lisbon austin boston frankfurt munich paris sydney",
		"sort=nonsense":          "austin boston built-in frankfurt lisbon munich paris sydney",
		"group=cluster":          "built-in frankfurt munich lisbon paris austin boston sydney",
		"group=region&dir=down":  "munich frankfurt paris lisbon built-in sydney boston austin",
		"group=nonsense&q=paris": "paris",
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		v := viewOf(q)
		var got []string
		for _, r := range b.ordered(v) {
			if v.shows(r) {
				got = append(got, r.provider.Name)
			}
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
		if again := viewOf(v.query()); again != v {
			t.Errorf("%s: its own link is another view: %+v, %+v", query, v, again)
		}
	}
}

func TestLinksKeepTheRestOfTheView(t *testing.T) {
	v := viewOf(url.Values{"q": {"a b"}, "status": {"Error"}, "group": {"cluster"}, "open": {"frankfurt"}})
	for got, want := range map[string]string{
		v.SortBy("name"):   "/?dir=down&group=cluster&q=a+b&status=Error",
		v.SortBy("status"): "/?group=cluster&q=a+b&sort=status&status=Error",
		v.Only("Ready"):    "/?group=cluster&q=a+b&status=Ready",
		v.Only("Error"):    "/?group=cluster&q=a+b",
		v.Clear():          "/?group=cluster",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := viewOf(url.Values{"q": {strings.Repeat("x", 1000)}}); len(got.Text) > maxQuery+10 {
		t.Errorf("a query of %d letters is taken", len(got.Text))
	}
}

func TestABoardOfWhichTooMuchIsGoneIsLoadedAnew(t *testing.T) {
	w := newWorld()
	w.cluster("eu-1", "eu")
	w.report()
	var b board
	catchUp := func() seq { doc, _ := w.web.See(status.Viewer{All: true}).Status(); return b.catchUp(doc) }
	first := catchUp()
	if catchUp() != first {
		t.Error("the same document is another state")
	}
	for i := range keptGone + 1 {
		w.provider("eu-1", fmt.Sprint(strings.Repeat("x", 1+i%50), "-", i), 0)
	}
	w.report()
	second := catchUp()
	w.Want.Items = nil
	for name := range w.Want.Providers {
		if name != "built-in" {
			delete(w.Want.Providers, name)
		}
	}
	w.report()
	catchUp()
	for _, was := range []seq{first, second} {
		if news, _ := b.since(was, view{}); !news.Reset {
			t.Error("what is gone is not known, and nobody is told")
		}
	}
}
