package charts

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestDiff(t *testing.T) {
	golden(t, "testdata/diff/*.txtar", func(t *testing.T, files map[string]string) string {
		if files["old.json"] != "" {
			return DiffValues(values(t, files["old.json"]), values(t, files["new.json"]))
		}
		old, new := objects(t, files["old"]), objects(t, files["new"])
		text := Diff(old, new)
		for range 5 {
			rand.Shuffle(len(old), reflect.Swapper(old))
			rand.Shuffle(len(new), reflect.Swapper(new))
			if again := Diff(old, new); again != text {
				t.Fatalf("another order gives another text:\n%s", again)
			}
		}
		if strings.Contains(text, "hunter") {
			t.Error("a secret is shown")
		}
		return text
	})
}

func objects(t testing.TB, yaml string) []Object {
	t.Helper()
	all, err := readManifests(map[string]string{"x": yaml}, "coder", riskSet{})
	if err != nil {
		t.Fatal(err)
	}
	return all.objects
}

func values(t testing.TB, text string) Values {
	t.Helper()
	var v Values
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// anyValue draws JSON of all kinds, with names and secrets among it.
func anyValue(depth int) *rapid.Generator[any] {
	leaf := rapid.OneOf(rapid.Just[any](nil), rapid.Just[any](true), rapid.Just[any](json.Number("1")),
		rapid.Map(rapid.StringMatching(`[a-c]{0,2}`), func(s string) any { return s }), rapid.Just[any](canary))
	if depth == 0 {
		return leaf
	}
	key := rapid.SampledFrom([]string{"name", "a", "b.c", "token", "list", "data"})
	table := rapid.Map(rapid.MapOfN(key, anyValue(depth-1), 0, 4), func(m map[string]any) any { return m })
	list := rapid.Map(rapid.SliceOfN(rapid.OneOf(table, leaf), 0, 4), func(l []any) any { return l })
	return rapid.OneOf(leaf, table, list)
}

const canary = "c4n4ry"

func TestTheDiffIsEmptyOnlyWhereNothingChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyValue(3).Draw(t, "a"), anyValue(3).Draw(t, "b")
		if rapid.Bool().Draw(t, "same") {
			b = decode(mustJSON(a))
		}
		one, two := object(a), object(b)
		have := Diff([]Object{one}, []Object{two})
		if same := string(one.Body) == string(two.Body); same != (have == "") {
			t.Fatalf("same is %v, have %q", same, have)
		}
	})
}

func TestASecretNeverShows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := object(anyValue(3).Draw(t, "a")), object(anyValue(3).Draw(t, "b"))
		a.Kind, b.Kind = "Secret", "Secret"
		if have := Diff([]Object{a}, []Object{b}); strings.Contains(have, canary) {
			t.Fatalf("have %s", have)
		}
	})
}

func object(data any) Object {
	return Object{APIVersion: "v1", Kind: "Thing", Name: "x", Body: mustJSON(map[string]any{"data": data})}
}

func mustJSON(x any) []byte {
	b, err := json.Marshal(x)
	if err != nil {
		panic(err)
	}
	return b
}

func TestDiffValuesTakesNothingForEmpty(t *testing.T) {
	if have := DiffValues(nil, map[string]any{}); have != "" {
		t.Errorf("have %q", have)
	}
	want := "+ a: 1\n"
	if have := DiffValues(nil, map[string]any{"a": int64(1)}); have != want {
		t.Errorf("have %q", have)
	}
	if have := DiffValues(map[string]any{"a": 1.0}, map[string]any{"a": int64(1)}); have != "" {
		t.Errorf("have %q", have)
	}
}

func BenchmarkDiff(b *testing.B) {
	in := RenderInput{Archive: packed(b), Namespace: "coder", Name: "frankfurt", Values: ownValues()}
	old, err := Render(in)
	if err != nil {
		b.Fatal(err)
	}
	in.Values["cemanager"] = map[string]any{"accessURL": fmt.Sprintf("https://%d.example.com", 2)}
	new, err := Render(in)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		Diff(old.Objects, new.Objects)
	}
}
