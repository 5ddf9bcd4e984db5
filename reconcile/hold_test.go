package reconcile

import (
	"strings"
	"testing"
)

func TestAHoldShowsWhatItWouldBe(t *testing.T) {
	for _, test := range []struct {
		name  string
		would Op
		given func(s *scene)
	}{
		{"not ours", OpAdopt, func(s *scene) { s.have.Owner = "" }},
		{"rolled back", OpUpdate, func(s *scene) { s.have.Attempted, s.have.Digest = s.item.Base, another }},
		{"suspended", OpCreate, func(s *scene) { s.have, s.item.Suspended = Observed{}, "audit" }},
		{"blocked", OpDelete, func(s *scene) { s.orphaned(Block) }},
		{"guarded", OpOrphan, func(s *scene) { s.orphaned(Orphan); s.want.Empty = true }},
		{"unknown", "", func(s *scene) { s.lose() }},
		{"settling", "", func(s *scene) { s.have.Health = Progressing }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene()
			test.given(s)
			if a := s.plan().Actions[0]; a.Op != OpHold || a.Would != test.would {
				t.Errorf("%s, would %q; want %q", a.Op, a.Would, test.would)
			}
		})
	}
}

func TestAMessageSaysWhatPeopleCanUse(t *testing.T) {
	drift := []Drift{{Object: "Deployment/envproxy", Field: "/spec/replicas", Message: "3, declared 2"}, {}, {}}
	for _, test := range []struct {
		want  string
		given func(s *scene)
	}{
		{"helm rollback", func(s *scene) { s.have.Digest = "" }},
		{"deletion policy uninstall, was not recorded", func(s *scene) { s.have.Policy = "" }},
		{"provider frankfurt, was main", func(s *scene) { s.have.Provider = "main" }},
		{"organization none, was red", func(s *scene) { s.have.Organization = "red" }},
		{"Deployment/envproxy /spec/replicas: 3, declared 2 (and 2 more)", func(s *scene) { s.have.Drift = drift }},
		{"managed by Flux", func(s *scene) { s.have.Owner, s.have.Manager = "", "Flux" }},
		{"deployment other", func(s *scene) { s.have.Owner = "other" }},
		{"adopt: true", func(s *scene) { s.have.Owner = "" }},
		{"connection refused", func(s *scene) { s.lose() }},
		{"not looked at yet", func(s *scene) { s.cluster = ClusterLive{} }},
		{"Secret coder/token is not there yet", func(s *scene) {
			s.item.Release.References = []Reference{{Kind: "Secret", Name: "token"}}
		}},
	} {
		t.Run(test.want, func(t *testing.T) {
			s := newScene()
			test.given(s)
			if got := s.plan().Actions[0].Message; !strings.Contains(got, test.want) {
				t.Errorf("message %q", got)
			}
		})
	}
}

func TestABackoffIsAboutTheInputsThatFailed(t *testing.T) {
	for _, test := range []struct {
		name  string
		given func(s *scene)
	}{
		{"other inputs failed", func(s *scene) { s.tried("yet another") }},
		{"the time has come", func(s *scene) { s.tried(s.item.Base); s.have.RetryAt = noon() }},
		{"somebody asked", func(s *scene) { s.tried(s.item.Base); s.have.RetryAsked = true }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene()
			s.have.Digest = another
			test.given(s)
			if op, _, _ := s.decided(); op != OpUpdate {
				t.Errorf("op %s", op)
			}
		})
	}
}
