package reconcile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// door is what guards one provider in one cluster, as it should be and as it is.
type door struct {
	cluster  string
	provider string
	want     *ProviderWant // nil: the provider is not wanted there
	live     *ClusterLive
	have     AdmissionLive
	from     string // the provider's former name by which have still goes; empty: it goes by its own
	heir     string // the name that the provider has by now; empty: it has no other
}

// doors are those that are wanted, and those that are ours and not wanted any more; but for those that nobody needs.
func doors(want Desired, have Live) []door {
	var out []door
	unknown, clusters := new(ClusterLive), make(map[string]*ClusterLive, len(have.Clusters))
	for name, c := range have.Clusters {
		clusters[name] = &c
	}
	for name, p := range want.Providers {
		if p.Admission == nil {
			continue
		}
		d := door{cluster: p.Cluster, provider: name, live: cmp.Or(clusters[p.Cluster], unknown)}
		d.have = ours(d.live.Admissions[name], want.Owner)
		if d = d.inherit(p.Previous, want.Owner); p.needsDoor() || d.have.Owner != "" {
			declared := p // a copy for those alone that have a door
			d.want = &declared
			out = append(out, d)
		}
	}
	renamed := heirs(want)
	for cluster, c := range clusters {
		for name, live := range c.Admissions {
			declared, there := want.Providers[name]
			if live.Owner == want.Owner && !want.Narrowed && (!there || declared.Cluster != cluster) {
				heir := renamed[belongs{cluster: cluster, provider: name}]
				out = append(out, door{cluster: cluster, provider: name, live: c, have: live, heir: heir})
			}
		}
	}
	return out
}

// ours is a door of this deployment, or none.
func ours(live AdmissionLive, owner string) AdmissionLive {
	if live.Owner != owner {
		return AdmissionLive{}
	}
	return live
}

// decideDoors adds what becomes of all doors, and of each organization that may come in or not any more.
func decideDoors(out []Action, all []door, want Desired, have Live) []Action {
	for _, d := range all {
		if d.heir != "" {
			if d.live.Reachable && ours(d.live.Admissions[d.heir], want.Owner).Owner != "" {
				out = append(out, d.leave(want, have))
			}
			continue
		}
		if d.want != nil && d.live.Reachable {
			out = append(out, d.keepShut(d.decide(want, have)))
		}
		if d.want == nil {
			last := d.end(want, have)
			if forgotten(last.Have, want) && !d.live.Reachable || d.told(last, want) {
				continue
			}
			out = append(out, last)
		}
		out = append(out, d.organizations(want, have)...)
	}
	return out
}

// action is the beginning of an action about the door itself.
func (d door) action(want Desired) Action {
	namespace := d.have.Namespace
	if d.want != nil {
		namespace = d.want.Namespace
	}
	id := ID{Cluster: d.cluster, Kind: KindAdmission, Namespace: namespace, Name: d.provider}
	a := Action{ID: id, Provider: d.provider, Have: d.live.Releases[id], Commit: want.Commit}
	a.Want = Item{ID: id, Provider: d.provider, Admission: d.admission()}
	if a.Want.Admission != nil {
		a.Digest = a.Want.Admission.Digest
	}
	a.Have.Owner, a.Have.Digest, a.Have.Drift, a.Have.Policy = d.have.Owner, d.have.Digest, d.have.Drift, d.have.Deletion
	a.Have.Provider, a.Have.Commit, a.Have.Stray = d.provider, d.have.Commit, d.have.Stray
	return a
}

// admission is what the door should be made by: what is declared, and how those organizations are
// recognised that are not declared any more and still there.
func (d door) admission() *Admission {
	if d.want == nil {
		return nil
	}
	out, declared := *d.want.Admission, d.want.Admission.Recognition.Organizations
	out.Recognition = out.Recognition.With(d.have)
	if len(out.Recognition.Organizations) == len(declared) {
		return &out
	}
	for name, match := range out.Recognition.Organizations {
		if !has(declared, name) {
			out.Namespaces = union(out.Namespaces, match.Namespaces)
		}
	}
	out.Seal()
	return &out
}

