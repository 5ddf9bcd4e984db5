package main

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What is mapped of files takes no memory until it is used again, and what was written to it, as where a program is loaded,
// is not lost.
func TestFilesAreForgotten(t *testing.T) {
	const onDisk, written = "on disk", "written"
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(onDisk), 0o600); err != nil {
		t.Fatal(err)
	}
	relocated, plain := mapped(t, name), mapped(t, name)
	copy(relocated, written)
	for _, m := range [][]byte{relocated, plain} {
		if err := unix.Mprotect(m, unix.PROT_READ); err != nil {
			t.Fatal(err)
		}
	}
	before := plain[0] == onDisk[0] && resident(t, plain)
	forgetFiles()
	if after := resident(t, plain); !before || after {
		t.Errorf("it was mapped: %t, it is: %t", before, after)
	}
	if got := string(relocated[:len(written)]); got != written {
		t.Errorf("what was written is %q", got)
	}
	if got := string(plain[:len(onDisk)]); got != onDisk {
		t.Errorf("the file is %q", got)
	}
}

// Room in the heap takes no memory, also where the heap was used before.
func TestRoomTakesNoMemory(t *testing.T) {
	used := make([]byte, 2*heapRoom)
	for i := range used {
		used[i] = 1
	}
	before := resident(t, used)
	runtime.GC()
	room := makeRoom()
	if !before || resident(t, room) || resident(t, room[heapRoom/2:]) {
		t.Errorf("what was used is resident: %t; room: %t and %t", before, resident(t, room), resident(t, room[heapRoom/2:]))
	}
	runtime.KeepAlive(room)
}

// mapped is a file as a program is mapped: what is written to it is not written to the file.
func mapped(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := unix.Mmap(int(f.Fd()), 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(m) })
	return m
}

// resident says whether this process has the first page of what is mapped.
func resident(t *testing.T, m []byte) bool {
	t.Helper()
	page := uintptr(os.Getpagesize())
	at := uintptr(unsafe.Pointer(&m[0])) / page * page
	return residentPages(t, []segment{{at, at + page}}) == 1
}
