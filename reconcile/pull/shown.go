package pull

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Memory keeps what plans were shown, by the key of what they would declare, a file each. Losing it delays: what is
// merged has then not been shown.
type Memory struct {
	dir string // empty: nothing is kept between two starts

	mu  sync.Mutex // guards all
	all map[string]reconcile.Shown
}

// keptPlans bounds how many plans are remembered.
const keptPlans = 512

// NewMemory reads what was kept in a directory, which need not be there yet. A file that cannot be read is none.
func NewMemory(dir string) *Memory {
	m := &Memory{dir: dir, all: map[string]reconcile.Shown{}}
	if dir == "" {
		return m
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	for _, name := range names[max(0, len(names)-2*keptPlans):] {
		var s reconcile.Shown
		raw, err := os.ReadFile(name)
		if err == nil && json.Unmarshal(raw, &s) == nil && s.Key != "" && name == m.file(s.Key) {
			m.all[s.Key] = s
		}
	}
	return m
}

// Shown is the plan that was shown of what has a key.
func (m *Memory) Shown(key string) (reconcile.Shown, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, there := m.all[key]
	return s, there && key != ""
}

// Show remembers a proposal. One with which something is wrong shows nothing.
func (m *Memory) Show(p reconcile.Proposal) error {
	if p.Stage != reconcile.Planned || p.Err != nil || p.Key == "" {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all[p.Key] = p.Show()
	return errors.Join(m.write(p.Key), m.prune())
}

func (m *Memory) file(key string) string {
	return filepath.Join(m.dir, hex.EncodeToString([]byte(key))+".json")
}

// write replaces a file whole.
func (m *Memory) write(key string) error {
	if m.dir == "" {
		return nil
	}
	raw, err := json.Marshal(m.all[key])
	if err != nil {
		return err
	}
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return err
	}
	temp := filepath.Join(m.dir, "new")
	if err := os.WriteFile(temp, raw, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, m.file(key))
}

// prune forgets the oldest of too many.
func (m *Memory) prune() error {
	extra := len(m.all) - keptPlans
	if extra <= 0 {
		return nil
	}
	keys := make([]string, 0, len(m.all))
	for key := range m.all {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(m.all[a].At.Compare(m.all[b].At), cmp.Compare(a, b))
	})
	var err error
	for _, key := range keys[:extra] {
		delete(m.all, key)
		if m.dir == "" {
			continue
		}
		if gone := os.Remove(m.file(key)); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return err
}
