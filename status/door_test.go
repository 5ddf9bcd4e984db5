package status

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/reconcile"
)

// guarded is a world with one provider that is in place, with its guard, for blue and red.
func guarded() *world {
	w := newWorld()
	w.put(w.want("eu", "frankfurt", ""), nil)
	w.guard("frankfurt", reconcile.Enforce, "blue", "red")
	w.putGuard("frankfurt", nil)
	return w
}

// What guards a provider is no release of it, and the provider is not applied before it is in place.
func TestAGuardIsPartOfItsProvider(t *testing.T) {
	denied := errors.New("forbidden")
	fail := func(w *world) {
		for _, a := range w.report().Plan.Actions {
			if a.ID.Kind == reconcile.KindAdmission {
				w.Failed[a.ID] = denied
			}
		}
	}
	for name, c := range map[string]struct {
		world   func(*world)
		status  Status
		applied bool
		message string
		held    reconcile.Reason
	}{
		"in place": {func(*world) {}, Ready, true, "", ""},
		"not there": {func(w *world) {
			w.in("eu", func(c *reconcile.ClusterLive) { c.Admissions = nil })
		}, Ready, false, "", ""},
		"it cannot be put in place": {func(w *world) {
			w.in("eu", func(c *reconcile.ClusterLive) { c.Admissions = nil })
			fail(w)
		}, Error, false, "AdmissionPolicy coder/frankfurt: forbidden", ""},
		"it could not be put in place and is now": {fail, Ready, true, "", ""},
		"environments are being counted": {func(w *world) {
			w.putGuard("frankfurt", func(live *reconcile.AdmissionLive) { live.Mode, live.Digest = reconcile.EnforceAudit, "old" })
			w.in("eu", func(c *reconcile.ClusterLive) { c.Counted = false })
		}, Ready, false, "", reconcile.Settling},
		"an organization left and has environments": {func(w *world) {
			w.guard("frankfurt", reconcile.Enforce, "blue")
			w.people("frankfurt", "red")
		}, Ready, true, "", reconcile.Occupied},
		"an organization left and has none": {func(w *world) { w.guard("frankfurt", reconcile.Enforce, "blue") },
			Ready, false, "", ""},
		"its cluster is down": {func(w *world) { w.lose("eu") }, Error, false,
			"cluster eu cannot be reached: dial tcp 10.0.0.1:6443: connect: connection refused", reconcile.Unknown},
	} {
		w := guarded()
		c.world(w)
		p := w.provider(t, "frankfurt")
		var held reconcile.Reason
		if len(p.Holds) > 0 {
			held = p.Holds[0].Reason
		}
		if p.Status != c.status || p.Applied != c.applied || p.Message != c.message || held != c.held || len(p.Releases) != 1 {
			t.Errorf("%s: %s applied %v %q held %q, %d releases", name, p.Status, p.Applied, p.Message, held, len(p.Releases))
		}
	}
}

// A provider whose guard alone is still there is listed, as not declared any more.
func TestWhatIsLeftOfAGuardIsListed(t *testing.T) {
	w := guarded()
	w.putGuard("frankfurt", func(live *reconcile.AdmissionLive) { live.Mode = reconcile.EnforceAudit })
	delete(w.Want.Providers, "frankfurt")
	w.Want.Items = nil
	clear(w.Live.Clusters["eu"].Releases)
	p := w.provider(t, "frankfurt")
	if p.Declared || p.Applied || p.Message != "not declared any more" || p.Cluster != "eu" {
		t.Errorf("%+v", p)
	}
}

