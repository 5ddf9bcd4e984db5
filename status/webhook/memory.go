package webhook

import (
	"crypto/sha256"
	"sync"
)

// remembered is how many deliveries of a forge are known again.
const remembered = 4096

// mark is a delivery's id or the HMAC of its body, hashed: ids may be long.
type mark [sha256.Size]byte

// marks are those of a delivery. It may have none.
func marks(id string, sum []byte) (out []mark) {
	if id != "" {
		out = append(out, sha256.Sum256([]byte("id "+id)))
	}
	if sum != nil {
		out = append(out, sha256.Sum256(append([]byte("sum "), sum...)))
	}
	return out
}

// memory knows the newest marks, two for each delivery. Its zero value is empty. It holds what verified senders
// sent only, so that nobody else makes it forget.
type memory struct {
	mu    sync.Mutex // guards the rest
	known map[mark]bool
	ring  []mark // what is known, as a ring when it is full
	next  int    // the oldest of a full ring
}

// isNew says whether none of these is known, and if so remembers them.
func (m *memory) isNew(all []mark) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, one := range all {
		if m.known[one] {
			return false
		}
	}
	for _, one := range all {
		m.add(one)
	}
	return true
}

func (m *memory) add(one mark) {
	if m.known == nil {
		m.known = map[mark]bool{}
	}
	m.known[one] = true
	if len(m.ring) < 2*remembered {
		m.ring = append(m.ring, one)
		return
	}
	delete(m.known, m.ring[m.next])
	m.ring[m.next] = one
	m.next = (m.next + 1) % len(m.ring)
}
