package main

import (
	"runtime/debug"
	"sync"
)

// heapRoom is how much of the heap nobody ever writes to, so that it takes no memory. Garbage is collected each time the heap
// has grown by as much as it holds, which for a small one is much too often: this makes it less than half as often for
// a hundred providers, and changes little for a thousand.
const heapRoom = 20 << 20

// makeRoom makes that room. It is forgotten at once: where Go has used a part of it before, it has written zeros to all of it.
func makeRoom() []byte {
	room := make([]byte, heapRoom)
	forget(room)
	return room
}

// frugalGrowth is how much the heap, with its room, may grow before garbage is collected, in percent, while workers take memory
// of their own: little. They are there for a small part of the time, so that collecting more often costs little.
const frugalGrowth = 10

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
