package kube

import (
	"context"
	"sync"
	"time"
)

// answers keeps for a while what a cluster said to questions that come with every release. The zero value
// is empty.
type answers struct {
	mu   sync.Mutex // guards what follows
	kept map[any]answer
}

// answer is what came of a question, errors included: who must not ask is refused a hundred times as well.
type answer struct {
	value any
	err   error
	until time.Time
}

// keptAnswers bounds how many answers are kept: about a hundred namespaces with a dozen kinds each.
const keptAnswers = 10_000

// get is an answer that is still good.
func (a *answers) get(question any) (answer, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	got, there := a.kept[question]
	return got, there && time.Now().Before(got.until)
}

func (a *answers) put(question any, got answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.kept == nil || len(a.kept) >= keptAnswers {
		a.kept = map[any]answer{}
	}
	a.kept[question] = got
}

// ask answers a question, which may be any comparable value of a type of its own, by what is known, or else
// by finding out.
func ask[T any](ctx context.Context, a *answers, question any, find func(context.Context) (T, error)) (T, error) {
	if got, there := a.get(question); there {
		return got.value.(T), got.err
	}
	value, err := find(ctx)
	if ctx.Err() == nil { // else it was we who gave up
		a.put(question, answer{value, err, time.Now().Add(answerAge)})
	}
	return value, err
}

// answerAge is how long an answer is believed.
const answerAge = 3 * time.Minute
