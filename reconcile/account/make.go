package account

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// fieldManager owns the fields that are made. A second run with other rights takes the old ones away.
const fieldManager = "reconcile-bootstrap"

// Administrator finds somebody's credentials: the context of that name, in a kubeconfig file or where KUBECONFIG
// says. The current context is never used.
func Administrator(kubeconfig, name string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules,
		&clientcmd.ConfigOverrides{CurrentContext: name}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("context %q: %w", name, err)
	}
	if config.Insecure {
		return nil, fmt.Errorf("context %q does not verify its server's certificate (insecure-skip-tls-verify), and the daemon "+
			"always does: give its cluster the certificate-authority instead", name)
	}
	return config, nil
}

// Make makes what the account needs, and returns a kubeconfig for it whose one context has that name. Its token is
// good for valid, or for less where the cluster grants no more; until is when it ends. Twice is the same as once,
// but for the token.
func (a Account) Make(ctx context.Context, admin *rest.Config, name string, valid time.Duration) (kubeconfig []byte, until time.Time, err error) {
	client, err := dynamic.NewForConfig(admin)
	if err != nil {
		return nil, until, err
	}
	objects, err := a.Objects()
	if err != nil {
		return nil, until, err
	}
	for _, object := range objects {
		if err := apply(ctx, client, object); err != nil {
			return nil, until, err
		}
	}
	typed, err := kubernetes.NewForConfig(admin)
	if err != nil {
		return nil, until, err
	}
	seconds := int64(valid.Seconds())
	got, err := typed.CoreV1().ServiceAccounts(a.Namespace).CreateToken(ctx, a.Name, &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, until, fmt.Errorf("a token for service account %s/%s: %w", a.Namespace, a.Name, err)
	}
	kubeconfig, err = kubeconfigFor(admin, name, got.Status.Token)
	if err != nil {
		return nil, until, err
	}
	return kubeconfig, got.Status.ExpirationTimestamp.Time, works(kubeconfig)
}

// works tries a kubeconfig, so that nobody learns from the daemon that it leads nowhere.
func works(kubeconfig []byte) error {
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if _, err := client.Discovery().ServerVersion(); err != nil {
		return fmt.Errorf("the account is made, and its kubeconfig does not work: %w", err)
	}
	return nil
}

// apply makes one object, and leaves alone what others have set on it.
func apply(ctx context.Context, client dynamic.Interface, object *unstructured.Unstructured) error {
	resource := map[string]string{
		"Namespace": "namespaces", "ServiceAccount": "serviceaccounts", "ClusterRole": "clusterroles",
		"ClusterRoleBinding": "clusterrolebindings", "RoleBinding": "rolebindings", "Role": "roles",
	}[object.GetKind()]
	gv, err := schema.ParseGroupVersion(object.GetAPIVersion())
	if err != nil {
		return err
	}
	text, err := json.Marshal(object)
	if err != nil {
		return err
	}
	force := true
	_, err = client.Resource(gv.WithResource(resource)).Namespace(object.GetNamespace()).Patch(ctx, object.GetName(),
		types.ApplyPatchType, text, metav1.PatchOptions{FieldManager: fieldManager, Force: &force})
	if err != nil {
		return fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
	}
	return nil
}

// proxyOf is the proxy that a kubeconfig names; empty: none.
func proxyOf(admin *rest.Config) (string, error) {
	if admin.Proxy == nil {
		return "", nil
	}
	request, err := http.NewRequest(http.MethodGet, admin.Host, nil)
	if err != nil {
		return "", err
	}
	url, err := admin.Proxy(request)
	if err != nil || url == nil {
		return "", err
	}
	return url.String(), nil
}

// kubeconfigFor is a kubeconfig with a token, for the server that an administrator reaches.
func kubeconfigFor(admin *rest.Config, name, token string) ([]byte, error) {
	authority := admin.CAData
	if len(authority) == 0 && admin.CAFile != "" {
		var err error
		if authority, err = os.ReadFile(admin.CAFile); err != nil {
			return nil, err
		}
	}
	proxy, err := proxyOf(admin)
	if err != nil {
		return nil, err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{
		Server: admin.Host, CertificateAuthorityData: authority, TLSServerName: admin.ServerName, ProxyURL: proxy,
	}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	return clientcmd.Write(*config)
}
