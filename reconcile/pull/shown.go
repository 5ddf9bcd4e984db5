package pull

import (
	"bytes"
	"cmp"
	"compress/flate"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Memory keeps what plans were shown, by the key of what they would declare, a file each. Losing it delays: what is
// merged has then not been shown. Of each request the newest is kept: while it is open, and for some time after, since
// what it brought is in force then.
type Memory struct {
	dir string // empty: nothing is kept between two starts

	mu  sync.Mutex // guards all
	all map[string]kept
}

// kept is a plan that was shown. There may be very many, so each is packed.
type kept struct {
	packed  []byte // reconcile.Shown as JSON, deflated
	request int
	at      time.Time
	closed  bool
}

// What is kept beside the requests that are open: the newest of those that are closed, and of what was kept by an earlier
// process, which may be either.
const (
	keptClosed = 128
	keptPlans  = maxOpen + keptClosed
)

// suffix of the files: the packed text as it is.
const suffix = ".json.deflate"

// NewMemory reads what was kept in a directory, which need not be there yet. A file that cannot be read is none.
func NewMemory(dir string) *Memory {
	m := &Memory{dir: dir, all: map[string]kept{}}
	if dir == "" {
		return m
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*"+suffix))
	for _, name := range names[max(0, len(names)-2*keptPlans):] {
		packed, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		if s, err := unpack(packed); err == nil && s.Key != "" && name == m.file(s.Key) {
			m.all[s.Key] = kept{packed: packed, request: s.Request, at: s.At}
		}
	}
	return m
}

// Shown is the plan that was shown of what has a key.
func (m *Memory) Shown(key string) (reconcile.Shown, bool) {
	m.mu.Lock()
	k, there := m.all[key]
	m.mu.Unlock()
	if key == "" || !there {
		return reconcile.Shown{}, false
	}
	s, err := unpack(k.packed)
	return s, err == nil
}

// Show remembers a proposal in the place of the last of its request. One with which something is wrong shows nothing.
func (m *Memory) Show(p reconcile.Proposal) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p.Stage == reconcile.Closed {
		return m.close(p.Request.Number)
	}
	if p.Stage != reconcile.Planned || p.Err != nil || p.Key == "" {
		return nil
	}
	packed, err := pack(p.Show())
	if err != nil {
		return err
	}
	for key, k := range m.all {
		if k.request == p.Request.Number && !k.closed && key != p.Key {
			err = errors.Join(err, m.drop(key))
		}
	}
	m.all[p.Key] = kept{packed: packed, request: p.Request.Number, at: p.At}
	return errors.Join(err, m.write(p.Key), m.prune(func(kept) bool { return true }, keptPlans))
}

// close notes that a request is not open any more.
func (m *Memory) close(number int) error {
	for key, k := range m.all {
		if k.request == number {
			k.closed = true
			m.all[key] = k
		}
	}
	return m.prune(func(k kept) bool { return k.closed }, keptClosed)
}

func pack(s reconcile.Shown) ([]byte, error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, flate.BestSpeed) // it knows this level
	if _, err = w.Write(raw); err == nil {
		err = w.Close()
	}
	return out.Bytes(), err
}

func unpack(packed []byte) (s reconcile.Shown, err error) {
	err = json.NewDecoder(flate.NewReader(bytes.NewReader(packed))).Decode(&s)
	return s, err
}

func (m *Memory) file(key string) string {
	return filepath.Join(m.dir, hex.EncodeToString([]byte(key))+suffix)
}

// write replaces a file whole.
func (m *Memory) write(key string) error {
	if m.dir == "" {
		return nil
	}
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return err
	}
	temp := filepath.Join(m.dir, "new")
	if err := os.WriteFile(temp, m.all[key].packed, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, m.file(key))
}

// prune forgets the oldest of too many of a sort.
func (m *Memory) prune(of func(kept) bool, most int) error {
	var keys []string
	for key, k := range m.all {
		if of(k) {
			keys = append(keys, key)
		}
	}
	if len(keys) <= most {
		return nil
	}
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(m.all[a].at.Compare(m.all[b].at), cmp.Compare(a, b))
	})
	var err error
	for _, key := range keys[:len(keys)-most] {
		err = errors.Join(err, m.drop(key))
	}
	return err
}

func (m *Memory) drop(key string) error {
	delete(m.all, key)
	if m.dir == "" {
		return nil
	}
	if err := os.Remove(m.file(key)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
