package reconcile

import "slices"

// Ready picks the actions of a plan that may start now, in order: everything they come after is in place,
// their cluster may be acted on and has a worker free. Deletions wait until nothing else is left to do in
// their cluster, and go one at a time.
func Ready(p Plan, want Desired, have Live) []Action {
	var out []Action
	open, busy, giving := p.open(), inHand(have), p.giving()
	for _, a := range p.Actions {
		name := a.ID.Cluster
		c, limit := have.Clusters[name], max(1, want.Clusters[name].MaxConcurrent)
		switch {
		case !a.Acts() || !c.Reachable || !c.Held || busy[name] >= limit:
			continue
		case takes(a.Op) && (giving[name] > 0 || busy[name] > 0):
			continue
		case slices.ContainsFunc(a.After, func(id ID) bool { return open[id] }):
			continue
		}
		busy[name]++
		out = append(out, a)
	}
	return out
}

// Acts says whether the action changes something.
func (a Action) Acts() bool { return a.Op != OpHold && a.Op != OpKeep }

// inHand counts, by cluster, the releases that are being worked on.
func inHand(have Live) map[string]int {
	out := map[string]int{}
	for name, c := range have.Clusters {
		for _, obs := range c.Releases {
			if obs.State == Locked {
				out[name]++
			}
		}
	}
	return out
}

// giving counts, by cluster, what is left to do but deletions.
func (p Plan) giving() map[string]int {
	out := map[string]int{}
	for _, a := range p.Actions {
		if a.Acts() && !takes(a.Op) {
			out[a.ID.Cluster]++
		}
	}
	return out
}

// open is what is not in place yet: installed as declared, and well. What is not part of the plan keeps
// nobody waiting: where a plan is narrowed, nobody looks at it.
func (p Plan) open() map[ID]bool {
	out := map[ID]bool{}
	for _, a := range p.Actions {
		out[a.ID] = a.Op != OpKeep || a.Reason == HasFailed
	}
	return out
}

// stuck are the actions that do not start before somebody has ended a hold or a failure that they come
// after.
func (p Plan) stuck() map[ID]bool {
	out := map[ID]bool{}
	for _, a := range p.Actions {
		ended := a.Op == OpHold && (a.Class != Progress || a.Reason == BackingOff) || a.Op == OpKeep && a.Reason == HasFailed
		out[a.ID] = ended
	}
	for again := true; again; {
		again = false
		for _, a := range p.Actions {
			if !out[a.ID] && slices.ContainsFunc(a.After, func(id ID) bool { return out[id] }) {
				out[a.ID], again = true, true
			}
		}
	}
	return out
}
