// Package account makes what the daemon needs in a cluster before it can work there: a service account with no more
// rights than it uses, and a kubeconfig with a token for it that ends by itself.
//
//	Account ─► chart of the daemon, its rights alone ─► Objects ─► Manifests, for people and kubectl
//	                                                            └─► Make, with an administrator's credentials ─► a kubeconfig
//
// It runs once, by hand, and is no part of the daemon. Which rights those are stands in the daemon's own chart
// (examples/install) and nowhere else.
package account

import (
	"fmt"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chartutil"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// Account is what is made in one cluster.
type Account struct {
	Name       string   // of the service account, and of what gives it rights
	Namespace  string   // that it is in; made where it is not there
	State      string   // the namespace of Leases and freezes, likewise
	Namespaces []string // that it may write in, those of providers, likewise; at least one
	Needs      Needs
	Values     map[string]any // of the daemon's chart, which win over everything above; nil: none
}

// Needs are rights that an account has because of what the charts of providers install.
type Needs struct {
	Charts     []rbacv1.PolicyRule // kinds in namespaces, without verbs
	Wide       []rbacv1.PolicyRule // kinds that are in no namespace, likewise
	Grants     []rbacv1.PolicyRule // what Roles among their objects give, which nobody may give who has it not himself
	LookInside bool                // Jobs look at a new access URL from inside
}

// Objects are what is made, in an order in which it can be.
func (a Account) Objects() ([]*unstructured.Unstructured, error) {
	if len(a.Namespaces) == 0 {
		return nil, fmt.Errorf("account %s: it must be said in which namespaces it may write", a.Name)
	}
	var out []*unstructured.Unstructured
	for _, name := range a.spaces() {
		out = append(out, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name},
		}})
	}
	rights, err := a.rights()
	return append(out, rights...), err
}

// values are those of the daemon's chart.
func (a Account) values() (map[string]any, error) {
	text, err := yaml.Marshal(map[string]any{
		"only": "target", "stateNamespace": a.State, "serviceAccount": map[string]any{"token": false},
		"rbac": map[string]any{
			"namespaces": a.Namespaces, "grants": a.Needs.Grants, "lookInside": a.Needs.LookInside,
			"charts": append(kinds(a.Needs.Charts, false), kinds(a.Needs.Wide, true)...),
		},
	})
	if err != nil {
		return nil, err
	}
	own, err := chartutil.ReadValues(text)
	return chartutil.CoalesceTables(a.Values, own), err
}

// kinds are rules as the chart wants them, which sets the verbs itself.
func kinds(rules []rbacv1.PolicyRule, clusterScoped bool) []map[string]any {
	out := make([]map[string]any, 0, len(rules))
	for _, rule := range rules {
		out = append(out, map[string]any{"apiGroups": rule.APIGroups, "resources": rule.Resources, "clusterScoped": clusterScoped})
	}
	return out
}

// spaces are the namespaces that must be there, but for those that every cluster has.
func (a Account) spaces() []string {
	all := slices.Concat([]string{a.Namespace, a.State}, a.Namespaces)
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(name string) bool {
		return name == "" || name == metav1.NamespaceDefault || strings.HasPrefix(name, "kube-")
	})
}

// Manifests are the objects as YAML documents, as kubectl apply takes them.
func (a Account) Manifests() (string, error) {
	objects, err := a.Objects()
	if err != nil {
		return "", err
	}
	var docs []string
	for _, object := range objects {
		text, err := yaml.Marshal(object.Object)
		if err != nil {
			return "", err
		}
		docs = append(docs, string(text))
	}
	return strings.Join(docs, "---\n"), nil
}

// Words say in a line for each what is made.
func (a Account) Words() []string {
	out := []string{}
	for _, name := range a.spaces() {
		out = append(out, "namespace "+name+", if it is not there")
	}
	out = append(out,
		fmt.Sprintf("service account %s in namespace %s", a.Name, a.Namespace),
		"rights for it to read all Secrets and ConfigMaps, since Helm keeps releases there, and what environments and providers are made of, in all namespaces",
		"rights for it to write the guards of allowlists, which are in no namespace")
	in := strings.Join(a.Namespaces, ", ")
	out = append(out, "rights for it to write Helm's releases in "+in)
	if what := resources(a.Needs.Charts); len(what) > 0 {
		out = append(out, fmt.Sprintf("rights for it to write what charts of providers install, in %s: %s", in, strings.Join(what, ", ")))
	}
	if what := resources(a.Needs.Wide); len(what) > 0 {
		out = append(out, "rights for it to write what charts of providers install, in no namespace, and so everywhere: "+strings.Join(what, ", "))
	}
	return out
}
