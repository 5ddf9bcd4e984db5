package main

import (
	"context"
	"fmt"
	"time"
)

// edits are what is done to which kinds by hand. reconcile watches all of a Deployment and a Service, and
// of a Role the metadata only.
var edits = []struct{ resource, patch string }{
	{"deployment", `{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":7}}}}`},
	{"role", `{"rules":[]}`},
	{"service", `{"spec":{"ports":[{"name":"http","port":80,"targetPort":9}]}}`},
}

// drift edits objects by hand and measures how long the daemon takes to put each back, by the API
// server's own clock: from the end of the edit to the end of the repair.
func (d *daemon) drift(ctx context.Context) ([]time.Duration, error) {
	var took []time.Duration
	for i := range d.edits {
		edit := edits[i%len(edits)]
		target := edited{d.siteOf(i % d.want.providers).space, edit.resource, providerName(i%d.want.providers) + "-envproxy"}
		before, err := d.object(ctx, target)
		if err != nil {
			return nil, err
		}
		_, err = d.kubectl(ctx, "--namespace", target.space, "patch", target.resource, target.name, "--patch", edit.patch)
		if err != nil {
			return nil, err
		}
		t, err := d.repaired(ctx, target)
		if err != nil {
			return nil, fmt.Errorf("%s %s, edited: %w", target.resource, target.name, err)
		}
		after, err := d.object(ctx, target)
		if err != nil {
			return nil, err
		}
		if before != after {
			return nil, fmt.Errorf("%s %s, repaired: it is\n%s\nand was\n%s", target.resource, target.name, after, before)
		}
		took = append(took, t)
	}
	return took, nil
}

// edited is an object that somebody edits.
type edited struct{ space, resource, name string }

// object is what an object says that people may edit.
func (d *daemon) object(ctx context.Context, of edited) (string, error) {
	return d.kubectl(ctx, "--namespace", of.space, "get", of.resource, of.name, "-o", "jsonpath={.spec}{.rules}")
}

// repaired waits until the daemon has written to an object that was edited, and says how long it took.
func (d *daemon) repaired(ctx context.Context, of edited) (took time.Duration, err error) {
	var at time.Time // by the log, in which the edit comes first
	err = d.await(ctx, "it was repaired", func(context.Context) (bool, error) {
		events, err := d.audit.read()
		for _, e := range events {
			if e.On.Resource != of.resource+"s" || e.On.Name != of.name || !e.writes() {
				continue
			}
			switch e.User.Username {
			case admin:
				at = e.End
			case ourUser:
				took = e.End.Sub(at)
				return true, err
			}
		}
		return false, err
	})
	return took, err
}
