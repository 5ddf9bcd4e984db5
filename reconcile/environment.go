package reconcile

import (
	"cmp"
	"maps"
	"slices"
)

// Workload is an object that may be part of an environment: a Pod, a Deployment, a StatefulSet or a
// PersistentVolumeClaim that one of the selectors matches.
type Workload struct {
	Kind      string
	Namespace string
	Name      string
	Labels    map[string]string
	Prebuilt  bool // the selector of those made in advance matches it
}

// Environments tells the environments that workloads are of, each once, sorted. Where they are of one and
// do not agree on whose it is, that is not known.
func (r Recognition) Environments(all []Workload) []Environment {
	byID := map[string][]Workload{}
	for _, w := range all {
		byID[r.id(w)] = append(byID[r.id(w)], w)
	}
	out := make([]Environment, 0, len(byID))
	for id, parts := range byID {
		out = append(out, r.environment(id, parts))
	}
	slices.SortFunc(out, func(a, b Environment) int {
		return cmp.Or(cmp.Compare(a.Organization, b.Organization), cmp.Compare(a.Owner, b.Owner),
			cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// id is the id of a workload's environment. One without a label is one of its own.
func (r Recognition) id(w Workload) string {
	return cmp.Or(w.Labels[r.IDLabel], w.Namespace+"/"+w.Name)
}

// environment is what several objects with the same id are.
func (r Recognition) environment(id string, parts []Workload) Environment {
	slices.SortFunc(parts, func(a, b Workload) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	first := parts[0] // a Deployment before the volume that it mounts
	out := Environment{ID: id, Namespace: first.Namespace, Name: first.Name, Prebuilt: true}
	said := map[string]bool{}
	for _, w := range parts {
		said[r.Organization(w.Namespace, w.Labels[r.IDLabel], w.Labels)] = true
		out.Owner = cmp.Or(out.Owner, w.Labels[r.OwnerLabel])
		out.Running = out.Running || w.Kind == "Pod"
		out.Prebuilt = out.Prebuilt && w.Prebuilt
	}
	if names := slices.Collect(maps.Keys(said)); len(names) == 1 {
		out.Organization = names[0]
	}
	return out
}

// With is a recognition that also knows how those organizations were recognised that are on an allowlist in
// force and not declared any more.
func (r Recognition) With(live AdmissionLive) Recognition {
	for name := range live.Organizations {
		match, was := live.Recognition.Organizations[name]
		if !was || has(r.Organizations, name) {
			continue
		}
		r.Organizations = maps.Clone(r.Organizations)
		if r.Organizations == nil {
			r.Organizations = map[string]Match{}
		}
		r.Organizations[name] = match
	}
	return r
}
