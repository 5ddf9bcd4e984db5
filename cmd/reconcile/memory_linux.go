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
// loaded at any address is not as its file says, nor is one that is traced. Where this fails, it takes more memory, and that
// is all.
func forgetFiles() {
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		forgetProgram()
		return
	}
	defer smaps.Close()
	var from, to uint64
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) < 2:
		case strings.Contains(fields[0], "-"): // 00400000-02a3c000 r-xp 00000000 fd:00 123 /usr/bin/reconcile
			from, to = fileOf(fields)
		case fields[0] == "Anonymous:" && fields[1] == "0" && from < to:
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, uintptr(from), uintptr(to-from), unix.MADV_DONTNEED)
		}
	}
}

// fileOf is where a mapping begins and ends, if it is of a file and cannot be written to; see proc_pid_smaps(5).
func fileOf(mapping []string) (from, to uint64) {
	if len(mapping) < 6 || strings.Contains(mapping[1], "w") || mapping[4] == "0" {
		return 0, 0
	}
	if _, err := fmt.Sscanf(mapping[0], "%x-%x", &from, &to); err != nil {
		return 0, 0
	}
	return from, to
}
