package main

import (
	"debug/elf"
	"encoding/binary"
	"hash/crc32"
	"os"
	"slices"
	"testing"
	"unsafe"
)

// What is mapped of the program takes no memory until it is used again, and then is as it was.
func TestProgramIsForgotten(t *testing.T) {
	program := programSegments()
	before := sums(program)
	had := residentPages(t, program)
	forgetProgram()
	has := residentPages(t, program)
	if has >= had { // how many come back at once is up to the kernel
		t.Errorf("%d pages were resident, %d are", had, has)
	}
	if after := sums(program); !slices.Equal(before, after) {
		t.Errorf("the program was %v and is %v", before, after)
	}
}

// Only what nobody may write to is forgotten, in whole pages, and nothing of a program that does not say where it was loaded.
func TestProgramSegments(t *testing.T) {
	page := uint64(os.Getpagesize())
	load := func(flags elf.ProgFlag, at, size uint64) elf.Prog64 {
		return elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(flags), Vaddr: at, Filesz: size}
	}
	headers := elf.Prog64{Type: uint32(elf.PT_PHDR), Vaddr: 64}
	code, data := load(elf.PF_R|elf.PF_X, 0, 3*page+1), load(elf.PF_R|elf.PF_W, 4*page, page)
	for name, test := range map[string]struct {
		headers []elf.Prog64
		want    []segment
	}{
		"code":               {[]elf.Prog64{headers, code, data}, []segment{{uintptr(8 * page), uintptr(11 * page)}}},
		"in part of a page":  {[]elf.Prog64{headers, load(elf.PF_R, 1, page)}, nil},
		"without the header": {[]elf.Prog64{code}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := readOnly(uintptr(8*page+64), test.headers); !slices.Equal(got, test.want) {
				t.Errorf("got %x, want %x", got, test.want)
			}
		})
	}
}

// sums are checksums of segments, all pages of which are used by that.
func sums(segments []segment) (sums []uint32) {
	for _, p := range segments {
		first := *(**byte)(unsafe.Pointer(&p.from))
		sums = append(sums, crc32.ChecksumIEEE(unsafe.Slice(first, p.to-p.from)))
	}
	return sums
}

// residentPages counts what pages this process has of segments; see proc_pid_pagemap(5).
func residentPages(t *testing.T, segments []segment) (n int) {
	t.Helper()
	pages, err := os.Open("/proc/self/pagemap")
	if err != nil {
		t.Fatal(err)
	}
	defer pages.Close()
	page := uintptr(os.Getpagesize())
	for _, p := range segments {
		entries := make([]byte, (p.to-p.from)/page*8)
		if _, err := pages.ReadAt(entries, int64(p.from/page*8)); err != nil {
			t.Fatal(err)
		}
		for entry := range slices.Chunk(entries, 8) {
			n += int(binary.NativeEndian.Uint64(entry) >> 63)
		}
	}
	return n
}
