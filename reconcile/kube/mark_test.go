package kube

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/workspace-providers/reconcile/reconcile"
)

func TestAccessURLsAsMarks(t *testing.T) {
	host := func(length int) string {
		return strings.Repeat("abcdefg.", 8)[:length-len("example.com")] + "example.com"
	}
	for _, tt := range []struct {
		url    string
		mark   string // empty: a hash
		hashed bool   // as its provider's alone, which leaves less room
	}{
		{url: "https://coder.example.com", mark: "https_coder.example.com"},
		{url: "http://coder.example.com:8443", mark: "http_coder.example.com_8443"},
		{url: "https://10.0.0.1:8443", mark: "https_10.0.0.1_8443"},
		{url: "https://" + host(51) + ":8", mark: "https_" + host(51) + "_8"},
		{url: "https://" + host(53), mark: "https_" + host(53)},
		{url: "https://" + host(54), mark: "https_" + host(54), hashed: true},
		{url: "https://" + host(57), mark: "https_" + host(57), hashed: true},
		{url: "https://" + host(58), hashed: true},
		{url: "https://[2001:db8::1]:8443", hashed: true},
		{url: "https://a_8", hashed: true}, // it would be read as port 8
		{url: "https://coder.example.com/path", hashed: true},
		{url: "nothing", hashed: true},
	} {
		t.Run(tt.url, func(t *testing.T) {
			want := tt.mark
			if want == "" {
				want = hashMark(tt.url)
			}
			if got := urlMark(tt.url, false); got != want {
				t.Errorf("it is marked as %q, want %q", got, want)
			}
			if own := urlMark(tt.url, true); strings.HasPrefix(own, ownMark+hashPrefix) != tt.hashed {
				t.Errorf("its provider's alone, it is marked as %q", own)
			}
			for _, own := range []bool{false, true} {
				mark := urlMark(tt.url, own)
				if errs := validation.IsValidLabelValue(mark); len(errs) > 0 {
					t.Errorf("%q is no label: %v", mark, errs)
				}
				rec := record{}
				news := rec.spell(tt.url)
				if got := urlOf(strings.TrimPrefix(mark, ownMark), urlsAlso(nil, rec)); got != tt.url {
					t.Errorf("it is read as %q", got)
				}
				if news != tt.hashed || rec.spell(tt.url) {
					t.Errorf("the record spells it out: %v", rec.URLs)
				}
			}
		})
	}
	if urlMark("", false) != "" || urlMark("", true) != "" {
		t.Error("no URL has a mark")
	}
	if got := urlOf(hashMark("https://nobody.knows"), nil); !strings.HasPrefix(got, hashPrefix) {
		t.Errorf("a hash that nobody knows is read as %q", got)
	}
}

func TestCommitsAsMarks(t *testing.T) {
	for sha, mark := range map[string]string{
		"": "", strings.Repeat("ab12", 10): strings.Repeat("ab12", 10), "dir:ab12": "dir.ab12",
		strings.Repeat("ab12", 16): "", // too long: a hash of 256 bits
		"a.b":                      "", "a b": "", "a:b:c": "",
	} {
		if got := commitMark(sha); got != mark || mark != "" && commitOf(got) != sha {
			t.Errorf("%q is marked as %q and read as %q", sha, got, commitOf(got))
		}
	}
}

// rev is a revision of ours.
func rev(number int, status release.Status, labels map[string]string) revision {
	all := merged(map[string]string{markRevision: strconv.Itoa(number), markDigest: "d" + strconv.Itoa(number)}, labels)
	return revision{number: number, status: status, labels: all, made: noon().Add(time.Duration(number) * time.Minute)}
}

