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
	facts    *facts              // as far as the plan came
	err      error               // what is wrong with the request
	proposal *reconcile.Proposal // nil: nothing is new
	failed   error               // why nothing can be said of it now
	landed   bool                // it is merged, and the forge has not said so yet
}

// around makes a plan, and says so to who watches.
func (r *running) around(ctx context.Context, j *job) outcome {
	if r.Around == nil {
		return r.plan(ctx, j)
	}
	ctx, ended := r.Around(ctx, j.PullRequest)
	o := r.plan(ctx, j)
	ended(o.proposal, o.failed)
	return o
}

// plan makes a plan, or finds that the one that was shown still holds.
func (r *running) plan(ctx context.Context, j *job) outcome {
	o := r.read(ctx, j)
	if o.failed != nil || o.landed {
		return o
	}
	p := reconcile.Proposal{
		Request: j.PullRequest, Stage: reconcile.Planned, Base: j.report.Head, Key: o.facts.key, Err: o.err,
		Before: j.report.Want, Want: o.facts.read.Want, Live: j.report.Live, At: time.Now(),
	}
	if o.err != nil {
		o.facts, o.proposal = nil, &p
		return o
	}
	defer o.facts.weigh()
	p.Plan = reconcile.Foresee(o.facts.read.Want, j.report)
	o.facts.plan = p.Plan
	shown := j.shown.holds()
	if shown {
		if p.Moved = j.moved(p.Plan); len(p.Moved) == 0 && j.shown.failed == "" {
			return o
		}
	}
	p.Plan, p.Failed = p.Plan.Rehearse(ctx, r.Previewer, o.facts.rehearsed)
	if err := ctx.Err(); err != nil {
		o.failed = err
		return o
	}
	o.facts.plan = p.Plan
	if shown && len(p.Moved) == 0 && failures(p.Failed) == j.shown.failed {
		return o // what failed may have been the cluster or the network, and does still
	}
	o.proposal = &p
	return o
}

// read is what merging would put in force: with its charts as they are now, where it is known otherwise.
func (r *running) read(ctx context.Context, j *job) (o outcome) {
	f := &facts{rehearsed: reconcile.Rehearsal{}}
	if j.facts != nil {
		f.rehearsed = maps.Clone(j.facts.rehearsed)
	}
	if j.dirty || j.facts == nil {
		o = r.merge(ctx, j, f)
	} else {
		f.key = j.facts.key
		f.read, o.failed = r.Reader.Again(ctx, j.facts.read, r.Force())
	}
	o.facts = f
	return o
}

// merge reads what merging the request would put in force.
func (r *running) merge(ctx context.Context, j *job, f *facts) outcome {
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
	if err == nil && merged.Hash == j.report.Head.SHA && j.shown.stage == reconcile.Planned {
		return outcome{landed: true} // what is left to do of it is not what somebody agreed to
	}
	if err == nil {
		f.key, err = r.key(merged.Hash, j.report.Head.SHA)
	}
	if err == nil {
		f.read, err = r.Reader.Read(ctx, source.CommitOf(merged), r.Force())
	}
	switch {
	case err == nil:
		return outcome{}
	case ctx.Err() != nil || !source.Invalid(err):
		return outcome{failed: err}
	}
	return outcome{err: placed(err)}
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
