package signin

import (
	"context"
	"sync"
	"time"
)

// turn is how long it counts who somebody was found to be: until files change. Connections that are kept end with it, and
// whoever had one asks anew.
type turn struct {
	mu  sync.Mutex // guards what follows
	ctx context.Context
	end context.CancelFunc
}

func (t *turn) now() context.Context {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ctx
}

func (t *turn) next() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.end != nil {
		t.end()
	}
	t.ctx, t.end = context.WithCancel(context.Background())
}

// during is a context that ends with a turn, too, and after some time.
func during(ctx, turn context.Context, left time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithTimeout(ctx, left)
	stop := context.AfterFunc(turn, cancel)
	return ctx, func() { stop(); cancel() }
}

// stays are the requests of each session that go on. They end with it.
type stays struct {
	mu  sync.Mutex                // guards what follows
	all map[string]map[*stay]bool // by session
}

// stay is a request that goes on.
type stay struct{ end context.CancelFunc }

// add keeps a request of a session until it is gone.
func (s *stays) add(session string, end context.CancelFunc) (gone func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[session] == nil {
		s.all[session] = map[*stay]bool{}
	}
	one := &stay{end}
	s.all[session][one] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if delete(s.all[session], one); len(s.all[session]) == 0 {
			delete(s.all, session)
		}
	}
}

// end ends the requests of a session.
func (s *stays) end(session string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for one := range s.all[session] {
		one.end()
	}
}
