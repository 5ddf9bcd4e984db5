// Package charttest holds what tests of every chart of this repository ask of its values: each is in the schema and in
// the table of the README, and each may be taken away.
package charttest

import (
	"encoding/json"
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chartutil"
)

// Described fails where values.yaml and values.schema.json, as files of a chart, and the table in its README do not name
// the same keys with the same defaults. A row of the table is "| `key` | `default as JSON` | …". Globals are anybody's.
func Described(t *testing.T, values, schema, readme string) {
	t.Helper()
	defaults, err := chartutil.ReadValuesFile(values)
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(read(t, schema), &tree); err != nil {
		t.Fatal(err)
	}
	want, have := map[string]string{}, map[string]string{}
	describe(t, want, "", tree, defaults)
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| `([^`]+)` \\|").FindAllSubmatch(read(t, readme), -1) {
		have[string(row[1])] = string(row[2])
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("%s (-values.yaml +table):\n%s", readme, diff)
	}
}

// describe collects each key with its default as JSON, as deep as the schema is closed.
func describe(t *testing.T, into map[string]string, prefix string, schema, defaults map[string]any) {
	t.Helper()
	declared := schema["properties"].(map[string]any)
	for key := range defaults {
		if declared[key] == nil {
			t.Errorf("the schema has no %s", prefix+key)
		}
	}
	for key, below := range declared {
		value, there := defaults[key]
		switch {
		case key == "global" && prefix == "":
			continue
		case !there:
			t.Errorf("values.yaml has no %s", prefix+key)
		}
		schema := below.(map[string]any)
		closed := schema["properties"] != nil && schema["additionalProperties"] == false
		if table, is := value.(map[string]any); is && closed {
			describe(t, into, prefix+key+".", schema, table)
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		into[prefix+key] = string(text)
	}
}

// Nulls are values with one key at null each: every key, at every depth.
func Nulls(tree map[string]any) []map[string]any {
	var out []map[string]any
	for key, value := range tree {
		out = append(out, map[string]any{key: nil})
		if table, is := value.(map[string]any); is {
			for _, below := range Nulls(table) {
				out = append(out, map[string]any{key: below})
			}
		}
	}
	return out
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
