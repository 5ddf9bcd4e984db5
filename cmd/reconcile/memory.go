package main

import (
	"os"
	"runtime/debug"
	"sync"
)

// How much the heap may grow before garbage is collected, in percent: more than is usual, since most of what a change takes is
// allocated and forgotten; and little while workers take memory of their own. They are there for a small part of the time, so
// that collecting more often costs little.
const (
	heapGrowth   = 150
	frugalGrowth = 30
)

// letGrow has the heap grow as it may, unless the environment says how.
func letGrow() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
}

// giveBack gives the system what work has left behind: a large rollout leaves twice what an idle daemon needs.
func giveBack() {
	debug.FreeOSMemory()
	forgetFiles()
}

// frugal has this process take little memory while workers take theirs beside it.
type frugal struct {
	mu      sync.Mutex
	workers int
	usual   int // growth otherwise, in percent
}

// begin is called before a worker is started, and end when it has ended.
func (f *frugal) begin() (end func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.workers++; f.workers == 1 {
		giveBack()
		f.usual = debug.SetGCPercent(frugalGrowth)
	}
	return f.end
}

func (f *frugal) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.workers--; f.workers == 0 {
		debug.SetGCPercent(f.usual)
	}
}
