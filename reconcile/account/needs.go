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
	resources := map[string]map[string]bool{} // by API group
	var out Needs
	for _, object := range objects {
		gvk := schema.FromAPIVersionAndKind(object.APIVersion, object.Kind)
		plural, _ := meta.UnsafeGuessKindToResource(gvk)
		if resources[gvk.Group] == nil {
			resources[gvk.Group] = map[string]bool{}
		}
		resources[gvk.Group][plural.Resource] = true
		if gvk.Group != rbacv1.GroupName {
			continue
		}
		var role rbacv1.ClusterRole // a Role has the same rules, and a binding none
		if err := json.Unmarshal(object.Body, &role); err != nil {
			return Needs{}, err
		}
		out.grant(role.Rules)
	}
	for _, group := range slices.Sorted(maps.Keys(resources)) {
		out.Charts = append(out.Charts, rbacv1.PolicyRule{
			APIGroups: []string{group}, Resources: slices.Sorted(maps.Keys(resources[group])),
		})
	}
	return out, nil
}

// grant adds rules, each once.
func (n *Needs) grant(rules []rbacv1.PolicyRule) {
	for _, rule := range rules {
		if !slices.ContainsFunc(n.Grants, func(have rbacv1.PolicyRule) bool { return reflect.DeepEqual(have, rule) }) {
			n.Grants = append(n.Grants, rule)
		}
	}
}
