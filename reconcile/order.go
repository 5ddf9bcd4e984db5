package reconcile

import "slices"

// order says what comes after what around a door: who may come in is written before the door is there, the
// door is there before the provider that it guards, and a provider goes when everybody has left, its door
// last.
func order(actions []Action) {
	type place struct{ cluster, provider string }
	coming, going := map[place][]*Action{}, map[place][]*Action{}
	for i := range actions {
		a := &actions[i]
		at := place{a.ID.Cluster, a.Provider}
		switch {
		case a.does(OpCreate) && a.ID.Kind != KindRelease: // which nothing comes after
			coming[at] = append(coming[at], a)
		case a.does(OpDelete):
			going[at] = append(going[at], a)
		}
	}
	for i := range actions {
		a := &actions[i]
		at := place{a.ID.Cluster, a.Provider}
		switch {
		case a.does(OpCreate):
			a.After = slices.Concat(a.After, earlier(a, coming[at], KindAllowlist, KindAdmission, KindRelease))
		case a.does(OpDelete):
			a.After = slices.Concat(a.After, earlier(a, going[at], KindAllowlist, KindRelease, KindAdmission))
		}
	}
}

// does says whether an action does this, or would if nothing held it.
func (a *Action) does(op Op) bool { return a.Op == op || a.Op == OpHold && a.Would == op }

// earlier is what of all stands before an action where kinds go in this order. Where there is a release for each
// organization, one has nothing to do with another's.
func earlier(a *Action, all []*Action, kinds ...string) []ID {
	var out []ID
	before := kinds[:slices.Index(kinds, a.ID.Kind)]
	for _, b := range all {
		together := a.Organization == "" || b.Organization == "" || a.Organization == b.Organization
		if together && slices.Contains(before, b.ID.Kind) {
			out = append(out, b.ID)
		}
	}
	slices.SortFunc(out, ID.Compare)
	return out
}
