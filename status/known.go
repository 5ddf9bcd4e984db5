package status

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Known is what was learned of a forge and need not be asked again. It lives longer than the Forges that use it,
// which are made anew as the declarations and credentials have it. The zero Known knows nothing; it is for one
// repository.
type Known struct {
	mu       sync.Mutex // guards what follows
	whose    string     // mark of the credential of which login and comments are
	login    string     // whose the token is
	comments map[int]said
	members  map[string]membership
	grant    grant // of GitHub to an App
}

// said is a comment.
type said struct {
	id     int64
	author string
	text   string
}

// membership is whether somebody may push, as it was at some time.
type membership struct {
	yes bool
	at  time.Time
}

const (
	maxKnown     = 4096             // comments, and people
	membershipOf = 10 * time.Minute // before it is asked again
)

// of forgets what is another account's.
func (k *Known) of(whose string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.whose != whose {
		k.whose, k.login, k.comments = whose, "", nil
	}
}

// member says whether somebody may push, asking for that once in a while.
func (k *Known) member(login string, ask func() (bool, error)) (bool, error) {
	k.mu.Lock()
	m, there := k.members[login]
	k.mu.Unlock()
	if there && time.Since(m.at) < membershipOf {
		return m.yes, nil
	}
	yes, err := ask()
	if err != nil {
		return false, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.members == nil || len(k.members) >= maxKnown {
		k.members = map[string]membership{}
	}
	k.members[login] = membership{yes, time.Now()}
	return yes, nil
}

// comment is the one of ours on a pull request, as far as it is known.
func (k *Known) comment(number int) (said, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, there := k.comments[number]
	return s, there
}

func (k *Known) remember(number int, s said) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.comments == nil || len(k.comments) >= maxKnown {
		k.comments = map[int]said{}
	}
	k.comments[number] = s
}

func (k *Known) forget(number int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.comments, number)
}

// thread is what a forge can do with the comments of one pull request. Where a call failed, answer is what the forge
// said, if it said anything.
type thread struct {
	me     func() (login string, answer *http.Response, err error)
	list   func(page int) (all []said, next int, answer *http.Response, err error)
	create func(text string) (id int64, answer *http.Response, err error)
	edit   func(id int64, text string) (answer *http.Response, err error)
}

// comment makes text the one comment with that mark: it edits the one that is known, or the one that is found and is
// of this token's account, or writes one. What somebody else wrote with the same mark is left alone.
func (a *api) comment(number int, mark, text string, t thread) error {
	whose, err := a.who.mark()
	if err != nil {
		return a.onRequest(number, err)
	}
	a.known.of(whose)
	have, there := a.known.comment(number)
	if !there {
		if have, there, err = a.findComment(mark, t); err != nil {
			return a.onRequest(number, err)
		}
	}
	if there && have.text == text {
		a.known.remember(number, have)
		return nil
	}
	if there {
		answer, err := t.edit(have.id, text)
		switch {
		case err == nil:
			a.known.remember(number, said{id: have.id, text: text})
			return nil
		case answer == nil || answer.StatusCode != http.StatusNotFound:
			return a.onRequest(number, a.gone(answer, err))
		}
		a.known.forget(number) // somebody deleted it, or the request
	}
	id, answer, err := t.create(text)
	if err != nil {
		return a.onRequest(number, a.gone(answer, err))
	}
	a.known.remember(number, said{id: id, text: text})
	return nil
}

// findComment looks for the comment of ours.
func (a *api) findComment(mark string, t thread) (said, bool, error) {
	login, err := a.account(t.me)
	if err != nil {
		return said{}, false, err
	}
	for page := 1; page > 0 && page <= lastPage; {
		all, next, answer, err := t.list(page)
		if err != nil {
			return said{}, false, a.gone(answer, err)
		}
		for _, s := range all {
			if strings.EqualFold(s.author, login) && strings.HasPrefix(s.text, mark) {
				return s, true, nil
			}
		}
		page = next
	}
	return said{}, false, nil
}

// account is whose the token is.
func (a *api) account(me func() (string, *http.Response, error)) (string, error) {
	a.known.mu.Lock()
	login := a.known.login
	a.known.mu.Unlock()
	if login != "" {
		return login, nil
	}
	login, answer, err := me()
	if err != nil {
		return "", a.explain(answer, err)
	}
	a.known.mu.Lock()
	defer a.known.mu.Unlock()
	a.known.login = login
	return login, nil
}

// gone takes a pull request that is not there, or that nobody may write on, for one that will never take a comment.
func (a *api) gone(answer *http.Response, err error) error {
	if answer == nil {
		return a.explain(answer, err)
	}
	switch answer.StatusCode {
	case http.StatusNotFound, http.StatusGone, http.StatusLocked:
		return fmt.Errorf("%w: %w", ErrRefused, err)
	case http.StatusForbidden:
		if strings.Contains(err.Error(), "is locked") { // as GitHub says it; nothing but its words tells
			return fmt.Errorf("%w: %w", ErrRefused, err)
		}
	}
	return a.explain(answer, err)
}

func (a *api) onRequest(number int, err error) error {
	return fmt.Errorf("%s pull request %s#%d: %w", a.kind, a.repository, number, err)
}
