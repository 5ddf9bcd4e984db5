package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// sleeper starts a process that does nothing, marked with a directory of this test's.
func sleeper(t *testing.T, starter Starter) (*Process, string) {
	t.Helper()
	mark := t.TempDir() + "/"
	p, err := starter.Start(Spec{
		Command: []string{"sleep", "1000"},
		Env:     []string{"PATH=" + os.Getenv("PATH")},
		Dir:     mark, Log: mark + "log", Mark: mark,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill() })
	return p, mark
}

func TestKillEndsTheProcessAndIsNoErrorTwice(t *testing.T) {
	p, _ := sleeper(t, Starter{})
	if got := p.State(); got != Running {
		t.Errorf("state %s, want %s", got, Running)
	}
	for range 2 {
		if err := p.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.State(); got != Ended {
		t.Errorf("state after Kill %s, want %s", got, Ended)
	}
	<-p.Done()
	if got, want := p.End(), "signal: killed"; got != want {
		t.Errorf("End %q, want %q", got, want)
	}
}

func TestAProcessOfTheSameNumberButAnotherTimeIsNeverSignalled(t *testing.T) {
	p, _ := sleeper(t, Starter{})
	other := Record{PID: p.PID, Began: p.Began + "0"}
	if other.Alive() {
		t.Error("another process's record is alive")
	}
	if err := other.Kill(); err != nil {
		t.Fatal(err)
	}
	if !p.Alive() {
		t.Error("the record of another process killed this one")
	}
}

func TestAnEndedProcessThatNobodyCollectedIsNotAlive(t *testing.T) {
	command := exec.Command("sleep", "1000")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer command.Wait()
	record, err := Identify(command.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := record.Kill(); err != nil {
		t.Fatal(err)
	}
	if record.Alive() {
		t.Error("alive")
	}
	if _, err := Identify(record.PID); err == nil {
		t.Error("Identify found it")
	}
}

func TestPausedIsAliveAndCanBeKilled(t *testing.T) {
	p, _ := sleeper(t, Starter{})
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); p.State() != Paused; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("state %s, want %s", p.State(), Paused)
		}
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
}

func TestMarkedFindsOnlyItsOwn(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	p, mark := sleeper(t, Starter{})
	sleeper(t, Starter{})
	found, err := Marked(mark)
	if err != nil || len(found) != 1 || found[0] != p.Record {
		t.Errorf("Marked: %v, %v; want only %v", found, err, p.Record)
	}
}

func TestRecordsSurviveAFileAndDamageMeansNone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.pid")
	want := Record{PID: 17, Began: "boot:4"}
	if err := want.Write(file); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(file); got != want || err != nil {
		t.Errorf("Read: %v, %v; want %v", got, err, want)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	for _, damage := range []string{"", "{", "17"} {
		if err := os.WriteFile(file, []byte(damage), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Read(file); got != (Record{}) || err != nil || got.Alive() {
			t.Errorf("Read of %q: %v, %v; want none", damage, got, err)
		}
	}
	if got, err := Read(file + "-none"); got != (Record{}) || err != nil {
		t.Errorf("Read of no file: %v, %v; want none", got, err)
	}
}

// TestMain is the owner in the next test: called with a file, it starts a tied process, writes its
// number there and waits.
func TestMain(m *testing.M) {
	file := os.Getenv("LOCALKUBE_TEST_OWNER")
	if file == "" {
		os.Exit(m.Run())
	}
	p, err := Tied().Start(Spec{
		Command: []string{"sleep", "1000"}, Dir: filepath.Dir(file), Log: file + ".log",
	})
	if err != nil {
		panic(err)
	}
	if err := WriteFile(file, []byte(strconv.Itoa(p.PID))); err != nil {
		panic(err)
	}
	select {}
}

func TestTiedProcessesEndWithTheirStarterEvenIfItIsKilled(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux can do that")
	}
	file := filepath.Join(t.TempDir(), "pid")
	owner := exec.Command(os.Args[0])
	owner.Env = append(os.Environ(), "LOCALKUBE_TEST_OWNER="+file)
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	var raw []byte
	for end := time.Now().Add(10 * time.Second); len(raw) == 0; time.Sleep(10 * time.Millisecond) {
		if raw, _ = os.ReadFile(file); time.Now().After(end) {
			t.Fatal("the owner started nothing")
		}
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(raw)))
	child, err := Identify(pid)
	if err != nil {
		t.Fatal(err)
	}
	owner.Process.Kill()
	owner.Wait()
	if !child.Wait(5 * time.Second) {
		child.Kill()
		t.Error("it still runs 5 s after its starter was killed")
	}
}

func TestOnlyOneHoldsALockEvenWhenItsFileIsRemoved(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	var held atomic.Int32
	done := make(chan bool)
	for range 8 {
		go func() {
			for range 50 {
				unlock, err := Lock(file)
				if err != nil {
					t.Error(err)
					break
				}
				if holders := held.Add(1); holders != 1 {
					t.Errorf("%d hold the lock", holders)
				}
				held.Add(-1)
				os.Remove(file)
				unlock()
			}
			done <- true
		}()
	}
	for range 8 {
		<-done
	}
}
