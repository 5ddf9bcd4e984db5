package account

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/workspace-providers/reconcile/reconcile/charts"
)

// An account has the rights of the daemon's chart, and what charts need in the namespaces of providers alone;
// namespaces that every cluster has are not made, nor a token that does not end.
func TestManifests(t *testing.T) {
	a := Account{Name: "keeper", Namespace: "ops", State: "default", Namespaces: []string{"coder"}, Needs: Needs{
		Charts: []rbacv1.PolicyRule{{APIGroups: []string{"example.com"}, Resources: []string{"gadgets"}}},
		Wide:   []rbacv1.PolicyRule{{APIGroups: []string{"example.com"}, Resources: []string{"widgets"}}},
		Grants: []rbacv1.PolicyRule{{APIGroups: []string{"metrics.k8s.io"}, Resources: []string{"pods"}, Verbs: []string{"get"}}},
	}}
	objects, err := a.Objects()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, object := range objects {
		got = append(got, strings.Trim(object.GetKind()+" "+object.GetNamespace()+"/"+object.GetName(), "/"))
	}
	want := []string{
		"Namespace /coder", "Namespace /ops", "ServiceAccount ops/keeper", "ClusterRole /ops:keeper", "ClusterRoleBinding /ops:keeper",
		"Role coder/ops:keeper", "Role default/ops:keeper:state", "RoleBinding coder/ops:keeper", "RoleBinding default/ops:keeper:state",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("it makes (-want +got):\n%s", diff)
	}
	if wide := rules(t, objects, "ClusterRole", ""); !allows(wide, "gadgets", "watch") || allows(wide, "gadgets", "create") || !allows(wide, "secrets", "watch") ||
		!allows(wide, "widgets", "create") || allows(wide, "jobs", "create") {
		t.Errorf("everywhere it may\n%v", wide)
	}
	if near := rules(t, objects, "Role", "coder"); !allows(near, "gadgets", "create") || !allows(near, "pods", "get") || !allows(near, "secrets", "update") ||
		allows(near, "widgets", "create") {
		t.Errorf("beside providers it may\n%v", near)
	}
	if said := strings.Join(a.Words(), "\n"); !strings.Contains(said, "what charts of providers install, in coder: gadgets") ||
		!strings.Contains(said, "in no namespace, and so everywhere: widgets") ||
		!strings.Contains(said, "namespace coder, if it is not there") {
		t.Errorf("in words:\n%s", said)
	}
	text, err := a.Manifests()
	if err != nil || strings.Count(text, "\n---\n") != len(want)-1 || strings.Contains(text, "Helm\n") {
		t.Errorf("%v\n%s", err, text)
	}
}

// Values of the chart win, and an account that could write everywhere is none.
func TestValues(t *testing.T) {
	a := Account{Name: "keeper", Namespace: "ops", State: "default", Namespaces: []string{"coder"}, Values: map[string]any{
		"rbac": map[string]any{"risks": false},
	}}
	objects, err := a.Objects()
	if err != nil {
		t.Fatal(err)
	}
	if wide := rules(t, objects, "ClusterRole", ""); allows(wide, "storageclasses", "list") || !allows(wide, "pods", "watch") {
		t.Errorf("everywhere it may\n%v", wide)
	}
	a.Namespaces = nil
	if _, err := a.Objects(); err == nil || !strings.Contains(err.Error(), "in which namespaces") {
		t.Errorf("without namespaces: %v", err)
	}
}

// rules are those of a role.
func rules(t *testing.T, objects []*unstructured.Unstructured, kind, namespace string) []rbacv1.PolicyRule {
	t.Helper()
	for _, object := range objects {
		if object.GetKind() != kind || object.GetNamespace() != namespace {
			continue
		}
		var role rbacv1.ClusterRole
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &role); err != nil {
			t.Fatal(err)
		}
		return role.Rules
	}
	t.Fatalf("no %s in %q", kind, namespace)
	return nil
}

func allows(rules []rbacv1.PolicyRule, resource, verb string) bool {
	return slices.ContainsFunc(rules, func(r rbacv1.PolicyRule) bool {
		return slices.Contains(r.Resources, resource) && slices.Contains(r.Verbs, verb)
	})
}

// What charts install says which kinds, and what Roles among it give, each once.
func TestNeedsOf(t *testing.T) {
	role := `{"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}]}`
	got, err := NeedsOf([]charts.Object{
		{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "a", Body: []byte(`{}`)}, {APIVersion: "v1", Kind: "Service", Namespace: "a", Body: []byte(`{}`)},
		{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy", Namespace: "a", Body: []byte(`{}`)}, {APIVersion: "v1", Kind: "Service", Namespace: "a", Body: []byte(`{}`)},
		{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "Role", Namespace: "a", Body: []byte(role)},
		{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole", Body: []byte(role)},
		{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "RoleBinding", Namespace: "a", Body: []byte(`{"roleRef":{"kind":"Role"}}`)},
	})
	kinds := func(group string, resources ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources}
	}
	want := Needs{
		Charts: []rbacv1.PolicyRule{
			kinds("", "services"), kinds("apps", "deployments"), kinds("networking.k8s.io", "networkpolicies"),
			kinds("rbac.authorization.k8s.io", "rolebindings", "roles"),
		},
		Wide:   []rbacv1.PolicyRule{kinds("rbac.authorization.k8s.io", "clusterroles")},
		Grants: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// What an account lacks is said of all that it may do: namespaces, kinds in them and in none, and what it gives to others.
func TestBeyond(t *testing.T) {
	kinds := func(resources ...string) []rbacv1.PolicyRule {
		return []rbacv1.PolicyRule{{APIGroups: []string{"example.com"}, Resources: resources}}
	}
	had := Account{Namespaces: []string{"coder"}, Needs: Needs{Charts: kinds("gadgets")}}
	needs := Account{Namespaces: []string{"coder", "other"}, Needs: Needs{
		Charts: kinds("gadgets", "things"), Wide: kinds("widgets"),
		Grants: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list"}}},
	}}
	want := []string{
		"to write in namespace other", "to write things.example.com", "to write everywhere widgets.example.com", "to grant get, list of pods",
	}
	if diff := cmp.Diff(want, needs.Beyond(had)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := needs.Beyond(needs); len(got) > 0 {
		t.Errorf("beyond itself: %q", got)
	}
}

// The kubeconfig reaches the server that the administrator reaches, with a token and nothing of his.
func TestKubeconfig(t *testing.T) {
	admin := &rest.Config{Host: "https://eu.example.com:6443", BearerToken: "his", TLSClientConfig: rest.TLSClientConfig{
		CAData: []byte("authority"), CertData: []byte("his"), KeyData: []byte("his"),
	}, Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example.com:3128"})}
	text, err := kubeconfigFor(admin, "eu", "ours")
	if err != nil {
		t.Fatal(err)
	}
	got, err := clientcmd.Load(text)
	if err != nil {
		t.Fatal(err)
	}
	if c := got.Clusters["eu"]; got.CurrentContext != "eu" || c.Server != admin.Host || string(c.CertificateAuthorityData) != "authority" || c.ProxyURL != "http://proxy.example.com:3128" {
		t.Errorf("%s", text)
	}
	if u := got.AuthInfos["eu"]; u.Token != "ours" || len(u.ClientCertificateData)+len(u.ClientKeyData) > 0 {
		t.Errorf("%s", text)
	}
}
