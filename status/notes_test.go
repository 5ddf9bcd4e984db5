package status

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNotesAreReadableAndKeepOtherLines(t *testing.T) {
	notes := memory{{"refs/notes/reconcile/acme", "1a2b3c4"}: "reconcile/acme/plan success 2 to create\n"}
	forge := Notes{Repo: notes}
	post := func(lines ...Line) {
		t.Helper()
		if n, err := forge.Post(t.Context(), "1a2b3c4", lines); err != nil || n != len(lines) {
			t.Fatalf("posted %d: %v", n, err)
		}
	}
	post(Line{Context: "reconcile/acme/apply", State: StatePending, Text: "3 of 12 providers applied"},
		Line{Context: "reconcile/acme/apply/eu", State: StateSuccess, Text: "1 of 1 Ready"})
	post(Line{Context: "reconcile/acme/apply", State: StateSuccess, Text: "12 of 12 Ready"})
	want := `reconcile/acme/apply success 12 of 12 Ready
reconcile/acme/apply/eu success 1 of 1 Ready
reconcile/acme/plan success 2 to create
`
	if diff := cmp.Diff(memory{{"refs/notes/reconcile/acme", "1a2b3c4"}: want}, notes); diff != "" {
		t.Error(diff)
	}
	got, err := forge.Posted(t.Context(), Line{SHA: "1a2b3c4", Context: "reconcile/acme/apply"})
	if err != nil || noteText(got) != want {
		t.Errorf("read %+v %v", got, err)
	}
}
