package main

import (
	"context"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status"
)

// objects are those of a release, as its cluster has them. They are told to others who look as well, so that it does not
// end with whoever asked first.
func (p *parts) objects(id reconcile.ID) (out []status.ObjectDoc) {
	for _, o := range p.fleet.Real(id.Cluster).Inspect(context.Background(), id) {
		doc := status.ObjectDoc{
			Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, Health: o.Health, Message: o.Message, Events: []status.ObjectEventDoc{},
		}
		for _, e := range o.Events {
			doc.Events = append(doc.Events, status.ObjectEventDoc(e))
		}
		out = append(out, doc)
	}
	return out
}
