package kube

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/workspace-providers/reconcile/reconcile"
)

// provider is what one release of our own chart holds, by kind.
const provider = `apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: %[1]s}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: %[1]s}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: %[1]s}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: %[1]s}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: %[1]s}
---
apiVersion: v1
kind: Service
metadata: {name: %[1]s}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: %[1]s}`

// allow gives a user rights: everywhere, or in the namespace.
func (p *pad) allow(user string, wide bool, rules ...rbacv1.PolicyRule) {
	p.Helper()
	name := user + map[bool]string{true: "-wide", false: "-narrow"}[wide]
	api := p.kube.RbacV1()
	subjects := []rbacv1.Subject{{Kind: "User", APIGroup: rbacv1.GroupName, Name: user}}
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}
	if _, err := api.ClusterRoles().Create(p.Context(), &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules}, metav1.CreateOptions{}); err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { _ = api.ClusterRoles().Delete(context.Background(), name, metav1.DeleteOptions{}) })
	var err error
	if wide {
		_, err = api.ClusterRoleBindings().Create(p.Context(), &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name}, RoleRef: ref, Subjects: subjects}, metav1.CreateOptions{})
		p.Cleanup(func() { _ = api.ClusterRoleBindings().Delete(context.Background(), name, metav1.DeleteOptions{}) })
	} else {
		_, err = api.RoleBindings(p.space).Create(p.Context(), &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name}, RoleRef: ref, Subjects: subjects}, metav1.CreateOptions{})
	}
	if err != nil {
		p.Fatal(err)
	}
}

func rule(verbs, groups, resources string) rbacv1.PolicyRule {
	split := func(s string) []string { return strings.Split(s, " ") }
	return rbacv1.PolicyRule{Verbs: split(verbs), APIGroups: strings.Split(groups, ","), Resources: split(resources)}
}

// all verbs that are needed on what a chart makes.
const all = "create delete get list patch update watch"

func TestAnAdministratorIsAskedOnce(t *testing.T) {
	p := newPad(t)
	total := int64(0)
	for i := range 100 {
		risks, requests := p.preflight(fmt.Sprint("p", i), reconcile.Absent,
			reconcile.Change{Adds: documents(t, fmt.Sprintf(provider, fmt.Sprint("p", i)))})
		if len(risks) > 0 {
			t.Fatalf("risks %q", risks)
		}
		total += requests
	}
	if total != 1 {
		t.Errorf("%d requests for 100 releases, want 1", total)
	}
}

func TestRightsAreAskedForOnce(t *testing.T) {
	admin := newPad(t)
	user := admin.space + "-daemon"
	admin.allow(user, true, rule("create", "", "namespaces"), rule(all, ",apps,networking.k8s.io,policy,rbac.authorization.k8s.io",
		"secrets configmaps services serviceaccounts deployments ingresses networkpolicies poddisruptionbudgets roles rolebindings"))
	p, total := admin.as(user), int64(0)
	for i := range 100 {
		p.space = fmt.Sprintf("%s-%d", admin.space, i%10)
		risks, requests := p.preflight(fmt.Sprint("p", i), reconcile.Absent,
			reconcile.Change{Adds: documents(t, fmt.Sprintf(provider, fmt.Sprint("p", i)))})
		if len(risks) > 0 {
			t.Fatalf("risks %q", risks)
		}
		total += requests
	}
	t.Logf("%d requests for 100 releases in 10 namespaces", total)
	if total > 50 {
		t.Errorf("%d requests for 100 releases in 10 namespaces, want at most 50", total)
	}
}

func TestMissingRightsAreRisks(t *testing.T) {
	admin := newPad(t)
	user := admin.space + "-daemon"
	admin.allow(user, true, rule("create", "", "namespaces"), rule(all, "", "secrets configmaps"), rule("list watch", "networking.k8s.io", "ingresses"),
		rule("delete get patch", "networking.k8s.io", "ingresses"))
	admin.allow(user, false, rule(all, "apps", "deployments"), rule("get", "rbac.authorization.k8s.io", "clusterroles"))
	p := admin.as(user)
	have := p.adds("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n---\n" +
		"apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web}\n---\n" +
		"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: web}\n---\n" +
		"apiVersion: example.com/v1\nkind: Unknown\nmetadata: {name: web}")
	want := []string{
		"missing permission: create ingresses.networking.k8s.io in namespace " + p.space,
		"missing permission: create, delete, get, patch clusterroles.rbac.authorization.k8s.io web",
		"missing permission: list, watch clusterroles.rbac.authorization.k8s.io in the whole cluster",
		"missing permission: list, watch deployments.apps in the whole cluster",
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
}

func TestANamespaceThatIsThereNeedNotBeMade(t *testing.T) {
	admin := newPad(t)
	user := admin.space + "-daemon"
	admin.allow(user, true, rule(all, "", "secrets configmaps"), rule("get", "", "namespaces"))
	p := admin.as(user)
	const settings = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}"
	if risks := p.adds(settings); len(risks) > 0 {
		t.Errorf("risks %q", risks)
	}
	p.space = admin.space + "-none"
	if diff := cmp.Diff([]string{"missing permission: create namespaces in the whole cluster"}, p.adds(settings)); diff != "" {
		t.Error(diff)
	}
}

func TestHooksAndWhatGoesNeedRightsToo(t *testing.T) {
	admin := newPad(t)
	user := admin.space + "-daemon"
	admin.allow(user, true, rule(all, "", "secrets configmaps"), rule("create", "batch", "jobs"))
	p := admin.as(user)
	have, _ := p.preflight("web", reconcile.Deployed, reconcile.Change{
		Hooks:   documents(t, "apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate}"),
		Removes: documents(t, "apiVersion: v1\nkind: Service\nmetadata: {name: web}"),
		Kinds:   documents(t, "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.com}"),
	})
	want := []string{
		"missing permission: delete jobs.batch in namespace " + p.space,
		"missing permission: delete, get services in namespace " + p.space,
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
}

func TestRightsOnSingleObjectsAreNoRisk(t *testing.T) {
	admin := newPad(t)
	user := admin.space + "-daemon"
	one := rule("get patch delete", "", "services")
	one.ResourceNames = []string{"web"}
	role := rule("create delete get patch", "rbac.authorization.k8s.io", "clusterroles")
	role.ResourceNames = []string{"web"}
	admin.allow(user, true, rule(all, "", "secrets configmaps namespaces"), rule("list watch create", "", "services"), one,
		role, rule("list watch create", "rbac.authorization.k8s.io", "clusterroles"))
	p := admin.as(user)
	if risks := p.adds("apiVersion: v1\nkind: Service\nmetadata: {name: web}\n---\n" +
		"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: web}"); len(risks) > 0 {
		t.Errorf("risks %q", risks)
	}
}
