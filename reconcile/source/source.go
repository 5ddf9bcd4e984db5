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
	"maps"
	"slices"
	"sync"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
	"github.com/workspace-providers/reconcile/reconcile/git"
	"github.com/workspace-providers/reconcile/render"
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
	Origin   Origin
	Evaluate func(ctx context.Context, tree fs.FS) (schema.Config, error) // schema.Errors for what is invalid
	Resolver Resolver
	Fetched  func(error) // told of each look at the origin; may be nil

	target reconcile.Target
	walked walk
	read   map[string]reading // by Origin.Key

	mu    sync.Mutex // guards force, which Latest writes and Config reads
	force revision
}

var _ reconcile.Source = (*Source)(nil)

// revision is a valid revision of the declarations; the zero revision is none.
type revision struct {
	commit reconcile.Commit
	config schema.Config
	charts render.Charts
	want   reconcile.Desired
}

// Config is the configuration in force; false before there is one.
func (s *Source) Config() (schema.Config, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.force.config, s.force.commit.SHA != ""
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
	if rev.commit.SHA != "" {
		s.enforce(ctx, rev)
	}
	if s.target.Commit.SHA == "" {
		cfg, _ := s.load(ctx, head.SHA) // why it is not in force is in err
		s.target.Want.Owner = cfg.Deployment.Name
	}
	return s.target
}

// enforce puts a revision in force. Where it is in force already, its charts may have moved.
func (s *Source) enforce(ctx context.Context, rev revision) {
	if rev.commit.SHA != s.force.commit.SHA {
		s.target.Changed = s.changed(ctx, rev)
	}
	s.target.Commit, s.target.Want = rev.commit, rev.want
	s.mu.Lock()
	defer s.mu.Unlock()
	s.force = rev
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
func (s *Source) newestValid(ctx context.Context, head reconcile.Commit) (revision, error) {
	switch w := s.walked; {
	case w.head != head.SHA:
		return s.search(ctx, head)
	case w.found.SHA == "":
		return revision{}, w.err
	default:
		rev, err := s.judge(ctx, w.found)
		return rev, errors.Join(w.err, err)
	}
}

// maxAncestors bounds the search for a valid revision.
const maxAncestors = 100

// search walks from head to the newest valid revision, and remembers what it found unless a revision on the
// way could not be judged now.
func (s *Source) search(ctx context.Context, head reconcile.Commit) (revision, error) {
	rev, wrong := s.judge(ctx, head)
	if wrong != nil && !invalid(wrong) {
		return revision{}, wrong
	}
	if wrong != nil {
		line, err := s.Origin.Ancestors(head.SHA, maxAncestors)
		if err != nil {
			return revision{}, wrong
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
			if !invalid(err) {
				return revision{}, wrong
			}
		}
	}
	s.walked = walk{head.SHA, rev.commit, wrong}
	return rev, wrong
}

// invalid says whether an error is about the revision itself, now and whenever it is looked at. Every other
// one is about this machine or the network, and says nothing of what is declared.
func invalid(err error) bool {
	var mistakes schema.Errors
	return errors.As(err, &mistakes) || errors.Is(err, git.ErrTooLarge) || errors.Is(err, git.ErrRefused)
}

// judge makes a revision of a commit, or says why it is none.
func (s *Source) judge(ctx context.Context, commit reconcile.Commit) (revision, error) {
	cfg, err := s.load(ctx, commit.SHA)
	if err != nil {
		return revision{}, err
	}
	if was := s.force.config.Deployment.Name; was != "" && was != cfg.Deployment.Name {
		return revision{}, schema.Errors{{
			Position: cfg.Positions["deployment"], Path: "deployment.name",
			Message: fmt.Sprintf("found %q, was %q: the name marks everything that was installed and cannot change "+
				"while the daemon runs; change it back", cfg.Deployment.Name, was),
		}}
	}
	tree, err := s.Origin.Charts(commit.SHA)
	if err != nil {
		return revision{}, err
	}
	found := s.resolve(ctx, cfg, tree)
	if commit.SHA == s.force.commit.SHA {
		found.keep(s.force.charts)
	}
	want, err := render.Render(cfg, render.Charts(found), commit)
	if err != nil {
		return revision{}, schema.Errors{{Message: err.Error()}}
	}
	return revision{commit, cfg, render.Charts(found), want}, nil
}

// foundCharts are charts as they were just looked for.
type foundCharts render.Charts

// keep takes those that were found for the same revision before for those that cannot be read now: what is in
// force is not unknown because its repository went away.
func (f foundCharts) keep(before render.Charts) {
	for c, chart := range f {
		if was, there := before[c]; there && chart.Err != nil && was.Err == nil {
			f[c] = was
		}
	}
}

// reading is what evaluating one content of the declarations gave.
type reading struct {
	config schema.Config
	err    error
}

// keptReadings bounds how many evaluations are remembered; one may be some megabytes.
const keptReadings = 4

// load evaluates a commit, once for each content.
func (s *Source) load(ctx context.Context, sha string) (schema.Config, error) {
	key, err := s.Origin.Key(sha)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return schema.Config{}, schema.Errors{{Message: fmt.Sprintf("found no folder of declarations (%v): "+
			"put it back, or correct --path", err)}}
	case err != nil:
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
	if err != nil && !invalid(err) {
		return schema.Config{}, err
	}
	if s.read == nil || len(s.read) >= keptReadings {
		s.read = map[string]reading{}
	}
	s.read[key] = reading{cfg, err}
	return cfg, err
}

// resolve finds all charts. One that cannot be found stops its own providers and nobody else.
func (s *Source) resolve(ctx context.Context, cfg schema.Config, tree fs.FS) foundCharts {
	allowed := slices.DeleteFunc(slices.Sorted(maps.Keys(cfg.Deployment.ChartSources)), func(prefix string) bool {
		return !cfg.Deployment.ChartSources[prefix]
	})
	found := foundCharts{}
	for _, c := range render.Wanted(cfg) {
		chart, err := s.Resolver.Resolve(ctx, charts.Request{
			Ref:  charts.Ref{Name: c.Name, Version: c.Version, Repo: c.Repo, OCI: c.OCI, Path: c.Path, Digest: c.Digest},
			Tree: tree, Allowed: allowed,
		})
		found[c] = render.Chart{Chart: chart, Err: err}
	}
	return found
}
