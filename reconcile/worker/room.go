package worker

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

const (
	reserve  = 256 << 20 // what this process itself may need
	overhead = 100 << 20 // what a child needs beside its data: the program, stacks
)

// Fits says whether the children that may run at a time fit into the memory of this container.
// Where they do not, the system would one day end the whole container in place of a child.
func (p *Pool) Fits(tasks ...Task) error { return p.fits(memoryMax(os.DirFS("/")), tasks) }

func (p *Pool) fits(has int64, tasks []Task) error {
	var largest int64
	for _, t := range tasks {
		largest = max(largest, t.withDefaults().Memory)
	}
	n := int64(p.parallel())
	need := reserve + n*(largest+overhead)
	if has == 0 || need <= has {
		return nil
	}
	return fmt.Errorf("memory: %d workers at a time may need %s, and the container has %s: "+
		"raise its memory limit, or let fewer run at a time with a lower CPU limit or GOMAXPROCS", n, mebibytes(need), mebibytes(has))
}

// memoryMax is the memory that the control group of this process may use, 0 where nothing is
// limited.
func memoryMax(root fs.FS) int64 {
	group, _ := fs.ReadFile(root, "proc/self/cgroup") // in a container often just "0::/"
	for line := range strings.Lines(string(group)) {
		if own, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			if n := lowest(root, path.Join("sys/fs/cgroup", own)); n > 0 {
				return n
			}
		}
	}
	return number(root, "sys/fs/cgroup/memory/memory.limit_in_bytes") // version 1
}

// lowest is the tightest limit of a control group and those above it.
func lowest(root fs.FS, group string) int64 {
	var limits []int64
	for ; strings.HasPrefix(group, "sys/fs/cgroup"); group = path.Dir(group) {
		if n := number(root, path.Join(group, "memory.max")); n > 0 {
			limits = append(limits, n)
		}
	}
	if len(limits) == 0 {
		return 0
	}
	return slices.Min(limits)
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
