// Package account makes what the daemon needs in a cluster before it can work there: a service account with no more
// rights than it uses, and a kubeconfig with a token for it that ends by itself.
//
//	Account ─► Objects ─► Manifests, for people and kubectl
//	                  └─► Make, with an administrator's credentials ─► a kubeconfig for the account
//
// It runs once, by hand, and is no part of the daemon.
package account

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// Rights is the ClusterRole that the daemon needs in every cluster, as YAML.
//
//go:embed rights.yaml
var Rights string

// Account is what is made in one cluster.
type Account struct {
	Name       string   // of the service account, and of what gives it rights
	Namespace  string   // that it is in; made where it is not there
	State      string   // the namespace of Leases and freezes, likewise
	Namespaces []string // of providers, likewise
	ChartRole  string   // a ClusterRole that it has in those, for what charts install; empty: none
}

// Objects are what is made, in an order in which it can be.
func (a Account) Objects() []runtime.Object {
	var out []runtime.Object
	for _, name := range a.spaces() {
		out = append(out, &corev1.Namespace{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}, ObjectMeta: metav1.ObjectMeta{Name: name},
		})
	}
	out = append(out, &corev1.ServiceAccount{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
		ObjectMeta: metav1.ObjectMeta{Name: a.Name, Namespace: a.Namespace},
	}, a.role(), &rbacv1.ClusterRoleBinding{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRoleBinding"},
		ObjectMeta: metav1.ObjectMeta{Name: a.Name}, Subjects: a.subjects(), RoleRef: roleRef(a.Name),
	})
	if a.ChartRole == "" {
		return out
	}
	for _, name := range a.Namespaces {
		out = append(out, a.usage(name), a.binding(name, "-charts", roleRef(a.ChartRole)),
			a.binding(name, "-usage", rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: a.Name + "-usage"}))
	}
	return out
}

// usage lets the account see what pods use. Charts of providers grant that, and nobody can grant what he has not; where
// no metrics server is, Kubernetes' own roles do not have it.
func (a Account) usage(namespace string) *rbacv1.Role {
	return &rbacv1.Role{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "Role"},
		ObjectMeta: metav1.ObjectMeta{Name: a.Name + "-usage", Namespace: namespace},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{"metrics.k8s.io"}, Resources: []string{"pods"}, Verbs: []string{"get", "list", "watch"}}},
	}
}

func (a Account) binding(namespace, suffix string, role rbacv1.RoleRef) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "RoleBinding"},
		ObjectMeta: metav1.ObjectMeta{Name: a.Name + suffix, Namespace: namespace},
		Subjects:   a.subjects(), RoleRef: role,
	}
}

// spaces are the namespaces that must be there, but for those that every cluster has.
func (a Account) spaces() []string {
	all := slices.Concat([]string{a.Namespace, a.State}, a.Namespaces)
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(name string) bool {
		return name == "" || name == metav1.NamespaceDefault || strings.HasPrefix(name, "kube-")
	})
}

// role is the ClusterRole under the account's name.
func (a Account) role() *rbacv1.ClusterRole {
	var role rbacv1.ClusterRole
	if err := yaml.UnmarshalStrict([]byte(Rights), &role); err != nil {
		panic(fmt.Sprintf("rights.yaml: %v", err)) // it is part of this program
	}
	role.Name = a.Name
	return &role
}

func (a Account) subjects() []rbacv1.Subject {
	return []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: a.Name, Namespace: a.Namespace}}
}

func roleRef(name string) rbacv1.RoleRef {
	return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}
}

// Manifests are the objects as YAML documents, as kubectl apply takes them.
func (a Account) Manifests() (string, error) {
	var docs []string
	for _, object := range a.Objects() {
		fields, err := fieldsOf(object)
		if err != nil {
			return "", err
		}
		text, err := yaml.Marshal(fields)
		if err != nil {
			return "", err
		}
		docs = append(docs, string(text))
	}
	return strings.Join(docs, "---\n"), nil
}

// fieldsOf is an object without the fields that nobody sets.
func fieldsOf(object runtime.Object) (map[string]any, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, err
	}
	delete(fields, "status")
	delete(fields, "spec")
	delete(fields["metadata"].(map[string]any), "creationTimestamp")
	return fields, nil
}

// Words say in a line for each what is made.
func (a Account) Words() []string {
	out := []string{}
	for _, name := range a.spaces() {
		out = append(out, "namespace "+name+", if it is not there")
	}
	out = append(out,
		fmt.Sprintf("service account %s in namespace %s", a.Name, a.Namespace),
		fmt.Sprintf("cluster role %s with the rights that the daemon uses, for that account in the whole cluster", a.Name))
	if a.ChartRole != "" {
		for _, name := range a.Namespaces {
			out = append(out, fmt.Sprintf("cluster role %s for it in namespace %s, for what charts install there, and to see what pods use", a.ChartRole, name))
		}
	}
	return out
}
