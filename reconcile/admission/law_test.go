package admission

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// What counting finds, the server takes for an environment, and for one of the same organization: else something
// that counts could be created by whom it is closed to.
func TestTheServerRecognisesWhatIsCounted(t *testing.T) {
	s := newServer(t)
	clear(s.guard.Open)
	clear(s.guard.Known)
	s.guard.Recognition.Selectors = append(s.guard.Recognition.Selectors,
		"size>5", "size<3,!app", "tier notin (web, db),stage=", "example.com/team!=red,mark")
	s.install()
	s.door("red", "organization red is not on its allowlist")
	values := map[string][]string{
		"com.coder.resource": {"true", "false"}, "app": {"coder-workspace", "web"}, "tier": {"system", "web"},
		"size": {"1", "4", "007", "x", ""}, "stage": {""}, "mark": {""}, idLabel: {"a", "declared"},
		orgLabel: {"design", "red", "nobody", ""}, "example.com/team": {"red", "blue"}, "example.com/stage": {"live"},
	}
	seeded := rand.New(rand.NewPCG(1, 2))
	seen := map[string]int{}
	for range 300 {
		own := marked{}
		for key, any := range values {
			if seeded.IntN(10) < 3 {
				own[key] = any[seeded.IntN(len(any))]
			}
		}
		where := []string{s.shared, s.shared, s.design}[seeded.IntN(3)]
		want := s.counted(where, own)
		err := s.create("ann", where, an("Pod", "web", own), dry)
		seen[want]++
		if !said(err, want) && (want != unknown || !said(err, foreign)) {
			t.Errorf("%v in %s: got %v, want %q", own, where, err, want)
		}
	}
	if len(seen) < 5 {
		t.Errorf("only %v were tried", seen)
	}
}

// counted is what the server must say of a Pod, by what counting finds.
func (s *server) counted(where string, own marked) string {
	labels := map[string]string{}
	for key, value := range own {
		labels[key] = fmt.Sprint(value)
	}
	found, err := Environments(s.guard.Recognition, []Object{{Kind: "Pod", Namespace: where, Name: "web", Labels: labels}})
	s.must(nil, err)
	switch {
	case len(found) == 0 && where == s.design: // in its own namespace nobody gets round it by leaving labels out
		if s.guard.Recognition.Organization(where, labels[idLabel], labels) == "" {
			return unknown
		}
		return notOpen
	case len(found) == 0:
		return passes
	case found[0].Organization == "":
		return unknown
	}
	return strings.Replace(notOpen, "design", found[0].Organization, 1)
}
