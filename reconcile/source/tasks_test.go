package source

import (
	"slices"
	"testing"
)

func TestEveryFunctionOfTheWorkerHasItsTask(t *testing.T) {
	var named []string
	for _, task := range Tasks() {
		named = append(named, task.Name)
	}
	for name := range Functions() {
		if !slices.Contains(named, name) {
			t.Errorf("nobody knows how much %s may use", name)
		}
	}
	if len(named) != len(Functions()) {
		t.Errorf("tasks %q for %d functions", named, len(Functions()))
	}
}
