package reconcile

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// guarded gives the scene's provider a door, which organization red may enter; both as declared. Rows about
// it are about the door, or about an organization.
func (s *scene) guarded() {
	admission := Admission{
		Mode: Enforce, Namespaces: []string{"coder", "red"},
		Recognition: Recognition{Organizations: map[string]Match{"red": {Namespaces: []string{"red"}}, "blue": {Namespaces: []string{"blue"}}}},
	}
	admission.Seal()
	s.want.Providers = map[string]ProviderWant{"frankfurt": {
		Cluster: "eu", Namespace: "coder", Organizations: []string{"red"}, Admission: &admission,
	}}
	s.cluster.Admissions = map[string]AdmissionLive{"frankfurt": {
		Admission: admission, Owner: "acme", Namespace: "coder", Organizations: map[string]bool{"red": true},
	}}
	s.about = ID{Cluster: "eu", Kind: KindAdmission, Namespace: "coder", Name: "frankfurt"}
}

// declare changes what is declared of the provider.
func (s *scene) declare(change func(p *ProviderWant)) {
	p := s.want.Providers["frankfurt"]
	admission := *p.Admission
	p.Admission = &admission
	change(&p)
	p.Admission.Seal()
	s.want.Providers["frankfurt"] = p
}

// door changes what the cluster has of the door.
func (s *scene) door(change func(live *AdmissionLive)) {
	live := s.cluster.Admissions["frankfurt"]
	change(&live)
	s.cluster.Admissions["frankfurt"] = live
}

// entering makes the row about an organization that may come in.
func (s *scene) entering(organization string) {
	s.guarded()
	s.declare(func(p *ProviderWant) { p.Organizations = []string{organization, "red"} })
	s.about.Kind, s.about.Name = KindAllowlist, "frankfurt/"+organization
}

// leaving makes the row about organization red, which may not come in any more.
func (s *scene) leaving() {
	s.guarded()
	s.declare(func(p *ProviderWant) { p.Organizations = nil })
	s.about.Kind, s.about.Name = KindAllowlist, "frankfurt/red"
}

// rekeyed gives the provider another name.
func (s *scene) rekeyed() {
	s.guarded()
	s.renamed()
	p := s.want.Providers["frankfurt"]
	p.Previous = []string{"frankfurt"}
	s.want.Providers = map[string]ProviderWant{"berlin": p}
}

// doorless removes the provider and its door from what is declared; its release is gone already.
func (s *scene) doorless(policy Policy) {
	s.guarded()
	s.wanted, s.have = false, Observed{}
	s.want.Providers = nil
	s.door(func(live *AdmissionLive) { live.Deletion = policy })
}

// doorDecisions are the rows for what guards a provider, and for who may come in.
func doorDecisions() []row {
	return []row{
		{"the guard is not there", OpCreate, Missing, NoClass, func(s *scene) { s.guarded(); s.cluster.Admissions = nil }},
		{"the guard was not put in place whole", OpCreate, Missing, NoClass, func(s *scene) {
			s.guarded()
			s.door(func(live *AdmissionLive) { live.Digest = "" })
		}},
		{"the guard has other inputs", OpUpdate, Changed, NoClass, func(s *scene) {
			s.guarded()
			s.declare(func(p *ProviderWant) { p.Admission.Cordoned = "moving" })
		}},
		{"the guard was edited", OpRepair, Drifted, NoClass, func(s *scene) {
			s.guarded()
			s.door(func(live *AdmissionLive) { live.Drift = []Drift{{Object: "ConfigMap/a"}} })
		}},
		{"the guard is as declared", OpKeep, InSync, NoClass, func(s *scene) { s.guarded() }},
		{"it begins to enforce, environments were not counted", OpHold, Settling, Progress, func(s *scene) {
			s.guarded()
			s.cluster.Admissions, s.cluster.Counted = nil, false
		}},
		{"it begins to enforce, and it is not known for whom", OpHold, Unrecognised, Person, func(s *scene) {
			s.guarded()
			s.cluster.Admissions = nil
			s.populate(Environment{ID: "1"})
		}},
		{"its provider had another name before", OpUpdate, Changed, NoClass, func(s *scene) { s.rekeyed(); s.about.Name = "berlin" }},
		{"its provider has another name, nothing guards that yet", "", "", "", func(s *scene) { s.rekeyed() }},
		{"its provider has another name, which is guarded", OpDelete, Orphaned, NoClass, func(s *scene) {
			s.rekeyed()
			s.cluster.Admissions["berlin"] = s.cluster.Admissions["frankfurt"]
			s.populate(Environment{ID: "1", Organization: "red"})
			s.door(func(live *AdmissionLive) { live.Deletion = Block })
		}},
		{"an organization is new on the allowlist", OpCreate, Missing, NoClass, func(s *scene) { s.entering("blue") }},
		{"it comes back while the door is closed to it", OpUpdate, Changed, NoClass, func(s *scene) {
			s.entering("blue")
			s.door(func(live *AdmissionLive) { live.Organizations["blue"] = false })
		}},
		{"an organization left, its environments are there", OpHold, Occupied, Person, func(s *scene) {
			s.leaving()
			s.populate(Environment{ID: "1", Organization: "red"})
		}},
		{"an organization left, others' environments are there", OpDelete, Orphaned, NoClass, func(s *scene) {
			s.leaving()
			s.populate(Environment{ID: "1", Organization: "blue"}, Environment{ID: "2", Organization: "red", Prebuilt: true})
		}},
		{"an organization's grant has ended", OpDelete, Orphaned, NoClass, func(s *scene) {
			s.leaving()
			s.declare(func(p *ProviderWant) {
				p.Organizations, p.Until = []string{"red"}, map[string]time.Time{"red": noon()}
			})
		}},
		{"an organization left, its cluster is not seen", OpHold, Unknown, Person, func(s *scene) { s.leaving(); s.lose() }},
		{"an organization left, the provider is suspended", OpHold, Suspended, Declared, func(s *scene) {
			s.leaving()
			s.declare(func(p *ProviderWant) { p.Suspended = "audit" })
		}},
		{"its provider is gone, its policy is block", OpHold, Blocked, Person, func(s *scene) { s.doorless(Block) }},
		{"its provider is gone, its policy is uninstall", OpDelete, Orphaned, NoClass, func(s *scene) { s.doorless(Uninstall) }},
		{"its provider is gone, the release says why it stays", "", "", "", func(s *scene) {
			s.doorless(Block)
			s.have = inPlace(s.item)
		}},
	}
}

