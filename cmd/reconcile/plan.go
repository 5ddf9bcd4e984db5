package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status"
)

// plan is `reconcile --dry-run`.
func (s *settings) plan(ctx context.Context, io *streams) error {
	r, err := s.look(ctx, io)
	if err != nil && !errors.As(err, new(exit)) {
		return err
	}
	if r.Commit.SHA != "" {
		if werr := s.writePlan(r.Plan, io); werr != nil {
			return werr
		}
	}
	if err != nil {
		return err
	}
	for _, a := range r.Plan.Actions {
		if failed := r.Failed[a.ID]; failed != nil {
			fmt.Fprintf(io.err, "%s: %v\n", a.ID, failed)
			err = exit(exitError)
		}
	}
	if err != nil {
		return err
	}
	return verdict(r.Plan)
}

func (s *settings) writePlan(p reconcile.Plan, io *streams) error {
	var err error
	switch s.output {
	case "text":
		_, err = fmt.Fprint(io.out, status.PlanText(p, status.PlanView{Verbose: s.verbose, Colour: io.colour()}))
	case "json":
		_, err = io.out.Write(status.PlanJSON(p, s.verbose))
	case "markdown":
		_, err = fmt.Fprint(io.out, status.PlanMarkdown(p, s.verbose))
	default:
		err = fmt.Errorf("output %q: it must be text, json or markdown", s.output)
	}
	return err
}

// verdict is the exit code of a plan: holds that need a person come before changes.
func verdict(p reconcile.Plan) error {
	changes := false
	for _, a := range p.Actions {
		if a.Class == reconcile.Person {
			return exit(exitHeld)
		}
		changes = changes || a.Acts()
	}
	if changes {
		return exit(exitChanges)
	}
	return nil
}
