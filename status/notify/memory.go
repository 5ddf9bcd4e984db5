package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"time"
)

// Memory keeps what receivers were told, beyond the life of a process.
type Memory interface {
	// Recall is what was kept last; nothing where nothing was.
	Recall(ctx context.Context) ([]byte, error)
	// Keep replaces what was kept.
	Keep(ctx context.Context, data []byte) error
}

// book is what each receiver was told, by its name and the key of the incident.
type book map[string]map[string]Incident

// memoryTimeout is how long a memory may take.
const memoryTimeout = 10 * time.Second

// recall takes in what whoever spoke before has told. Without it, what is open may be told twice, and that is
// better than not at all.
func (n *Notifier) recall(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, memoryTimeout)
	defer cancel()
	data, err := n.o.Memory.Recall(ctx)
	told := book{}
	if err == nil && len(data) > 0 {
		err = json.Unmarshal(data, &told)
	}
	if err != nil {
		n.o.Log.Warn("what receivers of notifications were told is not known: they may be told again", "reason", err.Error())
		return
	}
	n.told = told
	if n.kept, err = json.Marshal(told); err != nil {
		n.kept = nil // it is kept anew
	}
	for _, incidents := range told {
		for _, i := range incidents {
			n.tracker.know(i)
		}
	}
}

// remember keeps what receivers were told, where that is not what was kept last. What cannot be kept now is kept with
// the next change.
func (n *Notifier) remember(ctx context.Context) {
	if !n.speaking {
		return
	}
	now := book{}
	for name, x := range n.receivers {
		told := x.knows()
		for key, i := range told {
			i.Message = "" // the end does not say it
			told[key] = i
		}
		if len(told) > 0 {
			now[name] = told
		}
	}
	data, err := json.Marshal(now)
	if bytes.Equal(data, n.kept) {
		return
	}
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, memoryTimeout)
		defer cancel()
		err = n.o.Memory.Keep(ctx, data)
	}
	if err != nil {
		n.o.Log.Warn("what receivers of notifications were told cannot be kept", "reason", err.Error())
		return
	}
	n.kept = data
}

// forgetful is a Memory that lasts as long as the process.
type forgetful struct {
	mu   sync.Mutex // guards data
	data []byte
}

// Recall is what was kept last.
func (f *forgetful) Recall(context.Context) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.data, nil
}

// Keep replaces it.
func (f *forgetful) Keep(_ context.Context, data []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.data = data
	return nil
}
