package reconcile

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestARenamedProviderLosesNothing plays a rename to its end: the release stays, the guard is under the new
// name before it goes under the old one, and who leaves by the same revision leaves after that.
func TestARenamedProviderLosesNothing(t *testing.T) {
	s := newScene()
	s.rekeyed()
	p := s.want.Providers["berlin"]
	p.Organizations = []string{"blue"}
	s.want.Providers["berlin"] = p
	s.have.Policy = Block
	s.item.Release.Deletion = Block
	for _, a := range s.plan().Actions {
		switch {
		case a.ID.Kind == KindRelease && (a.Op != OpUpdate || a.Digest != a.Have.Digest || a.Provider != "berlin"):
			t.Errorf("release %s: %s (%s), digest %s, was %s", a.ID, a.Op, a.Message, a.Digest, a.Have.Digest)
		case a.ID.Kind == KindAdmission && (a.Op != OpUpdate || a.Have.Provider != "frankfurt"):
			t.Errorf("guard %s: %s (%s) from %s", a.ID, a.Op, a.Message, a.Have.Provider)
		case a.ID.Kind == KindAllowlist && !slices.Contains(a.After, ID{"eu", KindAdmission, "coder", "berlin"}):
			t.Errorf("%s of %s does not wait for the guard: %v", a.Op, a.ID, a.After)
		}
	}
}

// TestWhichReleaseARenamedProviderKeeps: the one at its own place, else one of its own marks, else one of a
// former name; in its own cluster and namespace, and of nobody else.
func TestWhichReleaseARenamedProviderKeeps(t *testing.T) {
	at := func(namespace, name string) ID { return ID{"eu", KindRelease, namespace, name} }
	of := func(provider, organization string) Observed {
		return Observed{Owner: "acme", Provider: provider, Organization: organization, State: Deployed}
	}
	for _, test := range []struct {
		name string
		have map[ID]Observed
		want string
	}{
		{"none is there", nil, "new"},
		{"its own is there too", map[ID]Observed{at("coder", "new"): of("new", ""), at("coder", "old"): of("old", "")}, "new"},
		{"of a former name", map[ID]Observed{at("coder", "old"): of("old", "")}, "old"},
		{"marked already", map[ID]Observed{at("coder", "old"): of("new", "")}, "old"},
		{"with a name of its own", map[ID]Observed{at("coder", "frankfurt-1"): of("old", "")}, "frankfurt-1"},
		{"in another namespace", map[ID]Observed{at("other", "old"): of("old", "")}, "new"},
		{"of an organization", map[ID]Observed{at("coder", "old"): of("old", "red")}, "new"},
		{"of another deployment", map[ID]Observed{at("coder", "old"): {Owner: "other", Provider: "old", State: Deployed}}, "new"},
		{"wanted by another provider", map[ID]Observed{at("coder", "main"): of("old", "")}, "new"},
		{"uninstalled", map[ID]Observed{at("coder", "old"): {Owner: "acme", Provider: "old"}}, "new"},
	} {
		t.Run(test.name, func(t *testing.T) {
			renamed := testItem("eu", "new")
			renamed.Previous = []string{"old"}
			want := Desired{Owner: "acme", Items: []Item{testItem("eu", "main"), renamed}}
			have := Live{Clusters: map[string]ClusterLive{"eu": {Releases: test.have}}}
			if got := want.Resolve(have).Items[1].ID.Name; got != test.want {
				t.Errorf("it is release %s, want %s", got, test.want)
			}
			if want.Items[1].ID.Name != "new" {
				t.Error("what was declared has changed")
			}
		})
	}
}

// TestTheLoopLooksAtTheReleaseThatARenamedProviderKeeps: the fleet is told its name, and once.
func TestTheLoopLooksAtTheReleaseThatARenamedProviderKeeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := testItem("eu", "frankfurt")
		r := newRig(before)
		r.start()
		time.Sleep(2 * time.Second)
		after := testItem("eu", "berlin")
		after.Previous = []string{"frankfurt"}
		r.want("two", after)
		r.poke()
		time.Sleep(5 * time.Second)
		rep := r.stop()
		if diff := cmp.Diff([]string{"create frankfurt for one", "update frankfurt for two"}, words(r.begun("eu"))); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		var used []string
		for _, want := range r.fleet.used {
			used = append(used, want.Items[0].ID.Name)
		}
		if diff := cmp.Diff([]string{"frankfurt", "berlin", "frankfurt"}, used); diff != "" {
			t.Errorf("the fleet was told, -want +got:\n%s", diff)
		}
		if rep.Want.Items[0].ID != before.ID || rep.Want.Items[0].Provider != "berlin" {
			t.Errorf("the report is about %+v", rep.Want.Items[0])
		}
	})
}
