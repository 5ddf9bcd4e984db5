// Package source reads what is declared: the newest revision of a repository or directory, evaluated in
// the limited worker, its charts found, and rendered into what every cluster should hold.
//
// What a revision declares is known or it is not; it is never taken for empty. While the newest revision
// does not load, the newest ancestor that does stays in force, found anew after a restart; while the
// repository cannot be read, what was read last does.
package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
	"github.com/workspace-providers/reconcile/render"
	"github.com/workspace-providers/reconcile/schema"
)

// Origin is where declarations come from.
type Origin interface {
	// Head looks for the newest revision. An error means that it is not known now.
	Head(ctx context.Context) (reconcile.Commit, error)

	// Ancestors are a revision and what it was made from, by first parents, newest first, n at most.
	Ancestors(sha string, n int) ([]reconcile.Commit, error)

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

// Source reads the newest declarations of an origin.
type Source struct {
	Origin   Origin
	Evaluate func(ctx context.Context, tree fs.FS) (schema.Config, error) // schema.Errors for what is invalid
	Resolver Resolver
	Fetched  func(error) // told of each look at the origin; may be nil

	mu     sync.Mutex // guards what follows; Latest is not called twice at once, Config may be meanwhile
	owner  string     // deployment.name of the first revision that loaded
	target reconcile.Target
	config schema.Config // of target.Commit
	read   map[string]reading
}

var _ reconcile.Source = (*Source)(nil)

// reading is what evaluating one content of the declarations gave.
type reading struct {
	config schema.Config
	err    error
}

// keptReadings bounds how many evaluations are remembered.
const keptReadings = 16

// Config is the configuration in force; false before there is one.
func (s *Source) Config() (schema.Config, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config, s.target.Commit.SHA != ""
}

// Latest reads the newest revision.
func (s *Source) Latest(ctx context.Context) reconcile.Target {
	head, err := s.Origin.Head(ctx)
	if s.Fetched != nil {
		s.Fetched(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.target.FetchErr = err
	if err == nil {
		s.advance(ctx, head)
	}
	return s.target
}

// advance puts the newest valid revision of head's line in force.
func (s *Source) advance(ctx context.Context, head reconcile.Commit) {
	s.target.Head, s.target.HeadErr = head, nil
	cfg, err := s.load(ctx, head.SHA)
	if err == nil {
		s.target.HeadErr = s.force(ctx, head, cfg)
		return
	}
	s.target.HeadErr = err
	if temporary(err) {
		return // the revision was not judged
	}
	line, err := s.Origin.Ancestors(head.SHA, maxAncestors)
	if err != nil {
		return
	}
	for _, commit := range line[min(1, len(line)):] {
		if commit.SHA == s.target.Commit.SHA {
			return // it is in force already
		}
		if cfg, err := s.load(ctx, commit.SHA); err == nil {
			_ = s.force(ctx, commit, cfg) // the head's error is what people must see
			return
		}
	}
}

// maxAncestors bounds the search for a valid revision.
const maxAncestors = 100

// force puts one revision in force.
func (s *Source) force(ctx context.Context, commit reconcile.Commit, cfg schema.Config) error {
	if s.owner != "" && cfg.Deployment.Name != s.owner {
		return fmt.Errorf("deployment.name is %q and was %q: the name marks everything that was installed, "+
			"so it cannot change while the daemon runs", cfg.Deployment.Name, s.owner)
	}
	tree, err := s.Origin.Charts(commit.SHA)
	if err != nil {
		return err
	}
	want, err := render.Render(cfg, s.resolve(ctx, cfg, tree), commit)
	if err != nil {
		return err
	}
	s.target.Changed = s.changed(ctx, commit, want)
	s.owner, s.config, s.target.Commit, s.target.Want = cfg.Deployment.Name, cfg, commit, want
	return nil
}

// resolve finds all charts. One that cannot be found stops its own providers and nobody else.
func (s *Source) resolve(ctx context.Context, cfg schema.Config, tree fs.FS) render.Charts {
	found := render.Charts{}
	for _, c := range render.Wanted(cfg) {
		chart, err := s.Resolver.Resolve(ctx, charts.Request{
			Ref:  charts.Ref{Name: c.Name, Version: c.Version, Repo: c.Repo, OCI: c.OCI, Path: c.Path, Digest: c.Digest},
			Tree: tree, Allowed: sources(cfg),
		})
		found[c] = render.Chart{Chart: chart, Err: err}
	}
	return found
}

func sources(cfg schema.Config) []string {
	var out []string
	for prefix, allowed := range cfg.Deployment.ChartSources {
		if allowed {
			out = append(out, prefix)
		}
	}
	return out
}

// changed are the providers that a revision changed: against what was in force before, or, on a fresh
// start, against the revision's parent. Nil says that it is not known.
func (s *Source) changed(ctx context.Context, commit reconcile.Commit, want reconcile.Desired) map[string]bool {
	if commit.SHA == s.target.Commit.SHA {
		return s.target.Changed
	}
	if s.target.Commit.SHA != "" {
		return difference(s.target.Want, want)
	}
	line, err := s.Origin.Ancestors(commit.SHA, 2)
	if err != nil || len(line) < 2 {
		return nil
	}
	cfg, err := s.load(ctx, line[1].SHA)
	if err != nil {
		return nil
	}
	tree, err := s.Origin.Charts(line[1].SHA)
	if err != nil {
		return nil
	}
	before, err := render.Render(cfg, s.resolve(ctx, cfg, tree), line[1])
	if err != nil {
		return nil
	}
	return difference(before, want)
}

// difference are the providers that two states of the declarations do not have in common.
func difference(before, after reconcile.Desired) map[string]bool {
	out := map[string]bool{}
	was := make(map[reconcile.ID]reconcile.Item, len(before.Items))
	for _, it := range before.Items {
		was[it.ID] = it
	}
	for _, it := range after.Items {
		old, there := was[it.ID]
		if !there || !old.Same(it) {
			out[it.Provider] = true
		}
		delete(was, it.ID)
	}
	for _, it := range was {
		out[it.Provider] = true
	}
	return out
}

// load evaluates a revision, once for each content.
func (s *Source) load(ctx context.Context, sha string) (schema.Config, error) {
	key, err := s.Origin.Key(sha)
	if err != nil {
		return schema.Config{}, err
	}
	if r, there := s.read[key]; there {
		return r.config, r.err
	}
	tree, err := s.Origin.Declarations(sha)
	if err != nil {
		return schema.Config{}, err
	}
	cfg, err := s.Evaluate(ctx, tree)
	if temporary(err) {
		return cfg, err
	}
	if s.read == nil || len(s.read) >= keptReadings {
		s.read = map[string]reading{}
	}
	s.read[key] = reading{cfg, err}
	return cfg, err
}

// ErrTemporary says that declarations could not be judged now.
var ErrTemporary = errors.New("the declarations could not be evaluated now")

func temporary(err error) bool {
	return errors.Is(err, ErrTemporary) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
