package admission

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Object is what has to be known of an object to tell environments.
type Object struct {
	Kind        string // Pod, Deployment, StatefulSet, PersistentVolumeClaim; what is of another is not counted
	Namespace   string
	Name        string
	Labels      map[string]string
	Terminating bool // it is being deleted; it counts until it is gone
}

// shows is how much the kinds show of an environment: what decides over the others comes first.
func shows() []string {
	return []string{"StatefulSet", "Deployment", "Pod", "PersistentVolumeClaim"}
}

// Environments are the environments that objects in a provider's namespaces show, distinct by id, sorted by
// it: what a selector matches, and with strict everything that Helm did not install. Whose they are is told
// as the policy does, but for who asked for them, which no object shows. Errors are about selectors.
func Environments(r reconcile.Recognition, objects []Object) ([]reconcile.Environment, error) {
	is, err := matcher(r.Selectors)
	if err != nil {
		return nil, err
	}
	prebuilt, err := matcher([]string{r.Prebuilt})
	if err != nil {
		return nil, err
	}
	found := map[string][]Object{}
	for _, o := range objects {
		if slices.Contains(shows(), o.Kind) && (r.Strict && !installed(o) || is(o.Labels)) {
			id := identity(r, o)
			found[id] = append(found[id], o)
		}
	}
	var out []reconcile.Environment
	for _, id := range slices.Sorted(maps.Keys(found)) {
		one := joined(r, found[id])
		one.Prebuilt = prebuilt(found[id][0].Labels)
		out = append(out, one)
	}
	return out, nil
}

// joined is what objects with one id are together. It sorts them: the first shows most.
func joined(r reconcile.Recognition, objects []Object) reconcile.Environment {
	slices.SortFunc(objects, func(a, b Object) int {
		return cmp.Or(cmp.Compare(slices.Index(shows(), a.Kind), slices.Index(shows(), b.Kind)),
			strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	most := objects[0]
	out := reconcile.Environment{ID: identity(r, most), Namespace: most.Namespace, Name: most.Name}
	var claims []string
	for _, o := range objects {
		claims = append(claims, r.Claims(o.Namespace, identity(r, o), o.Labels)...)
		out.Owner = cmp.Or(out.Owner, o.Labels[r.OwnerLabel])
		out.Running = out.Running || o.Kind == "Pod" && !o.Terminating
	}
	slices.Sort(claims)
	out.Organization = r.One(slices.Compact(claims))
	return out
}

// identity is the id of an object's environment.
func identity(r reconcile.Recognition, o Object) string {
	return cmp.Or(o.Labels[r.IDLabel], o.Namespace+"/"+o.Name)
}

// installed says whether an object is part of a Helm release, such as the provider itself.
func installed(o Object) bool { return o.Labels["app.kubernetes.io/managed-by"] == "Helm" }

// matcher makes a function that tells whether any of the selectors matches; an empty one does not.
func matcher(selectors []string) (func(map[string]string) bool, error) {
	var any []labels.Selector
	for _, text := range selectors {
		selector, err := labels.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("reading label selector %q: %w: write one such as app=web or app in (web, api)", text, err)
		}
		if !selector.Empty() {
			any = append(any, selector)
		}
	}
	return func(of map[string]string) bool {
		return slices.ContainsFunc(any, func(s labels.Selector) bool { return s.Matches(labels.Set(of)) })
	}, nil
}
