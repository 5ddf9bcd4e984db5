package reconcile

import "slices"

// Resolve is what is wanted of what is there. A provider that was renamed keeps its releases: Helm cannot
// rename one, and a new one beside it would make the same objects. So an item whose release name nobody
// declared takes the name of the release that its provider has, under whichever of its names.
func (d Desired) Resolve(have Live) Desired { return d.rename(d.kept(have)) }

// rename gives items the places of the releases that they are.
func (d Desired) rename(kept map[int]ID) Desired {
	if len(kept) == 0 {
		return d
	}
	d.Items = slices.Clone(d.Items)
	for i, id := range kept {
		d.Items[i].ID = id
		d.Items[i].Seal()
	}
	return d
}

// belongs is what the marks on a release say of it.
type belongs struct{ cluster, provider, organization string }

// kept finds, by index, the items of renamed providers whose releases have another name, and where these are.
// What is at an item's own place already is the item.
func (d Desired) kept(have Live) map[int]ID {
	var marked map[belongs][]ID
	var out map[int]ID
	for i := range d.Items {
		it := &d.Items[i]
		if len(it.Previous) == 0 || have.Clusters[it.ID.Cluster].Releases[it.ID].isOf(d.Owner) {
			continue
		}
		if marked == nil {
			marked, out = d.marked(have), map[int]ID{}
		}
		for _, provider := range slices.Concat([]string{it.Provider}, it.Previous) {
			there := marked[belongs{it.ID.Cluster, provider, it.Organization}]
			at := slices.IndexFunc(there, func(id ID) bool { return id.Namespace == it.ID.Namespace })
			if at >= 0 {
				out[i] = there[at]
				break
			}
		}
	}
	return out
}

// marked are our releases that no item has the name of, sorted, by what their marks say.
func (d Desired) marked(have Live) map[belongs][]ID {
	wanted := make(map[ID]bool, len(d.Items))
	for _, it := range d.Items {
		wanted[it.ID] = true
	}
	out := map[belongs][]ID{}
	for _, c := range have.Clusters {
		for id, obs := range c.Releases {
			if obs.isOf(d.Owner) && !wanted[id] {
				at := belongs{id.Cluster, obs.Provider, obs.Organization}
				out[at] = append(out[at], id)
			}
		}
	}
	for _, ids := range out {
		slices.SortFunc(ids, ID.Compare)
	}
	return out
}

// isOf says whether a release is there and carries this deployment's mark.
func (obs Observed) isOf(owner string) bool {
	return owner != "" && obs.Owner == owner && obs.State != Absent
}

// heirs are, by cluster and former name, the providers that were renamed.
func heirs(want Desired) map[belongs]string {
	out := map[belongs]string{}
	for name, p := range want.Providers {
		for _, previous := range p.Previous {
			at := belongs{cluster: p.Cluster, provider: previous}
			if other, claimed := out[at]; p.Admission != nil && !has(want.Providers, previous) && (!claimed || name < other) {
				out[at] = name
			}
		}
	}
	return out
}

// inherit makes a door that is not there the one that its provider had under a former name: who was let in
// comes along, and who is known to be there.
func (d door) inherit(previous []string, owner string) door {
	if d.have.Owner != "" {
		return d
	}
	for _, name := range previous {
		if live := ours(d.live.Admissions[name], owner); live.Owner != "" {
			d.have, d.from = live, name
			return d
		}
	}
	return d
}

// leave takes a door away whose provider has another name by now, and another door by that name. Nobody has
// to leave for that.
func (d door) leave(want Desired, have Live) Action {
	heir := want.Providers[d.heir]
	a := act(d.action(want), OpDelete, Orphaned, "provider "+d.heir+" guards what it guarded")
	a.Want.Provider = d.heir
	a.After = []ID{{Cluster: d.cluster, Kind: KindAdmission, Namespace: heir.Namespace, Name: d.heir}}
	if a.Have.State == Locked {
		return hold(a, IsLocked, workedOn)
	}
	return restrain(a, heir.Suspended, have)
}
