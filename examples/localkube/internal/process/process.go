// Package process starts programs that outlive whoever started them, or that die with it, and finds
// and ends them later without ever touching a process that is not ours.
//
// A process is known by a Record: its number and the moment it began. A number alone is not enough,
// since the system gives it to somebody else once the process is gone. Each process also carries a
// mark in its environment, so that those whose Record was lost are found too (see Marked).
//
// It knows nothing of Kubernetes.
package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// MarkName is the variable that carries a process's mark.
const MarkName = "LOCALKUBE_STATE"

// A Record says which process is meant.
type Record struct {
	PID   int    `json:"pid"`
	Began string `json:"began"` // in the words of the system; differs when the number is used again
}

// Identify returns the record of a running process; an error when there is none of that number.
func Identify(pid int) (Record, error) {
	at, err := began(pid)
	if err != nil {
		return Record{}, err
	}
	if at == "" {
		return Record{}, fmt.Errorf("process %d does not run", pid)
	}
	return Record{PID: pid, Began: at}, nil
}

// A State is what a process does.
type State string

// The states of a process.
const (
	Running State = "running"
	Paused  State = "paused" // by SIGSTOP
	Ended   State = "ended"  // or never started
)

// State returns what exactly this process does.
func (r Record) State() State {
	if !r.Alive() {
		return Ended
	}
	if paused(r.PID) {
		return Paused
	}
	return Running
}

// Alive tells whether exactly this process still runs. One that ended and was not yet collected by
// its parent does not.
func (r Record) Alive() bool {
	if r.PID <= 0 || r.Began == "" {
		return false
	}
	at, err := began(r.PID)
	return err == nil && at == r.Began
}

// Signal sends a signal if exactly this process still runs, and does nothing otherwise.
func (r Record) Signal(signal syscall.Signal) error {
	// The handle is taken before the check: from here on it means one process, whatever becomes of
	// the number.
	handle, err := os.FindProcess(r.PID)
	if err != nil || !r.Alive() {
		return nil
	}
	defer handle.Release()
	if err := handle.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %v to process %d: %w", signal, r.PID, err)
	}
	return nil
}

// Wait returns true once the process is gone, false when it still runs after the time given.
func (r Record) Wait(limit time.Duration) bool {
	for end := time.Now().Add(limit); r.Alive(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// Kill ends the process at once and returns when it is gone.
func (r Record) Kill() error {
	if err := r.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	if !r.Wait(20 * time.Second) {
		return fmt.Errorf("process %d still runs 20 s after SIGKILL", r.PID)
	}
	return nil
}

// Read returns the record kept in a file. A file that is missing, or was cut short by a crash, is
// the zero Record, which is never alive.
func Read(path string) (Record, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, nil
	}
	if err != nil {
		return Record{}, err
	}
	var r Record
	if err := json.Unmarshal(raw, &r); err != nil {
		return Record{}, nil
	}
	return r, nil
}

// Write keeps the record in a file, whole or not at all.
func (r Record) Write(path string) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return WriteFile(path, append(raw, '\n'))
}

// WriteFile writes a file that only its owner may read, so that a reader sees the old content or
// the new and never a part of it.
func WriteFile(path string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".new-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(content)
	if err := errors.Join(err, temporary.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return os.Rename(temporary.Name(), path)
}
