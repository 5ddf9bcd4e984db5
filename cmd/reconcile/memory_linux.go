package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// forget takes memory that holds nothing but zeros out of this process, until it is used again.
func forget(zeros []byte) { _ = unix.Madvise(zeros, unix.MADV_DONTNEED) }

// forgetFiles takes what is mapped of files, the program above all, out of the memory of this process, until it is used
// again: it stays in the kernel's cache, where nothing is read anew. Making ready what the program is linked from touches
// most of it, once, and each page brings those around it. What was ever written to is left as it is: a program that is
// loaded at any address is not as its file says, nor is one that is traced. A process that may open no file, as a worker, does
// so with the program alone, whatever was written to it. Where this fails, it takes more memory, and that is all.
func forgetFiles() {
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		forgetProgram()
		return
	}
	defer smaps.Close()
	var mapped segment
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) < 2:
		case strings.Contains(fields[0], "-"): // 00400000-02a3c000 r-xp 00000000 fd:00 123 /usr/bin/reconcile
			mapped = fileOf(fields)
		case fields[0] == "Anonymous:" && fields[1] == "0":
			mapped.forget()
		}
	}
}

// fileOf is where something is mapped, if it is of a file and cannot be written to; see proc_pid_smaps(5).
func fileOf(mapping []string) (of segment) {
	if len(mapping) < 6 || strings.Contains(mapping[1], "w") || mapping[4] == "0" {
		return segment{}
	}
	if _, err := fmt.Sscanf(mapping[0], "%x-%x", &of.from, &of.to); err != nil {
		return segment{}
	}
	return of
}
