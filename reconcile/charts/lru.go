package charts

import "container/list"

// lru keeps the entries used last, as long as their costs do not exceed max together.
// It is not safe for concurrent use.
type lru[V any] struct {
	max, cost int64
	order     *list.List // of lruEntry[V], the newest in front
	entries   map[string]*list.Element
}

type lruEntry[V any] struct {
	key   string
	value V
	cost  int64
}

func newLRU[V any](max int64) *lru[V] {
	return &lru[V]{max: max, order: list.New(), entries: map[string]*list.Element{}}
}

func (l *lru[V]) get(key string) (V, bool) {
	e, ok := l.entries[key]
	if !ok {
		var zero V
		return zero, false
	}
	l.order.MoveToFront(e)
	return e.Value.(lruEntry[V]).value, true
}

// put keeps value, which costs so much, and lets go of the oldest others. What alone costs more than
// everything may is not kept.
func (l *lru[V]) put(key string, value V, cost int64) {
	l.remove(l.entries[key])
	if cost > l.max {
		return
	}
	l.entries[key] = l.order.PushFront(lruEntry[V]{key, value, cost})
	l.cost += cost
	for l.cost > l.max {
		l.remove(l.order.Back())
	}
}

func (l *lru[V]) remove(e *list.Element) {
	if e == nil {
		return
	}
	old := l.order.Remove(e).(lruEntry[V])
	delete(l.entries, old.key)
	l.cost -= old.cost
}
