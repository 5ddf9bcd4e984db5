package reconcile

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Hash binds a plan to what it was made from, as "sha256:…": the revision, the clusters and whether they
// answer, and for each action what it does, the digest of what it installs and the release it was decided
// on. It moves when one of these moves, and does not depend on words, times or rendered bytes, nor on what
// time alone brings about: that something settles, or is being worked on.
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
	for a := range p.each() {
		encode(inputs(a))
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// inputs are what an action was decided on and what it will do, in a fixed order.
func inputs(a *Action) []any {
	rel, have := a.Want.Release, a.Have
	op, reason, state := atRest(a)
	would := a.Would
	if op != OpHold {
		would = ""
	}
	return []any{
		op, a.ID, reason, would, a.Wave, a.After, a.Digest, a.Back, a.Want.ID,
		rel.Timeout, rel.OnFailure, rel.MaxHistory, rel.Deletion,
		have.Owner, have.Digest, have.Attempted, have.Capabilities, have.Policy, state, have.Revision, have.InForce, drifts(a),
	}
}

// Eventually is what an action does when nothing is in the middle of something any more: waiting for progress is no
// decision.
func (a *Action) Eventually() Op {
	if a.Op == OpHold && a.Class == Progress {
		return cmp.Or(a.Would, OpKeep)
	}
	return a.Op
}

// atRest is what an action was decided on, but for what time alone brings about.
func atRest(a *Action) (Op, Reason, State) {
	reason, state := a.Reason, a.Have.State
	if reason.Class() == Progress || reason == InSync {
		reason = ""
	}
	if state == Locked {
		state = Deployed
	}
	return a.Eventually(), reason, state
}

// drifts are the edits by hand that an action was decided on.
func drifts(a *Action) [][2]string {
	out := make([][2]string, len(a.Have.Drift))
	for i, d := range a.Have.Drift {
		out[i] = [2]string{d.Object, d.Field}
	}
	return out
}

// Moved says in words, a line each, what of a plan's inputs is another now than it was. It is empty exactly
// where both have the same hash.
func (p Plan) Moved(was Plan) []string {
	var out []string
	if p.Revision != was.Revision {
		out = append(out, "what would be merged: "+brief(was.Revision)+" → "+brief(p.Revision))
	}
	out = append(out, movedClusters(was.Clusters, p.Clusters)...)
	before, after := byID(was), byID(p)
	for a := range was.each() {
		if _, there := after[a.ID]; !there {
			out = append(out, a.ID.String()+": is not there any more")
		}
	}
	for a := range p.each() {
		b, there := before[a.ID]
		switch {
		case !there:
			out = append(out, a.ID.String()+": is new")
		case !sameInputs(a, b):
			out = append(out, a.ID.String()+": "+movedAction(b, a))
		}
	}
	if len(out) == 0 && p.Hash() != was.Hash() {
		out = append(out, "the order")
	}
	return out
}

func byID(p Plan) map[ID]*Action {
	out := make(map[ID]*Action, len(p.Actions))
	for a := range p.each() {
		out[a.ID] = a
	}
	return out
}

func sameInputs(a, b *Action) bool {
	x, _ := json.Marshal(inputs(a)) // strings and numbers
	y, _ := json.Marshal(inputs(b))
	return string(x) == string(y)
}

// movedClusters says which clusters came, went, or answer otherwise.
func movedClusters(was, now []ClusterState) []string {
	var out []string
	find := func(all []ClusterState, name string) int {
		return slices.IndexFunc(all, func(c ClusterState) bool { return c.Name == name })
	}
	for _, c := range now {
		switch i := find(was, c.Name); {
		case i < 0:
			out = append(out, "cluster "+c.Name+": is new")
		case was[i].Reachable && !c.Reachable:
			out = append(out, "cluster "+c.Name+": cannot be reached any more")
		case !was[i].Reachable && c.Reachable:
			out = append(out, "cluster "+c.Name+": can be reached again")
		}
	}
	for _, c := range was {
		if find(now, c.Name) < 0 {
			out = append(out, "cluster "+c.Name+": is not there any more")
		}
	}
	return out
}

// movedAction names the inputs of an action that moved.
func movedAction(was, now *Action) string {
	var out []string
	note := func(moved bool, format string, args ...any) {
		if moved {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	a, b := was.Have, now.Have
	note(a.Revision != b.Revision, "revision %d → %d", a.Revision, b.Revision)
	note(a.Revision == b.Revision && (a.Digest != b.Digest || a.InForce != b.InForce), "what is installed")
	note(a.Owner != b.Owner, "owner %s → %s", orNobody(a.Owner), orNobody(b.Owner))
	note(a.Policy != b.Policy, "recorded policy")
	note(a.Capabilities != b.Capabilities, "what its cluster can do")
	note(a.Attempted != b.Attempted, "what was tried")
	note(!slices.Equal(drifts(was), drifts(now)), "edits by hand")
	note(was.Digest != now.Digest, "what it is to become")
	note(was.Eventually() != now.Eventually(), "%s → %s", was.Eventually(), now.Eventually())
	if len(out) == 0 {
		out = append(out, "how it is applied")
	}
	if now.Op == OpHold && was.Op != OpHold {
		out = append(out, string(now.Reason))
	}
	return strings.Join(out, ", ")
}

func orNobody(owner string) string {
	if owner == "" {
		return "nobody"
	}
	return owner
}

// brief is the beginning of a hash.
func brief(sha string) string { return sha[:min(7, len(sha))] }
