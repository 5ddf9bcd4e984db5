package account

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/workspace-providers/reconcile/reconcile/charts"
)

// NeedsOf are the rights that whoever installs these objects must have. Resources are named as Kubernetes derives them
// from kinds; a definition that gives its kind an irregular plural must be added by hand.
func NeedsOf(objects []charts.Object) (Needs, error) {
	near, wide := map[string][]string{}, map[string][]string{} // by API group
	var out Needs
	for _, object := range objects {
		gvk := schema.FromAPIVersionAndKind(object.APIVersion, object.Kind)
		plural, _ := meta.UnsafeGuessKindToResource(gvk)
		if object.Namespace == "" {
			wide[gvk.Group] = append(wide[gvk.Group], plural.Resource)
		} else {
			near[gvk.Group] = append(near[gvk.Group], plural.Resource)
		}
		if gvk.Group != rbacv1.GroupName {
			continue
		}
		var role rbacv1.ClusterRole // a Role has the same rules, and a binding none
		if err := json.Unmarshal(object.Body, &role); err != nil {
			return Needs{}, err
		}
		out.grant(role.Rules)
	}
	out.Charts, out.Wide = grouped(near), grouped(wide)
	return out, nil
}

// grouped are rules about resources, one for each API group.
func grouped(resources map[string][]string) (out []rbacv1.PolicyRule) {
	for _, group := range slices.Sorted(maps.Keys(resources)) {
		slices.Sort(resources[group])
		out = append(out, rbacv1.PolicyRule{APIGroups: []string{group}, Resources: slices.Compact(resources[group])})
	}
	return out
}

// Beyond says in a line for each what an account may do that one before may not: where it writes, which kinds, and what it
// can give to others.
func (a Account) Beyond(before Account) (out []string) {
	for _, name := range a.Namespaces {
		if !slices.Contains(before.Namespaces, name) {
			out = append(out, "to write in namespace "+name)
		}
	}
	if kinds := without(resources(a.Needs.Charts), resources(before.Needs.Charts)); len(kinds) > 0 {
		out = append(out, "to write "+strings.Join(kinds, ", "))
	}
	if kinds := without(resources(a.Needs.Wide), resources(before.Needs.Wide)); len(kinds) > 0 {
		out = append(out, "to write everywhere "+strings.Join(kinds, ", "))
	}
	for _, rule := range a.Needs.Grants {
		if !contains(before.Needs.Grants, rule) {
			of := append(resources([]rbacv1.PolicyRule{rule}), rule.NonResourceURLs...)
			out = append(out, fmt.Sprintf("to grant %s of %s", strings.Join(rule.Verbs, ", "), strings.Join(of, ", ")))
		}
	}
	return out
}

// resources are those of rules, as "deployments.apps".
func resources(rules []rbacv1.PolicyRule) (out []string) {
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, name := range rule.Resources {
				out = append(out, strings.TrimSuffix(name+"."+group, "."))
			}
		}
	}
	return out
}

// without is what of some names is not among others.
func without(names, others []string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(others, name) })
}

func contains(rules []rbacv1.PolicyRule, rule rbacv1.PolicyRule) bool {
	return slices.ContainsFunc(rules, func(have rbacv1.PolicyRule) bool { return reflect.DeepEqual(have, rule) })
}

// grant adds rules, each once.
func (n *Needs) grant(rules []rbacv1.PolicyRule) {
	for _, rule := range rules {
		if !contains(n.Grants, rule) {
			n.Grants = append(n.Grants, rule)
		}
	}
}
