package main

import (
	"os"
	"runtime"
)

// leaveHalf leaves half of the CPUs to the workers and to whoever else is there, unless the environment says how many this
// process is to use. It waits for clusters most of the time, with many goroutines that each do very little: spread over more
// CPUs than they need, they spend a tenth of their time waking each other up.
func leaveHalf() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(max(1, runtime.GOMAXPROCS(0)/2))
	}
}
