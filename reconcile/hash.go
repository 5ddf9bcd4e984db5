package reconcile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Hash binds a plan to what it was made from, as "sha256:…": the revision, the clusters and whether they
// answer, and for each action what it does, the digest of what it installs and the release it was decided
// on. It moves when one of these moves, and does not depend on words, times or rendered bytes.
func (p Plan) Hash() string {
	h := sha256.New()
	out := json.NewEncoder(h)
	encode := func(v any) {
		if err := out.Encode(v); err != nil {
			panic(fmt.Sprintf("plan of %s is not JSON: %v", p.Revision, err)) // it holds strings and numbers only
		}
	}
	encode(p.Revision)
	for _, c := range p.Clusters {
		encode([]any{c.Name, c.Reachable})
	}
	for _, a := range p.Actions {
		encode(inputs(a))
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// inputs are what an action was decided on and what it will do, in a fixed order.
func inputs(a Action) []any {
	drift := make([][2]string, len(a.Have.Drift))
	for i, d := range a.Have.Drift {
		drift[i] = [2]string{d.Object, d.Field}
	}
	rel, have := a.Want.Release, a.Have
	return []any{
		a.Op, a.ID, a.Reason, a.Would, a.Wave, a.After, a.Digest, a.Back, a.Want.ID,
		rel.Timeout, rel.OnFailure, rel.MaxHistory, rel.Deletion,
		have.Owner, have.Digest, have.Attempted, have.Capabilities, have.Policy, have.State, have.Revision, drift,
	}
}