func TestWhatRevisionsTell(t *testing.T) {
	url := func(mark string) map[string]string { return map[string]string{markAccessURL: mark} }
	commit := func(mark, number string) map[string]string {
		return map[string]string{markCommit: mark, markRevision: number}
	}
	const was, is = release.StatusSuperseded, release.StatusDeployed
	for name, tt := range map[string]struct {
		revs []revision
		want reconcile.Observed // Begun, Commit, InForce, AccessURL, FormerURL and OwnURL
	}{
		"what was begun":                   {[]revision{rev(1, is, nil), rev(2, release.StatusPendingUpgrade, nil)}, reconcile.Observed{InForce: 1, Begun: "d2"}},
		"a first install":                  {[]revision{rev(1, release.StatusPendingInstall, nil)}, reconcile.Observed{Begun: "d1"}},
		"going back":                       {[]revision{rev(1, is, nil), rev(2, release.StatusPendingRollback, nil)}, reconcile.Observed{InForce: 1}},
		"what somebody else began":         {[]revision{rev(1, is, nil), rev(2, release.StatusPendingUpgrade, commit("c", "1"))}, reconcile.Observed{InForce: 1}},
		"what is done":                     {[]revision{rev(1, is, nil)}, reconcile.Observed{InForce: 1}},
		"the commit":                       {[]revision{rev(1, was, commit("old", "1")), rev(2, is, commit("dir.ab", "2"))}, reconcile.Observed{InForce: 2, Commit: "dir:ab"}},
		"the commit under somebody else's": {[]revision{rev(1, was, commit("old", "1")), rev(2, is, commit("old", "1"))}, reconcile.Observed{InForce: 2}},
		"another URL before":               {[]revision{rev(1, was, url("https_a")), rev(2, is, url("https_b"))}, reconcile.Observed{InForce: 2, AccessURL: "https_b", FormerURL: "https_a"}},
		"the same URL before":              {[]revision{rev(1, was, url("https_a")), rev(2, is, url("https_a"))}, reconcile.Observed{InForce: 2, AccessURL: "https_a"}},
		"its own URL":                      {[]revision{rev(1, is, url("own.https_a"))}, reconcile.Observed{InForce: 1, AccessURL: "https_a", OwnURL: true}},
		"its own URL before":               {[]revision{rev(1, was, url("own.https_a")), rev(2, is, url("https_b"))}, reconcile.Observed{InForce: 2, AccessURL: "https_b"}},
		"the deployment's before its own":  {[]revision{rev(1, was, url("https_a")), rev(2, is, url("own.https_b"))}, reconcile.Observed{InForce: 2, AccessURL: "https_b", FormerURL: "https_a", OwnURL: true}},
	} {
		t.Run(name, func(t *testing.T) {
			obs := observe(tt.revs)
			got := reconcile.Observed{
				Begun: obs.Begun, Commit: obs.Commit, InForce: obs.InForce, AccessURL: obs.AccessURL, FormerURL: obs.FormerURL, OwnURL: obs.OwnURL,
			}
			if got, want := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", tt.want); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestThePastKnowsItsAccessURLs(t *testing.T) {
	long := "https://" + strings.Repeat("a", 60)
	rec := record{History: []transition{{Digest: "d4"}, {Digest: "d3"}, {Digest: "d2"}, {Digest: "d1"}, {Digest: "d0"}, {Error: "went back"}}}
	rec.spell(long)
	revs := []revision{
		rev(1, release.StatusSuperseded, map[string]string{markAccessURL: "https_a_1"}),
		rev(2, release.StatusSuperseded, map[string]string{markAccessURL: urlMark(long, false)}),
		rev(3, release.StatusSuperseded, map[string]string{markAccessURL: "own.https_a"}),
		rev(4, release.StatusDeployed, nil),
	}
	var got []string
	for _, was := range rec.past(revs, urlsAlso(nil, rec)) {
		got = append(got, was.Digest+" "+was.URL)
	}
	if want := []string{"d4 ", "d3 ", "d2 " + long, "d1 https://a:1", "d0 "}; strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the past is %q, want %q", got, want)
	}
}

// labels are our marks on a revision of release web.
func (w *world) labels(revision int) map[string]string {
	w.Helper()
	name := fmt.Sprintf("sh.helm.release.v1.web.v%d", revision)
	secret, err := w.kube.CoreV1().Secrets(w.space).Get(w.Context(), name, metav1.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	maps.DeleteFunc(secret.Labels, func(label, value string) bool {
		return value == "" || !strings.Contains(label, "workspace-providers.dev/")
	})
	return secret.Labels
}

// A release that was made before marks told as much as they do now gets them without a revision.
func TestMarksAreBroughtUpToDateAndTakenOff(t *testing.T) {
	w := newWorld(t)
	w.want.Commit.SHA = "dir:ab12"
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap}), map[string]any{"size": int64(1)})
	it.AccessURL, it.OwnURL, it.Release.Deletion = "https://a_8", true, reconcile.Orphan
	w.do(it.ID, reconcile.OpCreate)
	w.inSync(it.ID)
	whole := w.labels(1)
	if whole[markCommit] != "dir.ab12" || !strings.HasPrefix(whole[markAccessURL], "own.sha256.") {
		t.Fatalf("it is marked with %v", whole)
	}
	patch := fmt.Appendf(nil, `{"metadata":{"labels":{%q:null,%q:null}}}`, markCommit, markAccessURL)
	secrets := w.kube.CoreV1().Secrets(w.space)
	if _, err := secrets.Patch(t.Context(), "sh.helm.release.v1.web.v1", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	w.until("its URL to be unknown", func() bool { return w.plan(it.ID).Have.AccessURL == "" })
	w.saved(func(rec *record) { rec.URLs = nil })
	a := w.plan(it.ID)
	a.Op = reconcile.OpUpdate
	if err := w.cluster.Do(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if got := w.labels(1); !maps.Equal(got, whole) {
		t.Errorf("it is marked with %v, was %v", got, whole)
	}
	if rec := w.saved(nil); len(rec.URLs) != 1 || rec.URLs[0] != it.AccessURL {
		t.Errorf("the record spells out %v", rec.URLs)
	}
	if obs := w.plan(it.ID).Have; obs.AccessURL != it.AccessURL || !obs.OwnURL || obs.Revision != 1 {
		t.Errorf("then it is %+v", obs)
	}
	id := it.ID
	w.want.Items = nil
	w.do(id, reconcile.OpOrphan)
	if got := w.labels(1); len(got) > 0 {
		t.Errorf("left are %v", got)
	}
}
