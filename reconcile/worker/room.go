package worker

import (
	"fmt"
	"os"
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
		"raise its memory limit, or let fewer run at a time with a lower CPU limit", n, mebibytes(need), mebibytes(has))
}
