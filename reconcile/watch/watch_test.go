package watch

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(content), 0o600))
}

// told waits for a signal.
func told(t *testing.T, what string, signals <-chan struct{}) {
	t.Helper()
	select {
	case <-signals:
	case <-time.After(10 * time.Second):
		t.Fatalf("no signal after: %s", what)
	}
}

// quiet checks that there is no signal for longer than a change takes to be told.
func quiet(t *testing.T, what string, signals <-chan struct{}) {
	t.Helper()
	if stillTold(signals) {
		t.Errorf("a signal after: %s", what)
	}
}

// stillTold waits for another signal for longer than a change takes to be told.
func stillTold(signals <-chan struct{}) bool {
	select {
	case <-signals:
		return true
	case <-time.After(4 * settle):
		return false
	}
}

func TestChangesAreToldOnceEach(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.cue")
	put(t, file, "a: 1")
	signals := Tree(t.Context(), dir)
	quiet(t, "nothing", signals)
	sub := filepath.Join(dir, "clusters")
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"a write", func() { put(t, file, "a: 2") }},
		{"a new file", func() { put(t, filepath.Join(dir, "b.cue"), "b: 1") }},
		{"a removal", func() { must(t, os.Remove(filepath.Join(dir, "b.cue"))) }},
		{"an editor's save", func() {
			put(t, file+".swp", "a: 3")
			must(t, os.Rename(file+".swp", file))
		}},
		{"a new directory with a file", func() {
			must(t, os.MkdirAll(filepath.Join(sub, "deep"), 0o755))
			put(t, filepath.Join(sub, "deep", "x"), "1")
		}},
		{"a write below the new directory", func() { put(t, filepath.Join(sub, "deep", "x"), "22") }},
		{"a directory that moved", func() { must(t, os.Rename(sub, sub+"2")) }},
		{"a write below where it is now", func() { put(t, filepath.Join(sub+"2", "deep", "x"), "333") }},
		{"a directory that went", func() { must(t, os.RemoveAll(sub+"2")) }},
		{"a mode", func() { must(t, os.Chmod(file, 0o644)) }},
	} {
		start := time.Now()
		step.do()
		steps := time.Since(start)
		told(t, step.name, signals)
		if steps > settle/2 { // the machine is busy: its steps may have been told apart
			for stillTold(signals) {
			}
			continue
		}
		quiet(t, step.name+", told", signals)
	}
}

func TestBurstIsOneSignal(t *testing.T) {
	dir := t.TempDir()
	signals := Tree(t.Context(), dir)
	start := time.Now()
	for i := range 200 {
		put(t, filepath.Join(dir, "f"), string(rune('a'+i%26)))
	}
	told(t, "a burst", signals)
	if time.Since(start) < 2*settle { // else the machine is busy
		quiet(t, "a burst, told", signals)
	}
}

func TestSteadyChangesAreToldAllTheSame(t *testing.T) {
	dir := t.TempDir()
	signals := Tree(t.Context(), dir)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(settle / 4):
				_ = os.WriteFile(filepath.Join(dir, "log"), make([]byte, n), 0o600)
			}
		}
	}()
	told(t, "a while of changes", signals)
	told(t, "a while more", signals)
	close(stop)
	<-stopped
}

func TestMountedSecretThatIsSwapped(t *testing.T) {
	dir := t.TempDir()
	version := func(name, content string) {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o755))
		put(t, filepath.Join(dir, name, "eu.kubeconfig"), content)
		must(t, os.Symlink(name, filepath.Join(dir, "..data_tmp")))
		must(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	}
	version("..1", "old")
	must(t, os.Symlink("..data/eu.kubeconfig", filepath.Join(dir, "eu.kubeconfig")))
	file := Tree(t.Context(), filepath.Join(dir, "eu.kubeconfig"))
	whole := Tree(t.Context(), dir)
	version("..2", "new")
	told(t, "a swap, watching the directory", whole)
	told(t, "a swap, watching a file", file)
	must(t, os.RemoveAll(filepath.Join(dir, "..1")))
	quiet(t, "the old version went, watching a file", file)
}

func TestWhatComesAndGoes(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "declarations")
	signals := Tree(t.Context(), dir)
	quiet(t, "nothing there", signals)
	must(t, os.Mkdir(dir, 0o755))
	told(t, "the directory came", signals)
	put(t, filepath.Join(dir, "a.cue"), "a: 1")
	told(t, "a file in it", signals)
	must(t, os.RemoveAll(dir))
	told(t, "the directory went", signals)
	must(t, os.Mkdir(dir, 0o755))
	put(t, filepath.Join(dir, "a.cue"), "a: 1")
	told(t, "it came again", signals)
	put(t, filepath.Join(dir, "a.cue"), "a: 2")
	told(t, "a write in the new one", signals)
}

func TestGitIsNotLookedInto(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, ".git", "objects"), 0o755))
	signals := Tree(t.Context(), dir)
	put(t, filepath.Join(dir, ".git", "index"), "x")
	put(t, filepath.Join(dir, ".git", "objects", "x"), "x")
	quiet(t, "git at work", signals)
}

func TestPollingNeedsNoNotices(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := &watcher{path: dir, out: make(chan struct{}, 1)}
		w.seen = w.look()
		go w.run(ctx)
		put(t, filepath.Join(dir, "a.cue"), "a: 1")
		start := time.Now()
		<-w.out
		if took := time.Since(start); took > poll {
			t.Errorf("took %v", took)
		}
		cancel()
		for range w.out {
			t.Error("a signal after the end")
		}
	})
}

func TestChannelIsClosedAtTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	signals := Tree(ctx, t.TempDir())
	cancel()
	select {
	case _, open := <-signals:
		if open {
			t.Error("a signal")
		}
	case <-time.After(10 * time.Second):
		t.Error("still open")
	}
}
