package main

import "runtime/debug"

// heapRoom is how much of the heap nobody ever writes to, so that it takes no memory. The garbage collector
// works each time the heap has doubled, which for a small one is much too often: this makes it less often,
// for a little more memory, and changes little where the heap is large.
const heapRoom = 16 << 20

// giveBack gives the system what work has left behind: a large rollout leaves twice what an idle daemon needs.
func giveBack() {
	debug.FreeOSMemory()
	forgetFiles()
}
