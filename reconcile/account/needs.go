package account

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"

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

// grant adds rules, each once.
func (n *Needs) grant(rules []rbacv1.PolicyRule) {
	for _, rule := range rules {
		if !slices.ContainsFunc(n.Grants, func(have rbacv1.PolicyRule) bool { return reflect.DeepEqual(have, rule) }) {
			n.Grants = append(n.Grants, rule)
		}
	}
}
