package main

import (
	"runtime"
	"testing"
)

// Half of the CPUs are left, but never all of them, and none where somebody said how many to use.
func TestHalfOfTheCPUsAreLeft(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, c := range []struct {
		said       string
		from, want int
	}{{"", 8, 4}, {"", 3, 1}, {"", 1, 1}, {"8", 8, 8}} {
		t.Setenv("GOMAXPROCS", c.said)
		runtime.GOMAXPROCS(c.from)
		if leaveHalf(); runtime.GOMAXPROCS(0) != c.want {
			t.Errorf("of %d, where GOMAXPROCS is %q: %d, want %d", c.from, c.said, runtime.GOMAXPROCS(0), c.want)
		}
	}
}