func TestWhatIsInForce(t *testing.T) {
	for name, c := range map[string]struct {
		world func(*world)
		want  Enforcement
	}{
		"as declared": {func(*world) {}, Enforcement{reconcile.Enforce, reconcile.Enforce, ""}},
		"nothing yet": {func(w *world) { w.in("eu", func(c *reconcile.ClusterLive) { c.Admissions = nil }) },
			Enforcement{reconcile.EnforceOff, reconcile.Enforce, "it is being put in place"}},
		"somebody else's": {func(w *world) {
			w.putGuard("frankfurt", func(live *reconcile.AdmissionLive) { live.Owner = "other" })
		}, Enforcement{reconcile.EnforceOff, reconcile.Enforce, "it is being put in place"}},
		"edited": {func(w *world) {
			w.putGuard("frankfurt", func(live *reconcile.AdmissionLive) {
				live.Drift = []reconcile.Drift{{Object: "ValidatingAdmissionPolicy/x", Message: "is not as it was written"}}
			})
		}, Enforcement{reconcile.Enforce, reconcile.Enforce, "it was edited: ValidatingAdmissionPolicy/x is not as it was written"}},
		"the cluster is too old": {func(w *world) {
			w.in("eu", func(c *reconcile.ClusterLive) { c.Unenforceable = "too old" })
		}, Enforcement{reconcile.EnforceOff, reconcile.Enforce, "too old"}},
		"the cluster is down": {func(w *world) { w.lose("eu") }, Enforcement{reconcile.Enforce, reconcile.Enforce, "its cluster cannot be seen"}},
		"held": {func(w *world) {
			w.putGuard("frankfurt", func(live *reconcile.AdmissionLive) { live.Mode, live.Digest = reconcile.EnforceAudit, "old" })
			w.people("frankfurt", "?")
		}, Enforcement{reconcile.EnforceAudit, reconcile.Enforce, "held, unrecognised: enforcement begins when it is known whose " +
			"they are: 1 environment: ada/ws-0; say in organizations: match: how they are recognised"}},
		"audit, for whom is not told": {func(w *world) {
			w.guard("frankfurt", reconcile.EnforceAudit, "blue", "white")
			w.putGuard("frankfurt", nil)
		}, Enforcement{reconcile.EnforceAudit, reconcile.EnforceAudit, "organizations do not say how they are recognised: white"}},
	} {
		w := guarded()
		c.world(w)
		if diff := cmp.Diff(c.want, w.provider(t, "frankfurt").Enforcement); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestPeopleAreCounted(t *testing.T) {
	w := guarded()
	p := w.Want.Providers["frankfurt"]
	p.Cordoned = "full"
	p.Until = map[string]time.Time{"red": epoch()}
	w.Want.Providers["frankfurt"] = p
	w.people("frankfurt", "red stopped", "blue", "red", "?", "prebuilt")
	w.putGuard("frankfurt", func(live *reconcile.AdmissionLive) { live.Organizations["red"] = false })
	got := w.provider(t, "frankfurt")
	want := []Headcount{{"", 1, 1, 1}, {"blue", 1, 1, 0}, {"red", 2, 1, 0}}
	if diff := cmp.Diff(want, got.Environments); diff != "" || !got.Counted {
		t.Error(diff)
	}
	if diff := cmp.Diff(&Drain{4, map[string]int{"": 1, "blue": 1, "red": 2}}, got.Drain); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"blue"}, got.Organizations); diff != "" {
		t.Errorf("a grant that has ended: %s", diff)
	}
	if diff := cmp.Diff([]string{"red"}, got.Closed); diff != "" {
		t.Error(diff)
	}
	w.in("eu", func(c *reconcile.ClusterLive) { c.Counted = false })
	if got = w.provider(t, "frankfurt"); got.Counted || got.Environments != nil || got.Drain != nil {
		t.Errorf("not counted: %+v", got)
	}
}

// A part of everything says nothing of the whole.
func TestANarrowedViewSaysNothingOfTheWhole(t *testing.T) {
	w := guarded()
	w.Want.Narrowed = true
	w.Head.SHA, w.HeadErr = "badbadbad", errors.New("a.cue:1:1: x")
	w.Want.Commit = w.Commit
	for _, l := range Lines(w.report()) {
		if l.Context == lineContext("acme") {
			t.Errorf("%+v", l)
		}
	}
	if len(Lines(w.report())) == 0 {
		t.Error("it says nothing of its clusters either")
	}
}

func TestWhatIsStoppedIsNamedOnTheCommit(t *testing.T) {
	w := guarded()
	w.in("eu", func(c *reconcile.ClusterLive) {
		c.Admissions = nil
		c.Freezes = []reconcile.Freeze{{Reason: "incident", By: "ada", Until: epoch().Add(time.Hour)}}
	})
	l := Lines(w.report())[0]
	if l.State != StateSuccess || !strings.HasSuffix(l.Text, "; frankfurt frozen") {
		t.Errorf("%+v", l)
	}
}
