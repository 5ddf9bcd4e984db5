package preview

import (
	"testing"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
)

func TestWhatOthersMayChangeIsNotShown(t *testing.T) {
	const head = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
	ignore := []reconcile.FieldRef{{Kind: "Deployment", Pointer: "/spec/replicas"}, {Kind: "Service", Pointer: "/spec"}}
	for _, tt := range []struct{ name, was, next, want string }{
		{"it has another value", "spec: {replicas: 1, paused: false}", "spec: {replicas: 2, paused: true}",
			"~ Deployment coder/web\n  ~ spec.paused: false → true\n"},
		{"it is declared no more", "spec: {replicas: 1, paused: false}", "spec: {paused: false}", ""},
		{"it is new", "spec: {paused: false}", "spec: {replicas: 2, paused: false}", ""},
		{"what holds it is new", "status: {}", "spec: {replicas: 2}\nstatus: {}", "~ Deployment coder/web\n  + spec.replicas: 2\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, err := charts.ReadManifest(head+tt.was, "coder")
			if err != nil {
				t.Fatal(err)
			}
			after, err := charts.ReadManifest(head+tt.next, "coder")
			if err != nil {
				t.Fatal(err)
			}
			if got := charts.Diff(before, spare(before, after, ignore)); got != tt.want {
				t.Errorf("shown is\n%s, want\n%s", got, tt.want)
			}
		})
	}
}