// union is both lists as one, sorted.
func union(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

func has[K comparable, V any](m map[K]V, key K) bool {
	_, there := m[key]
	return there
}

// decide says what becomes of a door that should be there.
func (d door) decide(want Desired, have Live) Action {
	a := d.action(want)
	a.Risks = d.risks()
	switch {
	case d.from != "":
		a = act(a, OpUpdate, Changed, "its provider was "+d.from+" before")
		a.Have.Provider = d.from
		a.Diff = changes(d.have.Admission, *a.Want.Admission)
	case d.have.Admission.Digest == "":
		a = act(a, OpCreate, Missing, "")
	case d.have.Admission.Digest != a.Digest:
		a = act(a, OpUpdate, Changed, "")
		a.Diff = changes(d.have.Admission, *a.Want.Admission)
	case len(d.have.Drift) > 0:
		a = act(a, OpRepair, Drifted, driftText(d.have.Drift))
	default:
		a = act(a, OpKeep, InSync, "")
	}
	return d.restrain(a, have)
}

// restrain holds what would act, and what is being worked on: what comes after it must still wait.
func (d door) restrain(a Action, have Live) Action {
	if a.Have.State == Locked {
		return hold(a, IsLocked, workedOn)
	}
	return restrain(a, d.want.Suspended, have)
}

// keepShut holds the step to enforcement while environments are there that nobody is known to own: they
// could not be told from new ones.
func (d door) keepShut(a Action) Action {
	w := d.want.Admission
	if !a.Acts() || w.Mode != Enforce || d.have.Mode == Enforce || w.Recognition.AllowUnknown {
		return a
	}
	if !d.live.Counted {
		return hold(a, Settling, "its environments are being counted")
	}
	if foreign := unrecognised(d.live.Environments[d.provider]); len(foreign) > 0 {
		return hold(a, Unrecognised, fmt.Sprintf("enforcement begins when it is known whose they are: %s; "+
			"say in organizations: match: how they are recognised", listed(foreign)))
	}
	return a
}

// risks are what a reviewer should know of a door.
func (d door) risks() []string {
	var out []string
	if why := d.live.Unenforceable; why != "" && d.want.Admission.Mode != EnforceOff {
		out = append(out, "not enforced: "+why)
	}
	for _, name := range d.want.Organizations {
		if match := d.want.Admission.Recognition.Organizations[name]; d.want.Admission.Mode == Enforce && match.Forgeable() {
			out = append(out, fmt.Sprintf("forgeable: anybody can claim to be of organization %s, whose environments are told by labels alone", name))
		}
	}
	return out
}

// end says what becomes of a door whose provider is not wanted any more. It goes last.
func (d door) end(want Desired, have Live) Action {
	return end(d.action(want), want, have)
}

// told says whether a door stays for the reason for which a release of its provider does, which says it.
func (d door) told(last Action, want Desired) bool {
	return last.Op == OpHold && slices.ContainsFunc(slices.Collect(maps.Values(d.live.Releases)), func(obs Observed) bool {
		return obs.Owner == want.Owner && obs.Provider == d.provider && obs.State != Absent
	})
}

// organizations says who comes onto the allowlist in force, and who leaves it.
func (d door) organizations(want Desired, have Live) []Action {
	var out []Action
	for _, name := range d.allowed() {
		open, listed := d.have.Organizations[name]
		switch {
		case open || !d.live.Reachable || !d.want.allows(name, have.At):
		case listed:
			out = append(out, d.admit(d.pair(name, want), OpUpdate, Changed, have))
		default:
			out = append(out, d.admit(d.pair(name, want), OpCreate, Missing, have))
		}
	}
	var leaving []string
	for name := range d.have.Organizations {
		if d.want == nil || !d.want.allows(name, have.At) {
			leaving = append(leaving, name)
		}
	}
	slices.Sort(leaving)
	for _, name := range leaving {
		out = append(out, d.dismiss(d.pair(name, want), want, have))
	}
	return out
}

// allowed are the organizations that may create environments, as long as their grants last.
func (d door) allowed() []string {
	if d.want == nil {
		return nil
	}
	return d.want.Organizations
}

// pair is the beginning of an action about one organization.
func (d door) pair(organization string, want Desired) Action {
	a := d.action(want)
	a.ID.Kind, a.ID.Name = KindAllowlist, d.provider+"/"+organization
	seen := d.live.Releases[a.ID]
	a.Organization, a.Digest, a.Risks = organization, "", nil
	if d.from != "" {
		a.After = []ID{{Cluster: d.cluster, Kind: KindAdmission, Namespace: d.want.Namespace, Name: d.provider}}
	}
	a.Have.State, a.Have.Tries, a.Have.Tried, a.Have.RetryAt, a.Have.Failure = seen.State, seen.Tries, seen.Tried, seen.RetryAt, seen.Failure
	return a
}

// admit lets an organization in.
func (d door) admit(a Action, op Op, reason Reason, have Live) Action {
	return d.restrain(act(a, op, reason, ""), have)
}

// dismiss takes an organization off the allowlist in force, or says why not.
func (d door) dismiss(a Action, want Desired, have Live) Action {
	a = end(a, want, have)
	if d.want != nil {
		a = restrain(a, d.want.Suspended, have)
	}
	if a.Op == OpDelete {
		return occupied(a, *d.live)
	}
	return a
}

// changes is what is different between two doors, a line for each.
func changes(before, after Admission) string {
	was, is := facts(before), facts(after)
	var out strings.Builder
	for _, key := range slices.Sorted(maps.Keys(is)) {
		if was[key] != is[key] {
			fmt.Fprintf(&out, "~ %s: %s → %s\n", key, cmp.Or(was[key], "none"), cmp.Or(is[key], "none"))
		}
	}
	return out.String()
}

// facts are what a door goes by, in words.
func facts(a Admission) map[string]string {
	r := a.Recognition
	out := map[string]string{
		"enforcement": string(a.Mode), "cordon": a.Cordoned, "namespaces": strings.Join(a.Namespaces, ", "),
		"selectors": strings.Join(r.Selectors, "; "), "id label": r.IDLabel, "organization label": r.OrganizationLabel,
		"trusted controllers": strings.Join(r.Trusted, ", "), "contact": a.Contact, "prebuilt": r.Prebuilt,
		"strict": fmt.Sprint(r.Strict), "unknown may create": fmt.Sprint(r.AllowUnknown), "owner label": r.OwnerLabel,
	}
	var said []string
	for _, name := range slices.Sorted(maps.Keys(r.Organizations)) {
		if text := r.Organizations[name].String(); text != "" {
			said = append(said, name+" by "+text)
		}
	}
	out["organizations"] = strings.Join(said, ", ")
	return out
}

// String says in words how an organization's environments are recognised.
func (m Match) String() string {
	var out []string
	add := func(what string, names []string) {
		if len(names) > 0 {
			out = append(out, what+" "+strings.Join(names, " "))
		}
	}
	add("namespace", m.Namespaces)
	add("service account", m.ServiceAccounts)
	add("id", m.IDs)
	for _, key := range slices.Sorted(maps.Keys(m.Labels)) {
		out = append(out, "label "+key+"="+m.Labels[key])
	}
	return strings.Join(out, ", ")
}
