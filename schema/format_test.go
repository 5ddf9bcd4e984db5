package schema

import (
	"os"
	"testing"

	"cuelang.org/go/cue/format"
)

// TestFormat: CUE that people read and copy is formatted as CUE's own tool does it.
func TestFormat(t *testing.T) {
	for _, file := range []string{"schema.cue", "shapes.cue", "../providers.cue", "testdata/base.cue"} {
		have, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := format.Source(have)
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		} else if string(want) != string(have) {
			t.Errorf("%s is not formatted", file)
		}
	}
}
