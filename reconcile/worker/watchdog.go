package worker

import (
	"os"
	"runtime/metrics"
	"time"
)

// watch ends this process when its memory passes a limit or its parent is gone, where the system
// does not see to that: Linux since 6.12 lets the one allocation through that passes RLIMIT_DATA, of whatever size,
// if the addresses for it were reserved before, as Go does.
func watch(limit int64) {
	parent := os.Getppid()
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	for {
		metrics.Read(sample)
		if int64(sample[0].Value.Uint64()-sample[1].Value.Uint64()) > limit || os.Getppid() != parent {
			os.Exit(exitMemory)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
