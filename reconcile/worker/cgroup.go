package worker

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// cpus is how many CPUs this process may use. Go itself says two where a container has one of several.
var cpus = sync.OnceValue(func() int { return usable(os.DirFS("/"), runtime.NumCPU()) })

// usable is how many of these CPUs this container may use.
func usable(root fs.FS, there int) int {
	if n := cpuMax(root); n > 0 {
		return min(there, int(n))
	}
	return there
}

// groups is where control groups are.
const groups = "sys/fs/cgroup"

// memoryMax is the memory in bytes that the control group of this process may use, 0 where nothing is limited.
func memoryMax(root fs.FS) int64 {
	return cmp.Or(lowest(root, "memory.max", number), number(root, path.Join(groups, "memory/memory.limit_in_bytes")))
}

// cpuMax is how many CPUs the control group of this process may use, rounded up; 0 where nothing is limited.
func cpuMax(root fs.FS) int64 {
	v1 := path.Join(groups, "cpu")
	return cmp.Or(lowest(root, "cpu.max", share),
		whole(number(root, path.Join(v1, "cpu.cfs_quota_us")), number(root, path.Join(v1, "cpu.cfs_period_us"))))
}

// lowest is the tightest limit of the control group of this process and those above it, in version 2 of control groups;
// 0 where there is none.
func lowest(root fs.FS, file string, read func(root fs.FS, name string) int64) (tightest int64) {
	own, _ := fs.ReadFile(root, "proc/self/cgroup") // in a container often just "0::/"
	for line := range strings.Lines(string(own)) {
		in, ok := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !ok {
			continue
		}
		for group := path.Join(groups, in); strings.HasPrefix(group, groups); group = path.Dir(group) {
			if n := read(root, path.Join(group, file)); n > 0 && (tightest == 0 || n < tightest) {
				tightest = n
			}
		}
	}
	return tightest
}

// number reads a limit, 0 where there is none.
func number(root fs.FS, name string) int64 {
	text, _ := fs.ReadFile(root, name)
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || n >= 1<<60 { // "max", or version 1's way to say so
		return 0
	}
	return n
}

// share reads how many CPUs a limit comes to: microseconds in a period, such as "150000 100000" or "max 100000".
func share(root fs.FS, name string) int64 {
	text, _ := fs.ReadFile(root, name)
	var quota, period int64
	if _, err := fmt.Sscan(string(text), &quota, &period); err != nil {
		return 0
	}
	return whole(quota, period)
}

// whole is how many CPUs a quota of each period comes to, rounded up; 0 where there is none.
func whole(quota, period int64) int64 {
	if quota <= 0 || period <= 0 {
		return 0
	}
	return (quota + period - 1) / period
}
