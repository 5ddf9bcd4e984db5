package source

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/reconcile"
)

// changes are the providers that a target's commit changed, and "unknown" where that is not known.
func changes(target reconcile.Target) string {
	if target.Changed == nil {
		return "unknown"
	}
	return strings.Join(slices.Sorted(maps.Keys(target.Changed)), " ")
}

// more is a second file of declarations.
func more(declarations string) string {
	return "-- more.cue --\npackage providers\n\n" + declarations + "\n"
}

func TestChanged(t *testing.T) {
	for _, test := range []struct{ name, change, want string }{
		{"a value", more(`providers: frankfurt: values: replicas: 2`), "frankfurt"},
		{"how it is applied", more(`providers: frankfurt: release: timeout: "20m"`), "frankfurt"},
		{"its name for people", more(`providers: frankfurt: displayName: "Frankfurt"`), "frankfurt"},
		{"a new provider", more(`providers: rome: cluster: "eu", allowlists: rome: red: true`), "rome"},
		{"an allowlist", more(`allowlists: frankfurt: red: reason: "trial"`), "frankfurt"},
		{"why somebody is allowed", strings.Replace(start, "frankfurt: blue: true", `frankfurt: blue: reason: "trial"`, 1), "frankfurt"},
		{"an organization, which may use the built-in provider", more(`organizations: green: {}`), "built-in"},
		{"the default", more(`deployment: defaultProvider: "paris"`), "built-in paris"},
		{"all of them", more(`deployment: defaults: values: a: 1`), "frankfurt paris"},
		{"the end of one", more(`removed: rome: {policy: "uninstall", reason: "moved"}`), "rome"},
		{"a chart", "-- charts/own/templates/b.yaml --\n{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n", "paris"},
		{"a comment", more("// nothing"), ""},
		{"a file beside", "-- README.md --\nread me\n", ""},
		{"providers that are gone", strings.Replace(start, "providers: paris: {cluster: \"eu\", chart: path: \"charts/own\"}\n", "", 1) +
			"-- more.cue --\npackage providers\n", "paris"},
	} {
		t.Run(test.name, func(t *testing.T) {
			archive := strings.Replace(test.change, ", allowlists", "\nallowlists", 1)
			if test.name == "providers that are gone" {
				archive = strings.Replace(archive, ", paris: blue: true", "", 1)
			}
			r := newRepository(t)
			running := newSource(r.origin())
			if got := changes(latest(running)); got != "unknown" {
				t.Errorf("of the first commit: %s", got)
			}
			r.commit(archive)
			for _, s := range []*counted{running, newSource(r.origin())} {
				target := latest(s)
				if got := changes(target); got != test.want {
					t.Errorf("%q, want %q; %v", got, test.want, target.HeadErr)
				}
				if again := changes(latest(s)); again != test.want {
					t.Errorf("looked at again: %q", again)
				}
			}
		})
	}
}

func TestSeveralCommitsAtOnceChangeWhatEachDid(t *testing.T) {
	r := newRepository(t)
	running := newSource(r.origin())
	latest(running)
	r.commit(more(`providers: frankfurt: values: a: 1`))
	r.commit(more("providers: frankfurt: values: a: 1\nproviders: paris: values: a: 1"))
	if got := changes(latest(running)); got != "frankfurt paris" {
		t.Errorf("while running: %q", got)
	}
	if got := changes(latest(newSource(r.origin()))); got != "paris" {
		t.Errorf("after a start: %q", got)
	}
}

func TestAMergeChangesWhatItBrings(t *testing.T) {
	r := newRepository(t)
	r.merge(more(`providers: frankfurt: values: a: 1`), more("providers: frankfurt: values: a: 1\nproviders: paris: values: a: 1"))
	if got := changes(latest(newSource(r.origin()))); got != "frankfurt paris" {
		t.Errorf("changed %q", got)
	}
}

func TestWhatCameOfAnInvalidParentIsNotKnown(t *testing.T) {
	r := newRepository(t)
	r.commit(broken)
	r.commit(mended)
	if got := changes(latest(newSource(r.origin()))); got != "unknown" {
		t.Errorf("changed %q", got)
	}
}

func TestAnOutageOfAChartSourceIsNoChange(t *testing.T) {
	before := Revision{Want: reconcile.Desired{Items: []reconcile.Item{{Provider: "paris", Base: "1"}}}}
	after := Revision{Want: reconcile.Desired{Items: []reconcile.Item{{Provider: "paris", Base: "2", Broken: "no answer"}}}}
	for _, pair := range [][2]Revision{{before, after}, {after, before}} {
		if diff := cmp.Diff(map[string]bool{}, difference(pair[0], pair[1])); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}
