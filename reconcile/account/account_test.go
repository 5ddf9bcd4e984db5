package account

import (
	"strings"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// An account has the rights of the file, and nothing that was not asked for; namespaces that every cluster has are not
// made.
func TestManifests(t *testing.T) {
	a := Account{Name: "keeper", Namespace: "ops", State: "default", Namespaces: []string{"coder"}, ChartRole: "admin"}
	text, err := a.Manifests()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"kind: Namespace\nmetadata:\n  name: coder\n", "kind: Namespace\nmetadata:\n  name: ops\n",
		"kind: ServiceAccount\nmetadata:\n  name: keeper\n  namespace: ops\n",
		"kind: ClusterRoleBinding\nmetadata:\n  name: keeper\n", "  name: keeper-charts\n  namespace: coder\n", "  name: admin\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks\n%s\n%s", want, text)
		}
	}
	if strings.Contains(text, "name: default") || strings.Contains(text, "null") || strings.Contains(text, "status:") {
		t.Errorf("it has too much:\n%s", text)
	}
	if got := a.role(); got.Name != "keeper" || len(got.Rules) < 5 {
		t.Errorf("the role: %+v", got)
	}
	a.ChartRole = ""
	if text, err = a.Manifests(); err != nil || strings.Contains(text, "RoleBinding\nmetadata:\n  name: keeper-") {
		t.Errorf("without a role for charts: %v\n%s", err, text)
	}
	if got := strings.Join(a.Words(), "\n"); strings.Contains(got, "charts") || !strings.Contains(got, "namespace coder, if it is not there") {
		t.Errorf("in words:\n%s", got)
	}
}

// The kubeconfig reaches the server that the administrator reaches, with a token and nothing of his.
func TestKubeconfig(t *testing.T) {
	admin := &rest.Config{Host: "https://eu.example.com:6443", BearerToken: "his", TLSClientConfig: rest.TLSClientConfig{
		CAData: []byte("authority"), CertData: []byte("his"), KeyData: []byte("his"),
	}}
	text, err := kubeconfigFor(admin, "eu", "ours")
	if err != nil {
		t.Fatal(err)
	}
	got, err := clientcmd.Load(text)
	if err != nil {
		t.Fatal(err)
	}
	if c := got.Clusters["eu"]; got.CurrentContext != "eu" || c.Server != admin.Host || string(c.CertificateAuthorityData) != "authority" {
		t.Errorf("%s", text)
	}
	if u := got.AuthInfos["eu"]; u.Token != "ours" || len(u.ClientCertificateData)+len(u.ClientKeyData) > 0 {
		t.Errorf("%s", text)
	}
}
