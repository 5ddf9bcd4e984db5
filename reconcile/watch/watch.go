// Package watch tells when files on this machine changed: declarations in a directory, rotated
// credentials.
//
// In goes a path, out come signals without content; whoever gets one reads anew. The kernel's
// notices (fsnotify) make it quick, and looking again now and then makes it certain: notices are
// lost on network mounts, when a limit of the machine is reached, and when what was watched is
// replaced.
package watch

import (
	"context"
	"fmt"
	"hash"
	"hash/fnv"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	settle   = 100 * time.Millisecond // of quiet before a change is told: an editor's save is several steps
	patience = time.Second            // that a steady stream of changes can put off a signal
	poll     = 30 * time.Second       // between looks without a notice
	maxFiles = 20_000                 // a tree with more is watched in part
	maxDepth = 32                     // likewise
)

// Tree watches a file, or a directory with all below it, until ctx ends; the channel is closed
// then. A signal says that something may have changed since the one before; signals that nobody
// takes become one. A path that is not there yet is waited for. Links are looked through, since
// mounted Secrets are swapped by one; directories named .git are not entered.
func Tree(ctx context.Context, path string) <-chan struct{} {
	w := &watcher{path: filepath.Clean(path), out: make(chan struct{}, 1)}
	if notices, err := fsnotify.NewWatcher(); err == nil { // without it, polling remains
		w.notices, w.events, w.lost = notices, notices.Events, notices.Errors
	}
	w.seen = w.look() // before returning, so that no change after the call is missed
	go w.run(ctx)
	return w.out
}

// watcher is the state of one Tree; after Tree has returned, only its goroutine uses it.
type watcher struct {
	path    string
	out     chan struct{}
	notices *fsnotify.Watcher // nil where the machine has none to give
	events  <-chan fsnotify.Event
	lost    <-chan error
	seen    uint64 // what was there, in one number
}

func (w *watcher) run(ctx context.Context) {
	defer close(w.out)
	if w.notices != nil {
		defer w.notices.Close()
	}
	tick := time.NewTicker(poll)
	defer tick.Stop()
	due := time.NewTimer(settle)
	due.Stop()
	var since time.Time // of the first change not looked at yet
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.events:
			if since.IsZero() {
				since = time.Now()
			}
			due.Reset(min(settle, max(0, patience-time.Since(since))))
		case <-w.lost:
			due.Reset(settle)
		case <-tick.C:
			w.compare()
		case <-due.C:
			since = time.Time{}
			w.compare()
		}
	}
}

// compare looks, and tells when something is different.
func (w *watcher) compare() {
	now := w.look()
	if now == w.seen {
		return
	}
	w.seen = now
	select {
	case w.out <- struct{}{}:
	default: // one is there that nobody has taken yet
	}
}

// look walks the tree, sums up names, kinds, sizes, times and identities, and asks for notices of
// what it finds.
func (w *watcher) look() uint64 {
	w.notice(filepath.Dir(w.path)) // the path itself may come and go
	s := &sum{Hash64: fnv.New64a(), left: maxFiles}
	w.walk(s, w.path, 0)
	return s.Sum64()
}

// sum is what one look has seen.
type sum struct {
	hash.Hash64
	left int
}

func (w *watcher) walk(s *sum, name string, depth int) {
	info, err := os.Stat(name)
	if err != nil || s.left <= 0 || depth > maxDepth {
		return
	}
	s.left--
	fmt.Fprintf(s, "%q %v %v\n", name, info.Mode(), identity(info))
	if !info.IsDir() {
		fmt.Fprintf(s, "%d %d\n", info.Size(), info.ModTime().UnixNano())
		return
	}
	w.notice(name)
	entries, _ := os.ReadDir(name) // what cannot be read now is looked at again
	for _, e := range entries {
		if e.Name() != ".git" {
			w.walk(s, filepath.Join(name, e.Name()), depth+1)
		}
	}
}

// notice asks the kernel to tell of changes in a directory. Asking twice is asking once; asking
// again also renews what ended with a directory of the same name.
func (w *watcher) notice(dir string) {
	if w.notices != nil {
		_ = w.notices.Add(dir) // what gives no notices is polled
	}
}
