package reconcile

import (
	"encoding/json"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestADigestIsMadeOfWhatTheReleaseBecomes(t *testing.T) {
	made := func(edit func(it *Item)) string {
		it := testItem("eu", "frankfurt")
		edit(&it)
		it.Seal()
		return it.Base
	}
	before := made(func(*Item) {})
	if !regexp.MustCompile(`^[0-9a-f]{40}$`).MatchString(before) {
		t.Fatalf("digest %q does not fit a label", before)
	}
	for _, test := range []struct {
		name  string
		moves bool
		edit  func(it *Item)
	}{
		{"nothing", false, func(*Item) {}},
		{"name", true, func(it *Item) { it.ID.Name = "paris" }},
		{"namespace", true, func(it *Item) { it.ID.Namespace = "paris" }},
		{"a character that changes sides", true, func(it *Item) { it.ID.Namespace, it.ID.Name = "coderf", "rankfurt" }},
		{"chart", true, func(it *Item) { it.Release.Chart.Digest = "sha256:beef" }},
		{"a value", true, func(it *Item) { it.Release.Values["replicas"] = int64(3) }},
		{"a value of another kind", true, func(it *Item) { it.Release.Values["replicas"] = "2" }},
		{"another value", true, func(it *Item) { it.Release.Values["more"] = nil }},
		{"a reference", true, func(it *Item) { it.Release.References = []Reference{{Kind: "Secret", Name: "token"}} }},

		{"a whole number as a float", false, func(it *Item) { it.Release.Values["replicas"] = float64(2) }},
		{"a whole number as JSON has it", false, func(it *Item) { it.Release.Values["replicas"] = json.Number("2") }},
		{"cluster", false, func(it *Item) { it.ID.Cluster = "us" }},
		{"provider", false, func(it *Item) { it.Provider, it.Organization = "paris", "red" }},
		{"where the same chart comes from", false, func(it *Item) { it.Release.Chart.Source, it.Release.Chart.Version = "elsewhere", "1" }},
		{"how it is applied", false, func(it *Item) {
			it.Release.Timeout, it.Release.MaxHistory, it.Release.OnFailure, it.Release.Adopt = time.Hour, 9, Rollback, true
		}},
		{"how it ends", false, func(it *Item) { it.Release.Deletion = Orphan }},
		{"how it is looked after", false, func(it *Item) {
			it.Release.Drift, it.Release.Ready.HTTP, it.Release.Ignore = DriftOff, "https://example.com", []FieldRef{{}}
		}},
		{"when", false, func(it *Item) { it.Wave, it.After, it.Suspended = 2, []ID{{}}, "audit" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			if moved := made(test.edit) != before; moved != test.moves {
				t.Errorf("moved: %v, want %v", moved, test.moves)
			}
		})
	}
}

func TestNoValuesAndEmptyValuesAreTheSame(t *testing.T) {
	none, empty := Item{}, Item{Release: Release{Values: map[string]any{}, References: []Reference{}}}
	none.Seal()
	empty.Seal()
	if none.Base != empty.Base {
		t.Error("digests differ")
	}
}

func TestLargeNumbersKeepTheirDigits(t *testing.T) {
	digests := map[string]bool{}
	for _, n := range []any{int64(9007199254740993), int64(9007199254740992), 1e22, 1e-7} {
		it := Item{Release: Release{Values: map[string]any{"n": n}}}
		it.Seal()
		digests[it.Base] = true
	}
	if len(digests) != 4 {
		t.Errorf("%d digests of 4 numbers", len(digests))
	}
}

func TestADigestMovesWithWhatTheItemRefersTo(t *testing.T) {
	it := testItem("eu", "frankfurt")
	if Digest(it, nil) != it.Base {
		t.Error("without references it is not the base")
	}
	digests := map[string]bool{it.Base: true}
	for _, refs := range [][]RefState{
		{{}}, {{UID: "1", Version: "7"}}, {{UID: "1", Version: "8"}}, {{UID: "2", Version: "7"}},
		{{UID: "1", Version: "7"}, {}}, {{}, {UID: "1", Version: "7"}},
	} {
		digests[Digest(it, refs)] = true
	}
	if len(digests) != 7 {
		t.Errorf("%d digests of 7 states", len(digests))
	}
}

func TestIDsAreOrderedByTheirParts(t *testing.T) {
	ids := []ID{at("us", "a"), at("eu", "b"), {"eu", KindRelease, "aaa", "z"}, {"eu", "A", "z", "z"}, at("eu", "a")}
	slices.SortFunc(ids, ID.Compare)
	var got []string
	for _, id := range ids {
		got = append(got, id.String())
	}
	want := []string{"eu/A/z/z", "eu/Release/aaa/z", "eu/Release/coder/a", "eu/Release/coder/b", "us/Release/coder/a"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
