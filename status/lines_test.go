package status

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/workspace-providers/reconcile/reconcile"
)

// TestCommitStatuses shows for each situation the lines that stand on the commit, as "context state text",
// with "reconcile/acme/apply" shortened to "apply".
func TestCommitStatuses(t *testing.T) {
	broken := func(o *reconcile.Observed) {
		o.Health, o.Message = reconcile.Unhealthy, "container envproxy: CrashLoopBackOff"
	}
	old := func(o *reconcile.Observed) { o.Digest = "old" }
	for _, test := range []struct {
		name  string
		world func(w *world)
		want  []string
	}{
		{"a first commit under way", func(w *world) {
			w.put(w.want("eu", "frankfurt", ""), nil)
			w.want("us", "boston", "")
		}, []string{
			"apply pending 2 of 3 providers applied",
			"apply/built-in success 1 of 1 Ready",
			"apply/eu success 1 of 1 Ready",
			"apply/us pending 0 of 1 providers applied",
		}},
		{"applied, and coming up", func(w *world) {
			w.put(w.want("eu", "frankfurt", ""), func(o *reconcile.Observed) { o.Health = reconcile.Progressing })
		}, []string{
			"apply pending 2 of 2 providers applied, 1 Ready",
			"apply/built-in success 1 of 1 Ready",
			"apply/eu pending 1 of 1 providers applied, 0 Ready",
		}},
		{"everything in place", func(w *world) {
			w.put(w.want("eu", "frankfurt", ""), nil)
		}, []string{
			"apply success 2 of 2 Ready", "apply/built-in success 1 of 1 Ready", "apply/eu success 1 of 1 Ready",
		}},
		{"a provider fails", func(w *world) {
			w.put(w.want("eu", "frankfurt", ""), broken)
			w.put(w.want("eu", "paris", ""), broken)
		}, []string{
			"apply failure eu/frankfurt: container envproxy: CrashLoopBackOff; and 1 more",
			"apply/built-in success 1 of 1 Ready",
			"apply/eu failure eu/frankfurt: container envproxy: CrashLoopBackOff; and 1 more",
		}},
		{"the state follows what the commit changed, the rest is counted", func(w *world) {
			w.put(w.want("eu", "frankfurt", ""), nil)
			w.put(w.want("us", "boston", ""), broken)
			w.put(w.want("eu", "paris", ""), broken)
			w.Changed = map[string]bool{"frankfurt": true}
		}, []string{
			"apply success 1 of 1 changed Ready; 2 others in Error",
			"apply/eu success 1 of 1 changed Ready; 1 other in Error",
		}},
		{"a change of some under way", func(w *world) {
			w.put(w.want("eu", "frankfurt", ""), old)
			w.put(w.want("eu", "paris", ""), nil)
			w.put(w.want("us", "boston", ""), broken)
			w.Changed = map[string]bool{"frankfurt": true, "paris": true}
		}, []string{
			"apply pending 1 of 2 changed providers applied; 1 other in Error",
			"apply/eu pending 1 of 2 providers applied",
		}},
		{"a commit that changes no provider", func(w *world) {
			w.put(w.want("us", "boston", ""), broken)
			w.Changed = map[string]bool{}
		}, []string{"apply success no provider changed; 1 other in Error"}},
		{"a removed provider is gone", func(w *world) {
			w.put(w.want("eu", "frankfurt", ""), nil)
			w.Changed = map[string]bool{"frankfurt": true, "paris": true}
		}, []string{
			"apply success 1 of 1 changed Ready; 1 removed",
			"apply/eu success 1 of 1 Ready",
		}},
		{"a removed provider may not go", func(w *world) {
			w.put(w.want("eu", "frankfurt", ""), nil)
			w.Want.Items = nil
			delete(w.Want.Providers, "frankfurt")
			w.Changed = map[string]bool{"frankfurt": true}
		}, []string{
			"apply failure eu/frankfurt: held, blocked: deletion policy block stands on its release; to remove it, " +
				"declare removed: \"frankfurt\": {policy: \"uninstall\"…",
			"apply/eu failure eu/frankfurt: held, blocked: deletion policy block stands on its release; to remove it, " +
				"declare removed: \"frankfurt\": {policy: \"uninstall\"…",
		}},
		{"held by a declaration", func(w *world) {
			it := w.want("eu", "frankfurt", "")
			w.put(it, old)
			w.edit(it.ID, func(it *reconcile.Item) { it.Suspended = "maintenance" })
		}, []string{
			"apply success 1 of 2 Ready; frankfurt suspended",
			"apply/built-in success 1 of 1 Ready",
			"apply/eu success 0 of 1 Ready; frankfurt suspended",
		}},
		{"a cordon holds nothing up", func(w *world) {
			w.put(w.want("eu", "frankfurt", ""), old)
			p := w.Want.Providers["frankfurt"]
			p.Cordoned = "full"
			w.Want.Providers["frankfurt"] = p
		}, []string{
			"apply pending 1 of 2 providers applied",
			"apply/built-in success 1 of 1 Ready",
			"apply/eu pending 0 of 1 providers applied",
		}},
		{"held until a person acts", func(w *world) {
			w.put(w.want("eu", "frankfurt", ""), func(o *reconcile.Observed) { o.Owner, o.Manager = "", "Flux" })
		}, []string{
			"apply failure eu/frankfurt: held, not ours: a release of this name is managed by Flux",
			"apply/built-in success 1 of 1 Ready",
			"apply/eu failure eu/frankfurt: held, not ours: a release of this name is managed by Flux",
		}},
		{"a cluster is unreachable", func(w *world) {
			w.put(w.want("eu", "frankfurt", ""), nil)
			w.lose("eu")
		}, []string{
			"apply failure eu/frankfurt: cluster eu cannot be reached: dial tcp 10.0.0.1:6443: connect: connection refused",
			"apply/built-in success 1 of 1 Ready",
			"apply/eu failure unreachable since 2026-10-09 14:02 UTC: dial tcp 10.0.0.1:6443: connect: connection refused",
		}},
		{"what was not looked at yet is not posted", func(w *world) {
			w.put(w.want("eu", "frankfurt", ""), nil)
			w.want("us", "boston", "")
			w.Live.Clusters["us"] = reconcile.ClusterLive{}
		}, []string{
			"apply pending 2 of 3 providers applied (unsure)",
			"apply/built-in success 1 of 1 Ready",
			"apply/eu success 1 of 1 Ready",
			"apply/us pending 0 of 1 providers applied (unsure)",
		}},
		{"an invalid head", func(w *world) {
			w.Changed = map[string]bool{}
			w.Head.SHA = "badbadbad"
			w.HeadErr = errors.New("providers.cue:12:3: providers.x.cluster: \"mars\" is not declared\nproviders.cue:14:1: b\nc")
		}, []string{
			"badbadb: apply failure providers.cue:12:3: providers.x.cluster: \"mars\" is not declared; and 2 more",
			"apply success no provider changed",
		}},
		{"no revision was ever valid", func(w *world) {
			w.Commit, w.Want = reconcile.Commit{}, reconcile.Desired{}
			w.HeadErr = errors.New("a.cue:1:1: x")
		}, []string{"reconcile/apply failure a.cue:1:1: x"}},
		{"no revision was ever valid, and its name is known", func(w *world) {
			w.Commit, w.Want = reconcile.Commit{}, reconcile.Desired{Owner: "acme"}
			w.HeadErr = errors.New("a.cue:1:1: x")
		}, []string{"apply failure a.cue:1:1: x"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld()
			test.world(w)
			if diff := cmp.Diff(test.want, lineTexts(w.report())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func lineTexts(r reconcile.Report) []string {
	var out []string
	for _, l := range Lines(r) {
		text := fmt.Sprintf("%s %s %s", strings.TrimPrefix(l.Context, "reconcile/acme/"), l.State, l.Text)
		if l.SHA != r.Commit.SHA && r.Commit.SHA != "" {
			text = short(l.SHA) + ": " + text
		}
		if l.Unsure {
			text += " (unsure)"
		}
		out = append(out, text)
	}
	return out
}

func TestSupersededNamesTheNewCommitAndHowFarItWas(t *testing.T) {
	got := superseded(Line{Done: 7, Total: 12}, "1a2b3c4d5e")
	if want := "superseded by 1a2b3c4 at 7 of 12"; got.Text != want || got.State != StateError {
		t.Errorf("got %+v, want %s", got, want)
	}
}

func TestNoTextIsTooLongOrLeavesItsLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		it := w.want("eu", "frankfurt", "")
		message := rapid.OneOf(rapid.String(), rapid.StringN(130, 150, -1), rapid.SampledFrom([]string{
			strings.Repeat("ä", 200), strings.Repeat("\u202e@all ", 60), "a\nb\r\x1b[2J\x00", "\xff\xfe",
		})).Draw(t, "message")
		w.put(it, func(o *reconcile.Observed) { o.Health, o.Message = reconcile.Unhealthy, message })
		w.Head.SHA, w.HeadErr = "bad", errors.New(message)
		if rapid.Bool().Draw(t, "unreachable") {
			w.lose("eu")
		}
		for _, l := range Lines(w.report()) {
			n, control := utf8.RuneCountInString(l.Text), strings.ContainsFunc(l.Text, unicode.IsControl)
			if n > MaxText || control || !utf8.ValidString(l.Text) {
				t.Errorf("%d characters: %q", n, l.Text)
			}
		}
	})
}

func TestFitKeepsTheTail(t *testing.T) {
	for _, test := range []struct {
		text, tail string
		n          int
		want       string
	}{
		{"abc", "; 2 more", 20, "abc; 2 more"},
		{"abcdefghijklmnop", "; 2 more", 20, "abcdefghijk…; 2 more"},
		{"ab cdefgh", "", 4, "ab…"},
		{"äöüäöü", "", 4, "äöü…"},
		{"abcdef", "123456789", 8, "abc…123…"},
	} {
		if got := fit(test.text, test.tail, test.n); got != test.want {
			t.Errorf("fit(%q, %q, %d) = %q, want %q", test.text, test.tail, test.n, got, test.want)
		}
	}
}

func TestALongPlaceLeavesRoomForTheCause(t *testing.T) {
	cluster, provider := strings.Repeat("c", 62)+"1", strings.Repeat("p", 62)+"2"
	cause := "ImagePullBackOff: registry.example.com/envproxy:1.44.0 was not found there, and nowhere else either"
	w := newWorld()
	delete(w.Want.Providers, "built-in")
	w.Live.Clusters[cluster] = w.Live.Clusters["eu"]
	w.put(w.want(cluster, provider, ""), func(o *reconcile.Observed) { o.Health, o.Message = reconcile.Unhealthy, cause })
	w.Head.SHA = "badbadbad"
	w.HeadErr = errors.New("providers/" + provider + ".yaml:1200:3: providers." + provider + ".values.x: found \"mars\": must be one of " +
		cause + "\nb")
	want := []string{
		"badbadb: apply failure providers/pppppppppp…pppppppp2.yaml:1200:3: providers.p…p2.values.x: found \"mars\": must be one of",
		"apply failure cccccccccccccccccccccc…pppppppppppppppppppppp2: ImagePullBackOff: registry.example.com/envproxy:1.44.0",
	}
	for i, got := range lineTexts(w.report())[:2] {
		if !strings.HasPrefix(got, want[i]) {
			t.Errorf("got  %s\nwant %s…", got, want[i])
		}
	}
	for _, test := range []struct{ at, cause, tail, want string }{
		{"eu/frankfurt", "crashed", "; x", "eu/frankfurt: crashed; x"},
		{"abcdefghijklmnopqrstuvwxyz", "why", "", "abcdefghijk…pqrstuvwxyz: why"}, // cut no more than needed
		{"abcdefghijklmnopqrstuvwxyz", "a cause that is long itself", "", "abcd…wxyz: a cause that is…"},
	} {
		if got := placed(test.at, test.cause, test.tail, 28); got != test.want {
			t.Errorf("placed(%q, %q, %q) = %q, want %q", test.at, test.cause, test.tail, got, test.want)
		}
	}
}
