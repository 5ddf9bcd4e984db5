package reconcile

import "encoding/json"

// Change is what an action would do to the objects of a release, for whoever asks the cluster beforehand.
// Every object is its JSON, as the chart made it.
type Change struct {
	Adds    []json.RawMessage // that the release does not hold yet
	Edits   []Edit            // that it holds in another form
	Keeps   []json.RawMessage // that it holds in this form, or nobody knows in which
	Removes []json.RawMessage // that it holds and will not any more
	Hooks   []json.RawMessage // that Helm makes at certain moments and does not keep track of
	Kinds   []json.RawMessage // custom resource definitions that Helm makes where they are missing, and never changes
}

// Edit is one object before and after an action.
type Edit struct{ Before, After json.RawMessage }
