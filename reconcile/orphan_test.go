package reconcile

import (
	"slices"
	"strings"
	"testing"
)

func TestRemovedOverridesTheRecordedPolicy(t *testing.T) {
	for _, test := range []struct {
		name     string
		recorded Policy
		removed  Removal
		op       Op
		message  string
	}{
		{"uninstall over block", Block, Removal{Policy: Uninstall, Reason: "moved away"}, OpDelete, "moved away"},
		{"orphan over uninstall", Uninstall, Removal{Policy: Orphan, Reason: "handed over"}, OpOrphan, "handed over"},
		{"nothing recorded is block", "", Removal{}, OpHold, "declare removed"},
		{"uninstall recorded", Uninstall, Removal{}, OpDelete, "deletion policy uninstall stands on its release"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene()
			s.orphaned(test.recorded)
			if test.removed.Policy != "" {
				s.want.Removed["frankfurt"] = test.removed
			}
			a := s.plan().Actions[0]
			if a.Op != test.op || !strings.Contains(a.Message, test.message) {
				t.Errorf("%s %q, want %s %q", a.Op, a.Message, test.op, test.message)
			}
		})
	}
}

func TestBeforeAnythingIsDeclaredNothingIsAnOrphan(t *testing.T) {
	s := newScene()
	s.have.Owner = ""
	s.live.Clusters["eu"] = s.cluster
	if p := Decide(Desired{}, s.live); len(p.Actions) > 0 {
		t.Errorf("actions %v", p.Actions)
	}
}

func TestWhatMovedIsTakenAwayAfterTheNewOneIsInPlace(t *testing.T) {
	for _, test := range []struct {
		name  string
		move  func(it *Item)
		waits bool
	}{
		{"to another cluster", func(it *Item) { it.ID.Cluster = "us" }, true},
		{"to another namespace", func(it *Item) { it.ID.Namespace = "other" }, true},
		{"to another name", func(it *Item) { it.ID.Name = "other" }, false},
		{"of another provider", func(it *Item) { it.ID.Cluster, it.Provider = "us", "other" }, false},
		{"of another organization", func(it *Item) { it.ID.Cluster, it.Organization = "us", "red" }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene()
			s.orphaned(Uninstall)
			moved := s.item
			test.move(&moved)
			s.want.Items = []Item{moved}
			s.live.Clusters["us"] = ClusterLive{Reachable: true, Looked: true, Counted: true, Held: true}
			p := s.plan()
			old := p.Actions[len(p.Actions)-1]
			if waits := slices.Contains(old.After, moved.ID); old.Op != OpDelete || waits != test.waits {
				t.Errorf("%s, waits: %v; want %v", old.Op, waits, test.waits)
			}
		})
	}
}
