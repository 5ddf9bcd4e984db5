package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/workspace-providers/reconcile/reconcile"
)

// right is something that may be done to a resource.
type right struct {
	verb      string
	resource  schema.GroupResource
	namespace string // empty: everywhere, or the resource is in no namespace
	name      string // of the only object that it is about; empty: any
}

// permissions says which rights the action, and whoever looks after the release from then on, lacks: one
// line for each resource and namespace.
func (f *flight) permissions(ctx context.Context) []string {
	missing := map[right][]string{} // verbs, by the rest of the right
	for _, r := range f.rights() {
		if allowed, err := f.may(ctx, r); err == nil && !allowed {
			if r == makeNamespaces && f.namespaceThere(ctx, f.action.ID.Namespace) == nil {
				continue
			}
			what := right{resource: r.resource, namespace: r.namespace, name: r.name}
			missing[what] = append(missing[what], r.verb)
		}
	}
	var out []string
	for what, verbs := range missing {
		out = append(out, fmt.Sprintf(reconcile.MissingPermission+"%s %s", strings.Join(verbs, ", "), what.where()))
	}
	slices.Sort(out)
	return out
}

// where is what a right is about, for people.
func (r right) where() string {
	switch {
	case r.name != "":
		return r.resource.String() + " " + r.name
	case r.namespace == "":
		return r.resource.String() + " in the whole cluster"
	}
	return r.resource.String() + " in namespace " + r.namespace
}

// rights are what is needed, each once, in the same order each time.
func (f *flight) rights() []right {
	set := map[right]bool{}
	need := func(r right, verbs ...string) {
		for _, r.verb = range verbs {
			set[r] = true
		}
	}
	for _, info := range f.all() {
		need(rightOn(info), "create", "delete", "get", "patch")
		need(right{resource: rightOn(info).resource}, "list", "watch") // see followKind
	}
	for _, info := range f.removes {
		need(rightOn(info), "delete", "get")
	}
	for _, info := range f.hooks {
		need(rightOn(info), "create", "delete")
	}
	space := f.action.ID.Namespace
	need(right{resource: schema.GroupResource{Resource: "secrets"}, namespace: space}, "create", "delete", "get", "patch", "update")
	need(right{resource: schema.GroupResource{Resource: "configmaps"}, namespace: space}, "create", "delete", "patch")
	if f.action.Have.State == reconcile.Absent {
		set[makeNamespaces] = true
		for _, info := range f.definitions {
			need(right{resource: rightOn(info).resource}, "create")
		}
	}
	return slices.SortedFunc(maps.Keys(set), func(a, b right) int {
		return cmp.Or(strings.Compare(a.resource.String(), b.resource.String()), strings.Compare(a.namespace, b.namespace),
			strings.Compare(a.name, b.name), strings.Compare(a.verb, b.verb))
	})
}

// rightOn is a right on an object. In a namespace it is one on all of that kind there, which other releases
// need too; on what is in none, it may be given for single names.
func rightOn(info *resource.Info) right {
	r := right{resource: info.Mapping.Resource.GroupResource(), namespace: info.Namespace}
	if r.namespace == "" {
		r.name = info.Name
	}
	return r
}

// may says whether something is allowed to us, by as few questions as there can be: the first is enough for
// an administrator, the second for whoever has what is needed by role, and only what is then still open is
// asked for by itself, first for the whole cluster.
func (c *conn) may(ctx context.Context, r right) (bool, error) {
	if all, err := c.review(ctx, right{verb: "*", resource: schema.GroupResource{Group: "*", Resource: "*"}}); all || err != nil {
		return all, err
	}
	if r.namespace != "" {
		if allowed, err := c.byRule(ctx, r); allowed || err != nil {
			return allowed, err
		}
	}
	wide := right{verb: r.verb, resource: r.resource}
	allowed, err := c.review(ctx, wide)
	if allowed || err != nil || r == wide {
		return allowed, err
	}
	if r.verb == "create" && r.namespace == "" { // a name that is not there yet is allowed to nobody by itself
		return false, nil
	}
	return c.review(ctx, r)
}

// byRule says whether the rules that we are told allow something; that they do not says nothing.
func (c *conn) byRule(ctx context.Context, r right) (bool, error) {
	rules, err := c.rules(ctx, r.namespace)
	if err != nil {
		return false, nil // then single questions tell
	}
	all, some := covered(rules, r)
	if some && !all {
		return false, errSome
	}
	return all, nil
}

// errSome says that something is allowed for certain names only, and perhaps for those that matter.
var errSome = errors.New("it is allowed for some names")

// review asks for one right.
func (c *conn) review(ctx context.Context, r right) (bool, error) {
	return ask(ctx, &c.answers, r, func(ctx context.Context) (bool, error) {
		got, err := c.kube.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
			Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
				Verb: r.verb, Group: r.resource.Group, Resource: r.resource.Resource, Namespace: r.namespace, Name: r.name,
			}},
		}, metav1.CreateOptions{})
		if err != nil {
			return false, err
		}
		return got.Status.Allowed, nil
	})
}

// rulesOf is the question for all that is allowed to us in a namespace.
type rulesOf string

// rules are what is allowed to us in a namespace. There may be more: not everything that authorizes can list
// what it allows.
func (c *conn) rules(ctx context.Context, namespace string) ([]authorizationv1.ResourceRule, error) {
	return ask(ctx, &c.answers, rulesOf(namespace), func(ctx context.Context) ([]authorizationv1.ResourceRule, error) {
		got, err := c.kube.AuthorizationV1().SelfSubjectRulesReviews().Create(ctx, &authorizationv1.SelfSubjectRulesReview{
			Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace},
		}, metav1.CreateOptions{})
		if err != nil {
			return nil, err
		}
		return got.Status.ResourceRules, nil
	})
}

// covered says whether the rules allow something for all names, and whether for some.
func covered(rules []authorizationv1.ResourceRule, r right) (all, some bool) {
	for _, rule := range rules {
		if listed(rule.Verbs, r.verb) && listed(rule.APIGroups, r.resource.Group) && listed(rule.Resources, r.resource.Resource) {
			all, some = all || len(rule.ResourceNames) == 0, true
		}
	}
	return all, some
}

func listed(list []string, what string) bool {
	return slices.Contains(list, "*") || slices.Contains(list, what)
}

// mayAsk is why something must not be asked; nil: it may. What nobody may is not tried: it would stand in
// the cluster's audit log as an attempt.
func (c *conn) mayAsk(ctx context.Context, r right) error {
	switch allowed, err := c.may(ctx, r); {
	case err != nil:
		return err
	case !allowed:
		return errors.New("we have no right to " + r.verb + " " + r.where())
	}
	return nil
}
