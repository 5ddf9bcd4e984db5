package reconcile

import "slices"

// order says what comes after what around a door: who may come in is written before the door is there, the
// door is there before the provider that it guards, and a provider goes when everybody has left, its door
// last.
func order(actions []Action) {
	type place struct{ cluster, provider string }
	coming, going := map[place]map[string][]Action{}, map[place]map[string][]Action{}
	note := func(to map[place]map[string][]Action, a Action) {
		at := place{a.ID.Cluster, a.Provider}
		if to[at] == nil {
			to[at] = map[string][]Action{}
		}
		to[at][a.ID.Kind] = append(to[at][a.ID.Kind], a)
	}
	for _, a := range actions {
		switch {
		case a.does(OpCreate):
			note(coming, a)
		case a.does(OpDelete):
			note(going, a)
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

// earlier is what stands before an action where kinds go in this order. Where there is a release for each
// organization, one has nothing to do with another's.
func earlier(a *Action, all map[string][]Action, kinds ...string) []ID {
	var out []ID
	for _, kind := range kinds[:slices.Index(kinds, a.ID.Kind)] {
		for _, b := range all[kind] {
			if a.Organization == "" || b.Organization == "" || a.Organization == b.Organization {
				out = append(out, b.ID)
			}
		}
	}
	slices.SortFunc(out, ID.Compare)
	return out
}
