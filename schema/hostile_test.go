package schema_test

import (
	"strings"
	"testing"

	"github.com/workspace-providers/reconcile/schema"
	"github.com/workspace-providers/reconcile/schema/schematest"
)

// TestRefused: what can be refused without limits is refused in no time. The bombs of
// schematest need the limits of the worker, and are tested there.
func TestRefused(t *testing.T) {
	for _, c := range schematest.Refused() {
		t.Run(c.Name, func(t *testing.T) {
			_, err := schema.Load(c.Tree)
			if err == nil || !strings.Contains(err.Error(), c.Message) {
				t.Fatalf("got %.300v, want %q", err, c.Message)
			}
		})
	}
}
