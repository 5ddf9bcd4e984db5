package admission

import (
	registration "k8s.io/api/admissionregistration/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// KeeperName is the name of the keeper's policy and of its binding, one of each in a cluster, for all deployments.
const KeeperName = "reconcile.keeper"

// Keeper is a policy that judges nothing, and its binding. While they are there, a guard's parameters are read: an API
// server stops watching ConfigMaps for good, until it is started again, as soon as no binding of any policy takes its
// parameters from one. From then on every guard would judge by what stood in its parameters at that time, and nobody
// would be told (https://github.com/kubernetes/kubernetes/issues/130887). So the keeper comes before the first guard,
// and stays after the last.
func Keeper() (registration.ValidatingAdmissionPolicy, registration.ValidatingAdmissionPolicyBinding) {
	// The label has no value: a keeper is no provider's, and is found where guards are.
	what := meta.ObjectMeta{Name: KeeperName, Labels: map[string]string{LabelProvider: ""}}
	policy := registration.ValidatingAdmissionPolicy{
		TypeMeta: typed("ValidatingAdmissionPolicy"), ObjectMeta: what,
		Spec: registration.ValidatingAdmissionPolicySpec{
			ParamKind:     &registration.ParamKind{APIVersion: "v1", Kind: "ConfigMap"},
			FailurePolicy: new(registration.Ignore),
			MatchConstraints: &registration.MatchResources{
				MatchPolicy:       new(registration.Exact),
				NamespaceSelector: &meta.LabelSelector{}, ObjectSelector: &meta.LabelSelector{},
				ResourceRules: []registration.NamedRuleWithOperations{{RuleWithOperations: registration.RuleWithOperations{
					Operations: []registration.OperationType{registration.Connect},
					Rule: registration.Rule{ // of a group that is nobody's
						APIGroups: []string{"keeper.reconcile.workspace-providers.dev"}, APIVersions: []string{"v1"},
						Resources: []string{"nothing"}, Scope: new(registration.NamespacedScope),
					},
				}}},
			},
			Validations: []registration.Validation{{Expression: "true"}},
		},
	}
	binding := registration.ValidatingAdmissionPolicyBinding{
		TypeMeta: typed("ValidatingAdmissionPolicyBinding"), ObjectMeta: what,
		Spec: registration.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: KeeperName,
			ParamRef: &registration.ParamRef{
				Name: KeeperName, Namespace: meta.NamespaceDefault, ParameterNotFoundAction: new(registration.AllowAction),
			},
			ValidationActions: []registration.ValidationAction{registration.Audit},
		},
	}
	return policy, binding
}
