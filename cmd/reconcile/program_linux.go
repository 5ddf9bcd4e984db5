package main

import (
	"debug/elf"
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// segment is where a part of a file is mapped, in whole pages. It may be empty.
type segment struct{ from, to uintptr }

// forget takes it out of the memory of this process, until it is used again.
func (s segment) forget() {
	if s.from < s.to {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, s.from, s.to-s.from, unix.MADV_DONTNEED)
	}
}

// forgetProgram is forgetFiles for the program alone, and asks for no file: a worker may open none. What was written to the
// program since, such as the breakpoints of a debugger, is lost.
func forgetProgram() {
	for _, s := range programSegments() {
		s.forget()
	}
}

// What the kernel tells a program of its own headers; see getauxval(3).
const (
	headersAt = 3 // AT_PHDR
	headerLen = 4 // AT_PHENT
	headers   = 5 // AT_PHNUM
)

// programSegments are where the program is mapped and is as in its file: where nothing may be written. It has none where that
// is not known.
func programSegments() []segment {
	auxv, err := unix.Auxv()
	if err != nil {
		return nil
	}
	told := map[uintptr]uintptr{}
	for _, entry := range auxv {
		told[entry[0]] = entry[1]
	}
	at := told[headersAt]
	if at == 0 || told[headerLen] != unsafe.Sizeof(elf.Prog64{}) {
		return nil
	}
	return readOnly(at, unsafe.Slice(*(**elf.Prog64)(unsafe.Pointer(&at)), told[headers]))
}

// readOnly are the segments that may not be written to, of a program whose headers are at an address. The headers say where they
// are themselves, and so where the program was loaded.
func readOnly(at uintptr, all []elf.Prog64) (out []segment) {
	own := slices.IndexFunc(all, func(p elf.Prog64) bool { return elf.ProgType(p.Type) == elf.PT_PHDR })
	if own < 0 {
		return nil
	}
	loaded, page := at-uintptr(all[own].Vaddr), uintptr(os.Getpagesize())
	for _, p := range all {
		if elf.ProgType(p.Type) != elf.PT_LOAD || elf.ProgFlag(p.Flags)&elf.PF_W != 0 {
			continue
		}
		from, to := loaded+uintptr(p.Vaddr), loaded+uintptr(p.Vaddr+p.Filesz)
		if from, to = (from+page-1)/page*page, to/page*page; from < to {
			out = append(out, segment{from, to})
		}
	}
	return out
}