func TestWhoIsRemovedStaysKnownWhileHeld(t *testing.T) {
	s := newScene()
	s.leaving()
	s.declare(func(p *ProviderWant) {
		p.Admission.Namespaces = []string{"coder"}
		p.Admission.Recognition.Organizations = map[string]Match{"blue": {Namespaces: []string{"blue"}}}
	})
	s.populate(Environment{ID: "1", Organization: "red"})
	for _, a := range s.plan().Actions {
		if a.ID.Kind == KindAdmission && (a.Op != OpKeep || !has(a.Want.Admission.Recognition.Organizations, "red")) {
			t.Errorf("%s (%s): %s", a.Op, a.Reason, a.Diff)
		}
	}
}

func TestTheOrderAroundADoor(t *testing.T) {
	for _, test := range []struct {
		name  string
		given func(s *scene)
		want  []string
	}{
		{"coming", func(s *scene) { s.guarded(); s.cluster.Admissions, s.have = nil, Observed{} }, []string{
			"create AdmissionPolicy after Allowlist", "create Allowlist after ", "create Release after AdmissionPolicy Allowlist",
		}},
		{"while the guard is being written", func(s *scene) {
			s.guarded()
			s.cluster.Admissions, s.have = nil, Observed{}
			s.live.Clusters["eu"] = s.cluster
			s.locked = s.about
		}, []string{
			"create Allowlist after ", "create Release after AdmissionPolicy Allowlist", "hold AdmissionPolicy after Allowlist",
		}},
		{"going", func(s *scene) {
			s.guarded()
			s.orphaned(Uninstall)
			s.want.Providers = nil
			s.door(func(l *AdmissionLive) { l.Deletion = Uninstall })
		}, []string{
			"delete AdmissionPolicy after Allowlist Release", "delete Allowlist after ", "delete Release after Allowlist",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene()
			test.given(s)
			s.want.Limits.Raised, s.want.Limits.RaisedUntil = 9, noon().Add(time.Hour)
			var got []string
			for _, a := range s.plan().Actions {
				var after []string
				for _, id := range a.After {
					after = append(after, id.Kind)
				}
				got = append(got, string(a.Op)+" "+a.ID.Kind+" after "+strings.Join(after, " "))
			}
			slices.Sort(got)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestEachOrganizationThatLeavesCounts(t *testing.T) {
	s := fleetOf(0)
	s.cluster.Admissions, s.want.Providers = map[string]AdmissionLive{}, map[string]ProviderWant{}
	for _, name := range strings.Split("abcdef", "") {
		s.cluster.Admissions[name] = AdmissionLive{Owner: "acme", Admission: Admission{Digest: "same"}, Organizations: map[string]bool{"red": true}}
		s.want.Providers[name] = ProviderWant{Cluster: "eu", Admission: &Admission{Digest: "same"}}
	}
	s.live.Clusters["eu"] = s.cluster
	if deleted, guarded := s.outcome(); deleted != 0 || guarded != 6 {
		t.Errorf("%d deleted, %d guarded; want 0 and 6", deleted, guarded)
	}
	s.want.Limits.Raised, s.want.Limits.RaisedUntil = 6, noon().Add(time.Hour)
	if deleted, guarded := s.outcome(); deleted != 6 || guarded != 0 {
		t.Errorf("raised: %d deleted, %d guarded; want 6 and 0", deleted, guarded)
	}
}

func TestAHoldNamesTheFirstTenEnvironments(t *testing.T) {
	s := newScene()
	s.leaving()
	var all []Environment
	for _, id := range strings.Split("abcdefghijkl", "") {
		all = append(all, Environment{ID: id, Organization: "red", Owner: "ada", Name: id})
	}
	s.populate(all...)
	for _, a := range s.plan().Actions {
		if want := "12 environments: ada/a (red), "; a.ID == s.about &&
			(!strings.HasPrefix(a.Message, want) || !strings.Contains(a.Message, "ada/j (red) and 2 more")) {
			t.Errorf("message %q", a.Message)
		}
	}
}
