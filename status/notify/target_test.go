package notify

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// A secret that is put right counts at once, and until then its file is named and nothing of it.
func TestASecretThatIsPutRightCountsAtOnce(t *testing.T) {
	chat, _, _, both := hooked(t)
	dir := newDir(t)
	var log logged
	o := quick(nil, both[0])
	o.Credentials, o.Every, o.Log = dir.FS(), time.Minute, slog.New(slog.NewTextHandler(&log, nil))
	n := New(o)
	n.tracker = newTracker(o.Patience)
	x := newReceiver(n, both[0], nil)
	w := newWorld("frankfurt")
	w.health("frankfurt", reconcile.Unhealthy, "no image")
	r := w.report()
	n.tracker.look(find(&r), time.Now().Add(-time.Second))
	x.offer(both[0], n.tracker.open(time.Now()))
	for text, says := range map[string]string{
		"":                                  "has 0 lines",
		"http://s3cr3t.example.com/a":       "must be https",
		"ftp://s3cr3t":                      "not an http or https URL",
		"https://s3cr3t\x7f/":               "not an http or https URL",
		chat.URL + "\nhttps://s3cr3t.b/a\n": "has 2 lines",
	} {
		dir.write("notify/chat", text)
		x.tries, x.silence = 0, time.Time{}
		if wait := x.turn(t.Context()); wait < 50*time.Second {
			t.Errorf("%q: it waits %s", text, wait)
		}
		if said := log.String(); !strings.Contains(said, says) || strings.Contains(said, "s3cr3t") {
			t.Errorf("%q: the log says %s", text, said)
		}
		log.Reset()
	}
	dir.write("notify/chat", chat.URL)
	x.turn(t.Context())
	chat.next(t)
}

// logged is a log that several write to.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write keeps a line.
func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is everything that was logged.
func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Reset forgets it.
func (l *logged) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}
