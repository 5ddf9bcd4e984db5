package main

import (
	"strings"
	"testing"
)

// Who looks at a part says nothing of the whole on a commit: of one cluster its own line, of one provider
// nothing.
func TestAPartSaysNothingOfTheWhole(t *testing.T) {
	s := newSite(t, eu, builtIn)
	s.declare("a.cue", `providers: {one: cluster: "eu", two: cluster: "eu", three: cluster: "built-in"}`)
	sha := s.push()
	s.want(exitOK, "--once", "--repo", s.bare, "--provider", "one")
	if note := s.note(sha); note != "" {
		t.Errorf("--provider one noted:\n%s", note)
	}
	s.want(exitOK, "--once", "--repo", s.bare, "--cluster", eu)
	if note := strings.TrimSpace(s.note(sha)); !strings.HasPrefix(note, "reconcile/"+s.name+"/apply/eu success") || strings.Contains(note, "\n") {
		t.Errorf("--cluster eu noted:\n%s", note)
	}
	s.want(exitOK, "--once", "--repo", s.bare)
	s.noted(sha, "apply success")
	note := s.note(sha)
	s.want(exitError, "--once", "--repo", s.bare, "--cluster", "none")
	if got := s.note(sha); got != note {
		t.Errorf("--cluster none noted:\n%s", got)
	}
}
