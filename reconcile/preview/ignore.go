package preview

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
	"github.com/workspace-providers/reconcile/reconcile/fields"
)

// spare is what is rendered, with what others may change as it is in force: an upgrade leaves that alone, whatever
// the chart makes of it.
func spare(before, after []charts.Object, ignore []reconcile.FieldRef) []charts.Object {
	if len(ignore) == 0 {
		return after
	}
	after = slices.Clone(after)
	for i, next := range after {
		for _, was := range before {
			if was.Kind == next.Kind && was.APIVersion == next.APIVersion && was.Namespace == next.Namespace && was.Name == next.Name {
				after[i].Body = spared(was.Body, next, ignore)
			}
		}
	}
	return after
}

// spared is the body of one object.
func spared(was json.RawMessage, next charts.Object, ignore []reconcile.FieldRef) json.RawMessage {
	old, fresh := decoded(was), decoded(next.Body)
	for _, f := range ignore {
		if f.Kind != next.Kind {
			continue
		}
		way, there := fields.Find(fresh, f.Pointer)
		if !there {
			way, there = fields.Find(old, f.Pointer)
		}
		if there {
			way.Keep(fresh, old)
		}
	}
	body, err := json.Marshal(fresh)
	if err != nil || fresh == nil {
		return next.Body
	}
	return body
}

// decoded keeps numbers as they are written. What is no JSON has no fields.
func decoded(body json.RawMessage) (out any) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if d.Decode(&out) != nil {
		return nil
	}
	return out
}
