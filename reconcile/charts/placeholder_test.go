package charts

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestBlurFindsWhatDependsOnAPlaceholder(t *testing.T) {
	mark := Placeholder("Secret", "coder", "token")
	for _, test := range []struct{ name, one, other, want string }{
		{"nothing", `a: 1`, `a: 1`, `{"a":1}`},
		{"a value", `a: ` + mark, `a: x`, `{"a":"` + mark + `"}`},
		{"a part", `a: me:` + mark + `@host`, `a: me:x@host`, `{"a":"` + mark + `"}`},
		{"another form", `a: 1f2e`, `a: 3d4c`, `{"a":"(from ConfigMap coder/b) ` + mark + `"}`},
		{"two of them", `a: ` + mark + ` (from ConfigMap coder/b)`, `a: x y`, `{"a":"(from ConfigMap coder/b) ` + mark + `"}`},
		{"a number", `a: 23`, `a: 24`, `{"a":"(from ConfigMap coder/b) ` + mark + `"}`},
		{"in a list", `a: [1, ` + mark + `]`, `a: [1, x]`, `{"a":[1,"` + mark + `"]}`},
		{"a list's length", `a: [1, 2]`, `a: [1]`, `{"a":"(from ConfigMap coder/b) ` + mark + `"}`},
		{"a key", `a: {b: 1}`, `a: {c: 1}`, `{"a":"(from ConfigMap coder/b) ` + mark + `"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			object := func(text string) []Object {
				return objects(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {"+text+"}}")
			}
			got := Blur(object(test.one), object(test.other), []string{mark, "(from ConfigMap coder/b)", mark})
			if body := string(got[0].Body); !strings.Contains(body, `"data":`+test.want) {
				t.Errorf("got %s, want %s", body, test.want)
			}
		})
	}
}

func TestAnObjectThatIsMadeForOneTextOnlyIsUnknown(t *testing.T) {
	mark := Placeholder("Secret", "coder", "token")
	old := objects(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {a: "+canary+"}}")
	all := objects(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {a: b}}")
	if got, want := DiffBlind(old, Blur(all, nil, []string{mark})), "~ ConfigMap coder/x\n  ~ : (masked) → "+mark+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWhatOnlyTheOldObjectsHaveIsNotShown(t *testing.T) {
	old := objects(t, "{apiVersion: v1, kind: Thing, metadata: {name: x}, a: "+canary+", l: [{name: one, b: "+canary+"}], m: {b: ["+canary+"]}, s: 1}")
	now := objects(t, "{apiVersion: v1, kind: Thing, metadata: {name: x}, l: [], s: 2}")
	want := "~ Thing coder/x\n  - a: (masked)\n  - l[(masked)].b: (masked)\n  - m.b[0]: (masked)\n  ~ s: 1 → 2\n"
	if got := DiffBlind(old, now); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestANameThatTheClusterKnowsIsNotShown(t *testing.T) {
	mark := Placeholder("Secret", "coder", "token")
	old := objects(t, "{apiVersion: v1, kind: Thing, metadata: {name: x}, list: [{name: "+canary+", a: 1}, {name: b, a: 1}]}")
	now := objects(t, "{apiVersion: v1, kind: Thing, metadata: {name: x}, list: [{name: "+mark+", a: 1}, {name: b, a: 2}]}")
	want := "~ Thing coder/x\n  ~ list[0]: (masked) → {\"a\":1,\"name\":\"" + mark + "\"}\n  ~ list[1]: (masked) → {\"a\":2,\"name\":\"b\"}\n"
	if got := DiffBlind(old, now); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestWhatTheClusterKnowsIsNotShown takes objects in which placeholders stand, has the old ones hold a
// secret there, and the new ones lose and gain whatever else. Names are paths, and shown.
func TestWhatTheClusterKnowsIsNotShown(t *testing.T) {
	mark := Placeholder("Secret", "coder", "token")
	rapid.Check(t, func(t *rapid.T) {
		drawn := anyValue(3).Draw(t, "value")
		old, now := object(drawn), object(edited(t, decode(mustJSON(drawn)), mark))
		if strings.Contains(string(old.Body), `"name":"`+canary+`"`) {
			t.Skip()
		}
		if text := DiffBlind([]Object{old}, []Object{now}); strings.Contains(text, canary) {
			t.Errorf("have %s\nwant %s\nshows %s", old.Body, now.Body, text)
		}
	})
}

// edited is a value with placeholders for secrets, from which elements are gone and to which others came.
func edited(t *rapid.T, v any, mark string) any {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			v[key] = edited(t, v[key], mark)
			if rapid.IntRange(0, 5).Draw(t, "goes") == 0 {
				delete(v, key)
			}
		}
		if rapid.Bool().Draw(t, "comes") {
			v["new"] = "new"
		}
	case []any:
		var out []any
		for _, one := range v {
			if rapid.IntRange(0, 5).Draw(t, "goes") > 0 {
				out = append(out, edited(t, one, mark))
			}
			if rapid.IntRange(0, 5).Draw(t, "comes") == 0 {
				out = append(out, "new")
			}
		}
		return out
	case string:
		return strings.ReplaceAll(v, canary, mark)
	}
	return v
}
