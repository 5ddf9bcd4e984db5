package admission

import (
	registration "k8s.io/api/admissionregistration/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/workspace-providers/reconcile/reconcile"
)

// policy writes the semantics of the package's documentation in CEL. What depends on organizations is in the
// parameters alone, so that a server that has these has everything.
func (g Guard) policy() (*registration.ValidatingAdmissionPolicy, error) {
	variables, err := g.variables()
	if err != nil {
		return nil, err
	}
	failure := registration.Fail
	if g.Mode != reconcile.Enforce {
		failure = registration.Ignore // an audit lets everything through, whatever goes wrong
	}
	return &registration.ValidatingAdmissionPolicy{
		TypeMeta:   typed("ValidatingAdmissionPolicy"),
		ObjectMeta: g.meta(g.Name(), ""),
		Spec: registration.ValidatingAdmissionPolicySpec{
			ParamKind:        &registration.ParamKind{APIVersion: "v1", Kind: "ConfigMap"},
			MatchConstraints: constraints(),
			Variables:        variables,
			Validations: []registration.Validation{{
				Expression: `variables.verdict == ""`, MessageExpression: "variables.verdict",
				Message: "workspace provider " + g.Provider + " does not let this through",
				Reason:  new(meta.StatusReasonForbidden),
			}},
			FailurePolicy: &failure,
		},
	}, nil
}

// constraints are the kinds that run something, or keep what something that ran has left.
func constraints() *registration.MatchResources {
	rule := func(group string, resources ...string) registration.NamedRuleWithOperations {
		return registration.NamedRuleWithOperations{RuleWithOperations: registration.RuleWithOperations{
			Operations: []registration.OperationType{registration.Create, registration.Update},
			Rule: registration.Rule{
				APIGroups: []string{group}, APIVersions: []string{"v1"}, Resources: resources,
				Scope: new(registration.NamespacedScope),
			},
		}}
	}
	return &registration.MatchResources{
		MatchPolicy:       new(registration.Equivalent),
		NamespaceSelector: &meta.LabelSelector{}, ObjectSelector: &meta.LabelSelector{},
		ResourceRules: []registration.NamedRuleWithOperations{
			rule("", "persistentvolumeclaims", "pods", "podtemplates", "replicationcontrollers"),
			rule("apps", "daemonsets", "deployments", "replicasets", "statefulsets"),
			rule("batch", "cronjobs", "jobs"),
		},
	}
}
