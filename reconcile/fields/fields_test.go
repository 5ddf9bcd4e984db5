package fields

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func read(t *testing.T, text string) (out any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// Each pointer is followed in the object that it is about; what leads there is taken in that and in another.
func TestKeep(t *testing.T) {
	for _, tt := range []struct{ name, pointer, in, from, want string }{
		{"a field", "/a/b", `{"a":{"b":1,"c":1}}`, `{"a":{"b":2,"c":2}}`, `{"a":{"b":2,"c":1}}`},
		{"a field that the other has not", "/a/b", `{"a":{"b":1}}`, `{"a":{}}`, `{"a":{}}`},
		{"a field in what the other has not", "/a/b", `{"a":{"b":1}}`, `{}`, `{"a":{"b":1}}`},
		{"a field in what is something else there", "/a/b", `{"a":{"b":1}}`, `{"a":7}`, `{"a":{"b":1}}`},
		{"a field that is not there", "/a/x", `{"a":{"b":1}}`, `{"a":{"x":1}}`, `{"a":{"b":1}}`},
		{"a key with a slash", "/a~1b~0c", `{"a/b~c":1}`, `{"a/b~c":2}`, `{"a/b~c":2}`},
		{"in an item by its name", "/l/0/v", `{"l":[{"name":"a","v":1}]}`, `{"l":[{"name":"x","v":8},{"name":"a","v":2}]}`, `{"l":[{"name":"a","v":2}]}`},
		{"in an item by its index", "/l/1/v", `{"l":[{"v":1},{"v":1}]}`, `{"l":[{"v":8},{"v":2}]}`, `{"l":[{"v":1},{"v":2}]}`},
		{"in an item that the other has not", "/l/0/v", `{"l":[{"name":"a","v":1}]}`, `{"l":[{"name":"x","v":8}]}`, `{"l":[{"name":"a","v":1}]}`},
		{"an item as a whole", "/l/0", `{"l":[1]}`, `{"l":[2]}`, `{"l":[1]}`},
		{"an index that is none", "/l/x", `{"l":[1]}`, `{"l":[2]}`, `{"l":[1]}`},
		{"an index beyond", "/l/1", `{"l":[1]}`, `{"l":[2,3]}`, `{"l":[1]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := read(t, tt.in)
			if way, there := Find(in, tt.pointer); there {
				way.Keep(in, read(t, tt.from))
			}
			if diff := cmp.Diff(read(t, tt.want), in); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOmit(t *testing.T) {
	in := read(t, `{"l":[{"name":"x","v":1},{"name":"a","v":1}]}`)
	way, there := Find(read(t, `{"l":[{"name":"a","v":1}]}`), "/l/0/v")
	if !there {
		t.Fatal("it is not found")
	}
	way.Omit(in)
	if diff := cmp.Diff(read(t, `{"l":[{"name":"x","v":1},{"name":"a"}]}`), in); diff != "" {
		t.Error(diff)
	}
}

func TestItems(t *testing.T) {
	in := read(t, `{"l":[{"name":"x"},{"name":"a","e":[{"p":1}]}]}`)
	for pointer, want := range map[string][]Item{
		"/l/1/e/0/q": {{"/l/1", "a", read(t, `{"name":"a","e":[{"p":1}]}`)}, {"/l/1/e/0", "", read(t, `{"p":1}`)}},
		"/l/0":       {{"/l/0", "x", read(t, `{"name":"x"}`)}},
		"/l/2/e":     nil,
		"/l/x":       nil,
		"/m/0":       nil,
	} {
		if diff := cmp.Diff(want, Items(in, pointer)); diff != "" {
			t.Errorf("%s: %s", pointer, diff)
		}
	}
}

func TestEscape(t *testing.T) {
	if got := Escape("a/b~c"); got != "a~1b~0c" {
		t.Error(got)
	}
}
