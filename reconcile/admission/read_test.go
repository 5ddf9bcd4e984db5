package admission

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	core "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"github.com/workspace-providers/reconcile/reconcile"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	g := sample("x")
	for i := range 9_000 {
		g.Known[id(i)] = "design"
	}
	made := objects(t, g)
	state := Read(made.Parameters)
	if len(state.Shards) < 3 || len(state.Drift) > 0 {
		t.Errorf("%d shards, drift %q", len(state.Shards), state.Drift)
	}
	if state.Mode != reconcile.Enforce || state.Digest != g.Digest() {
		t.Errorf("got mode %q, digest %q", state.Mode, state.Digest)
	}
	if diff := cmp.Diff(g.Known, state.Known); diff != "" {
		t.Error(diff)
	}
	g.Shards = state.Shards
	if diff := cmp.Diff(made, objects(t, g)); diff != "" {
		t.Errorf("what was read makes something else:\n%s", diff)
	}
}

func TestWhatSomebodyElseWroteIsDrift(t *testing.T) {
	for _, edit := range []struct {
		what string
		do   func([]core.ConfigMap) []core.ConfigMap
		want string
	}{
		{"a rule in one", func(p []core.ConfigMap) []core.ConfigMap { p[1].Data["org.design"] = open; return p }, "org.design differs"},
		{"a rule taken from one", func(p []core.ConfigMap) []core.ConfigMap { delete(p[1].Data, keyContact); return p }, "contact differs"},
		{"neither open nor closed", func(p []core.ConfigMap) []core.ConfigMap { p[0].Data["org.design"] = "ajar"; return p }, `org.design is "ajar"`},
		{"a key", func(p []core.ConfigMap) []core.ConfigMap { p[0].Data["hello"] = "you"; return p }, `hello is "you"`},
		{"no data", func(p []core.ConfigMap) []core.ConfigMap { p[1].Data = nil; return p }, "shard is"},
		{"one too few", func(p []core.ConfigMap) []core.ConfigMap { return append(p[:1], p[2:]...) }, "the range before ends at"},
		{"the first gone", func(p []core.ConfigMap) []core.ConfigMap { return p[1:] }, `the range before ends at ""`},
		{"the last gone", func(p []core.ConfigMap) []core.ConfigMap {
			return without(p, func(c core.ConfigMap) bool { return c.Data[keyTo] == "" })
		}, "no range is after it"},
		{"twice", func(p []core.ConfigMap) []core.ConfigMap { return append(p, p[0]) }, `shard is "0"`},
		{"another number", func(p []core.ConfigMap) []core.ConfigMap { p[1].Data[keyShard] = "7"; return p }, `shard is "7"`},
		{"a line", func(p []core.ConfigMap) []core.ConfigMap { p[0].Data[keyKnown] += "nonsense\n"; return p }, "names no environment"},
		{"a line out of range", func(p []core.ConfigMap) []core.ConfigMap { p[0].Data[keyKnown] += "id.zzz=red\n"; return p }, "is not in its range"},
		{"no line break", func(p []core.ConfigMap) []core.ConfigMap { p[0].Data[keyKnown] += "id.0"; return p }, "does not begin and end"},
		{"no heading", func(p []core.ConfigMap) []core.ConfigMap { p[0].Data[keyKnown] = "id.0=red\n"; return p }, "does not begin and end"},
		{"a digest", func(p []core.ConfigMap) []core.ConfigMap { p[1].Labels[LabelDigest] = "x"; return p }, "of other declarations"},
	} {
		g := sample("x")
		for i := range 9_000 {
			g.Known[id(i)] = "design"
		}
		state := Read(edit.do(objects(t, g).Parameters))
		if !strings.Contains(strings.Join(state.Drift, "\n"), edit.want) {
			t.Errorf("%s: got %.3q, want %q", edit.what, state.Drift, edit.want)
		}
	}
	if state := Read(nil); len(state.Drift) > 0 || len(state.Open) > 0 {
		t.Errorf("nothing at all: got %+v", state)
	}
}

func without(p []core.ConfigMap, is func(core.ConfigMap) bool) (out []core.ConfigMap) {
	for _, one := range p {
		if !is(one) {
			out = append(out, one)
		}
	}
	return out
}

// Whatever stands in the parameters: reading ends, and what is made of it is whole again.
func TestGarbageIsSurvived(t *testing.T) {
	text := rapid.StringMatching(`(id\.|name\.|org\.|[=\n.a-z0-9-]){0,20}`)
	keys := rapid.SampledFrom([]string{keyShard, keyFrom, keyTo, keyKnown, keyMatch, "org.red", "org.", "id.x", "x"})
	rapid.Check(t, func(t *rapid.T) {
		var parameters []core.ConfigMap
		for i := range rapid.IntRange(0, 4).Draw(t, "count") {
			one := core.ConfigMap{Data: rapid.MapOf(keys, text).Draw(t, "data")}
			one.Name = fmt.Sprintf("x.y.%d", i)
			parameters = append(parameters, one)
		}
		state := Read(parameters)
		g := sample("x")
		g.Known, g.Shards = state.Known, state.Shards
		if again := Read(objects(t, g).Parameters); len(again.Drift) > 0 {
			t.Errorf("made from what was read, and drifted: %q", again.Drift)
		}
	})
}
