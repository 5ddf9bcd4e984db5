// Package source reads what is declared: the newest revision of a repository or directory, evaluated in
// the limited worker, its charts found, and rendered into what every cluster should hold.
//
//	Origin.Head ──► load (worker) ──► render ──► in force
//	                  │ invalid: the newest ancestor that is not, by first parents
//	                  └ not known now: what is in force stays
//
// What a revision declares is known or it is not; it is never taken for empty. While the newest revision
// does not load, the newest ancestor that does is in force, found anew after a restart; while the
// repository cannot be read, what was read last is.
package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
	"github.com/workspace-providers/reconcile/schema"
)

// Origin is where declarations come from.
type Origin interface {
	// Head looks for the newest revision. An error means that it is not known now.
	Head(ctx context.Context) (reconcile.Commit, error)

	// Ancestors are a revision and what it was made from, by first parents, newest first, n at most.
	Ancestors(sha string, n int) ([]reconcile.Commit, error)

	// Descends says whether a revision was made from another, which may be itself, along any parent.
	Descends(sha, from string) (bool, error)

	// Declarations is the tree of a revision within the limits of declarations, and Charts the same tree
	// within those of charts.
	Declarations(sha string) (fs.FS, error)
	Charts(sha string) (fs.FS, error)

	// Key tells one content of the declarations from another, cheaply.
	Key(sha string) (string, error)
}

// Resolver finds charts.
type Resolver interface {
	Resolve(ctx context.Context, req charts.Request) (reconcile.Chart, error)
}

// Source reads the newest declarations of an origin. Latest must not be called twice at once.
type Source struct {
	Reader
	Fetched func(error)                              // told of each look at the origin; may be nil
	Shown   func(key string) (reconcile.Shown, bool) // the plan that was shown of what has this key; may be nil

	// Accepted is the file that keeps which revision was in force last while signatures were asked for; empty: none.
	// Without it, a program that starts trusts the parent of what it sees.
	Accepted string

	Log *slog.Logger // may be nil

	target reconcile.Target
	walked walk

	mu    sync.Mutex // guards force, which Latest writes and Config reads
	force Revision
}

var _ reconcile.Source = (*Source)(nil)

// Config is the configuration in force; false before there is one.
func (s *Source) Config() (schema.Config, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.force.Config, s.force.Commit.SHA != ""
}

// Force is the revision in force; the zero Revision before there is one.
func (s *Source) Force() Revision {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.force
}

// Descends says whether a revision was made from another. Not knowing is no.
func (s *Source) Descends(sha, from string) bool {
	yes, err := s.Origin.Descends(sha, from)
	return err == nil && yes
}

// Latest reads the newest revision, and puts the newest valid one of its line in force.
func (s *Source) Latest(ctx context.Context) reconcile.Target {
	head, err := s.Origin.Head(ctx)
	if s.Fetched != nil {
		s.Fetched(err)
	}
	s.target.FetchErr = err
	if err != nil {
		return s.target
	}
	if head.SHA != s.target.Head.SHA { // a directory says another time each time
		s.target.Head = head
	}
	rev, err := s.newestValid(ctx, s.target.Head)
	s.target.HeadErr = err
	if rev.Commit.SHA != "" {
		s.enforce(ctx, rev)
	}
	if s.target.Commit.SHA == "" {
		cfg, _ := s.load(ctx, head.SHA) // why it is not in force is in err
		s.target.Want.Owner = cfg.Deployment.Name
	}
	return s.target
}

// enforce puts a revision in force. Where it is in force already, its charts may have moved.
func (s *Source) enforce(ctx context.Context, rev Revision) {
	if rev.Commit.SHA != s.force.Commit.SHA {
		s.target.Changed = s.changed(ctx, rev)
	}
	s.target.Commit, s.target.Want = rev.Commit, s.bind(rev)
	if err := s.accept(rev); err != nil && s.Log != nil {
		s.Log.Warn("which revision was accepted is not remembered after a restart",
			"revision", fmt.Sprintf("%.7s", rev.Commit.SHA), "reason", err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.force = rev
}

// bind is what a revision wants, with what was shown of it before it was merged.
func (s *Source) bind(rev Revision) reconcile.Desired {
	want := rev.Want
	if s.Shown == nil || !want.Bound.Required {
		return want
	}
	key, err := s.Origin.Key(rev.Commit.SHA)
	if shown, there := s.Shown(key); there && err == nil {
		want.Bound.Shown = &shown
	}
	return want
}

// walk is what came of the search for a valid revision. What commits hold does not change, so that the same
// head need not be searched again.
type walk struct {
	head  string
	found reconcile.Commit // zero: none
	err   error            // why it is not the head
}

// newestValid is the newest valid revision of head's line, and why that is not head. It is zero where there
// is none, or where that is not known now.
func (s *Source) newestValid(ctx context.Context, head reconcile.Commit) (Revision, error) {
	switch w := s.walked; {
	case w.head != head.SHA:
		return s.search(ctx, head)
	case w.found.SHA == "":
		return Revision{}, w.err
	default:
		rev, err := s.judge(ctx, w.found)
		return rev, errors.Join(w.err, err)
	}
}

// maxAncestors bounds the search for a valid revision.
const maxAncestors = 100

// search walks from head to the newest valid revision, and remembers what it found unless a revision on the
// way could not be judged now.
func (s *Source) search(ctx context.Context, head reconcile.Commit) (Revision, error) {
	rev, wrong := s.judge(ctx, head)
	if wrong != nil && !Invalid(wrong) {
		return Revision{}, wrong
	}
	if wrong != nil {
		line, err := s.Origin.Ancestors(head.SHA, maxAncestors)
		if err != nil {
			return Revision{}, wrong
		}
		for _, commit := range line[min(1, len(line)):] {
			if commit.SHA == s.walked.head { // it was searched from there before
				commit = s.walked.found
			}
			if commit.SHA == "" {
				break
			}
			if rev, err = s.judge(ctx, commit); err == nil {
				break
			}
			if !Invalid(err) {
				return Revision{}, wrong
			}
		}
	}
	s.walked = walk{head.SHA, rev.Commit, wrong}
	return rev, wrong
}

// judge makes a revision of a commit, or says why it is none.
func (s *Source) judge(ctx context.Context, commit reconcile.Commit) (Revision, error) {
	if err := s.signed(ctx, commit); err != nil {
		return Revision{}, err
	}
	return s.Read(ctx, commit, s.force)
}
