package worker

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

func TestLandlockDeniesByItself(t *testing.T) {
	abi := Landlock()
	if abi == 0 {
		t.Skip("this kernel has no Landlock")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread keeps nothing of this
		if err := landlock("/proc/self/exe"); err != nil {
			t.Error(err)
		}
		if _, err := os.ReadFile(file); !errors.Is(err, syscall.EACCES) {
			t.Errorf("reading a file: %v", err)
		}
		if err := os.WriteFile(file, nil, 0o600); !errors.Is(err, syscall.EACCES) {
			t.Errorf("writing a file: %v", err)
		}
		if err := os.Remove(file); !errors.Is(err, syscall.EACCES) {
			t.Errorf("removing a file: %v", err)
		}
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if err != nil {
			t.Error(err)
			return
		}
		defer syscall.Close(fd)
		to := &syscall.SockaddrInet4{Port: l.Addr().(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}}
		if err := syscall.Connect(fd, to); abi >= 4 && !errors.Is(err, syscall.EACCES) {
			t.Errorf("dialling: %v", err)
		}
	}()
	<-done
	if _, err := os.ReadFile(file); err != nil {
		t.Errorf("the rest of the program lost its rights too: %v", err)
	}
}

func TestProgramWithLibrariesInOddPlaces(t *testing.T) {
	script := filepath.Join(t.TempDir(), "odd") // its interpreter is where Landlock does not allow
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexec "+os.Args[0]+` "$@"`+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := (&Pool{Exe: script}).Run(t.Context(), Task{Name: "echo"}, []byte("hi"))
	if err != nil || string(out) != "hi" {
		t.Errorf("%q %v", out, err)
	}
}
