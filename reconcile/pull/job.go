package pull

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/git"
	"github.com/workspace-providers/reconcile/reconcile/source"
	"github.com/workspace-providers/reconcile/schema"
)

// job is one request to be planned, as everything was when it began.
type job struct {
	request
	report reconcile.Report
	began  time.Time
	cancel context.CancelFunc
}

// outcome is what came of a job.
type outcome struct {
	read     source.Revision
	err      error // what is wrong with the request
	key      string
	proposal *reconcile.Proposal // nil: nothing is new
	failed   error               // why nothing can be said of it now
}

// plan makes a plan, or finds that the one that was shown still holds.
func (r *running) plan(ctx context.Context, j *job) outcome {
	o := r.read(ctx, j)
	if o.failed != nil {
		return o
	}
	p := reconcile.Proposal{
		Request: j.PullRequest, Stage: reconcile.Planned, Base: j.report.Head, Key: o.key, Err: o.err,
		Before: j.report.Want, Want: o.read.Want, Live: j.report.Live, At: time.Now(),
	}
	if o.err != nil {
		o.proposal = &p
		return o
	}
	p.Plan = reconcile.Foresee(o.read.Want, j.report)
	shown := j.shown.Stage == reconcile.Planned && j.shown.Err == nil
	if shown {
		p.Moved = p.Plan.Moved(j.shown.Plan)
		if len(p.Moved) == 0 && len(j.shown.Failed) == 0 {
			return o
		}
	}
	p.Plan, p.Failed = p.Plan.Rehearse(ctx, r.Previewer, j.shown.Plan)
	if err := ctx.Err(); err != nil {
		o.failed = err
		return o
	}
	if shown && len(p.Moved) == 0 && maps.EqualFunc(p.Failed, j.shown.Failed, sameText) {
		return o // what failed may have been the cluster or the network, and does still
	}
	o.proposal = &p
	return o
}

// read is what merging would put in force: with its charts as they are now, where it is known otherwise.
func (r *running) read(ctx context.Context, j *job) outcome {
	if j.dirty || j.read.Commit.SHA == "" {
		return r.merge(ctx, j)
	}
	o := outcome{err: j.err, key: j.key}
	o.read, o.failed = r.Reader.Again(ctx, j.read, r.Force())
	return o
}

func sameText(a, b error) bool { return a.Error() == b.Error() }

// merge reads what merging the request would put in force.
func (r *running) merge(ctx context.Context, j *job) (o outcome) {
	if j.missing != nil {
		if !source.Invalid(j.missing) {
			return outcome{failed: j.missing}
		}
		return outcome{err: j.missing}
	}
	merged, err := r.Repo.Merge(j.report.Head.SHA, j.Head)
	if conflict, is := errors.AsType[*git.ConflictError](err); is {
		return outcome{err: conflict}
	}
	if err == nil {
		o.key, err = r.key(merged.Hash, j.report.Head.SHA)
	}
	if err == nil {
		o.read, err = r.Reader.Read(ctx, source.CommitOf(merged), r.Force())
	}
	switch {
	case err == nil:
		return o
	case ctx.Err() != nil || !source.Invalid(err):
		return outcome{failed: err}
	}
	return outcome{err: placed(err), key: o.key}
}

// key is that of what a merge declares; empty where that is what the branch declares already. It was shown on the request
// that brought it there, and what is left to do of it is no plan that somebody could agree to on another.
func (r *running) key(merged, base string) (string, error) {
	key, err := r.Reader.Origin.Key(merged)
	if err != nil {
		return "", err
	}
	if have, err := r.Reader.Origin.Key(base); err == nil && have == key {
		return "", nil
	}
	return key, nil
}

// placed is an error with the mistakes that it holds in front, if it holds any.
func placed(err error) error {
	var mistakes schema.Errors
	if errors.As(err, &mistakes) {
		return mistakes
	}
	return err
}
