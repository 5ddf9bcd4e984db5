package charts

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
)

// Indexes come from many programs: indented by two or four, quoted, with text that looks like keys.
func TestTheLinesOfOneChartAreFound(t *testing.T) {
	const item = "version: 1.0.0\n%surls: [a.tgz]\n"
	for name, index := range map[string]string{
		"as Helm writes it":  "apiVersion: v1\nentries:\n  alpha:\n  - version: 9.0.0\n  demo:\n  - " + fmt.Sprintf(item, "    ") + "  omega:\n  - version: 8.0.0\ngenerated: now\n",
		"indented by four":   "entries:\n    alpha:\n        - version: 9.0.0\n    demo:\n        - " + fmt.Sprintf(item, "          ") + "generated: now\n",
		"quoted, last":       "generated: now\nentries:\n  'alpha':\n  - version: 9.0.0\n  \"demo\":\n  - " + fmt.Sprintf(item, "    "),
		"with comments":      "# c\nentries:\n# c\n  # c\n  demo:\n\n# c\n  - " + fmt.Sprintf(item, "    ") + "\n  alpha:\n  - version: 2.0.0\n",
		"with windows lines": "entries:\r\n  demo:\r\n  - version: 1.0.0\r\n    urls: [a.tgz]\r\n",
		"text like a key":    "entries:\n  alpha:\n  - description: |-\n      demo:\n      - version: 7.0.0\n    version: 9.0.0\n  demo:\n  - " + fmt.Sprintf(item, "    "),
		"JSON":               `{"entries": {"alpha": [{"version": "9.0.0"}], "demo": [{"version": "1.0.0", "urls": ["a.tgz"], "created": 5}]}}`,
	} {
		have, err := parseIndex([]byte(index), "demo")
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff([]release{{Version: "1.0.0", URLs: []string{"a.tgz"}}}, have); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if none, err := parseIndex([]byte(index), "dem"); err != nil || none != nil {
			t.Errorf("%s: a chart that is not there: %v, %v", name, none, err)
		}
	}
}

func TestAnIndexThatIsNoneIsAnError(t *testing.T) {
	for _, index := range []string{"entries:\n  demo:\n  - version: [\n", "entries:\n  demo: 5\n", "{", `{"entries": {"demo": 5}}`} {
		if have, err := parseIndex([]byte(index), "demo"); err == nil {
			t.Errorf("%q: have %v", index, have)
		}
	}
	for _, index := range []string{"", "<html>", "entries: {}", "entries:\n"} {
		if have, err := parseIndex([]byte(index), "demo"); err != nil || have != nil {
			t.Errorf("%q: have %v, %v", index, have, err)
		}
	}
}

// What is cut out says the same as the whole.
func TestCuttingAgreesWithParsing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"demo", "a", "entries", "x-y.z", "1"})
		text := rapid.SampledFrom([]string{"", "demo:", "a\nentries:\n  demo:\n  - b", "# x", "- y", "é", "a: b"})
		version := rapid.Custom(func(t *rapid.T) release {
			return release{Name: text.Draw(t, "name"), Version: text.Draw(t, "version"), Digest: text.Draw(t, "digest"), URLs: []string{text.Draw(t, "url")}}
		})
		all := rapid.MapOf(name, rapid.SliceOfN(version, 1, 3)).Draw(t, "entries")
		index, err := yaml.Marshal(map[string]any{"apiVersion": "v1", "entries": all, "generated": text.Draw(t, "generated")})
		if err != nil {
			t.Fatal(err)
		}
		wanted := name.Draw(t, "wanted")
		have, err := parseIndex(index, wanted)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(all[wanted], have); diff != "" {
			t.Fatalf("%s\n%s", diff, index)
		}
	})
}

// BenchmarkIndex finds one of 500 charts in an index of 44 MiB.
func BenchmarkIndex(b *testing.B) {
	var index strings.Builder
	index.WriteString("apiVersion: v1\nentries:\n")
	for i := range 500 {
		fmt.Fprintf(&index, "  chart%d:\n", i)
		for j := range 100 {
			fmt.Fprintf(&index, "  - version: 1.%d.0\n    description: %s\n    urls: [chart%d-1.%d.0.tgz]\n", j, strings.Repeat("x", 850), i, j)
		}
	}
	b.SetBytes(int64(index.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if have, err := parseIndex([]byte(index.String()), "chart250"); err != nil || len(have) != 100 {
			b.Fatal(len(have), err)
		}
	}
}
