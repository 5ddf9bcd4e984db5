package charts_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chartutil"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

const provider = "workspace-provider"

// required is the least a provider needs.
func required() values {
	return values{
		"cemanager": values{"accessURL": "https://coder.example.com"},
		"envproxy":  values{"clusterAddress": "https://10.0.0.1:6443"},
		"ingress":   values{"host": "eu.coder.example.com"},
	}
}

// with is the required values and some more.
func with(more values) values { return merge(required(), more) }

func TestProviderIsEightObjects(t *testing.T) {
	eight := []string{
		"NetworkPolicy/eu-envproxy",
		"ServiceAccount/eu-envproxy",
		"ServiceAccount/eu-environments",
		"Role/eu-envproxy",
		"RoleBinding/eu-envproxy",
		"Service/eu-envproxy",
		"Deployment/eu-envproxy",
		"Ingress/eu-envproxy",
	}
	seven := eight[:7]
	budget := slices.Insert(slices.Clone(eight), 1, "PodDisruptionBudget/eu-envproxy")
	secret := slices.Insert(slices.Clone(eight), 3, "Secret/eu-envproxy-token")

	tests := map[string]struct {
		more values
		want []string
	}{
		"by default":             {nil, eight},
		"without an Ingress":     {values{"ingress": values{"useDefault": false}}, seven},
		"of several replicas":    {values{"envproxy": values{"replicas": 3}}, budget},
		"with a token":           {values{"envproxy": values{"token": "sesame"}}, secret},
		"with a token elsewhere": {values{"envproxy": values{"tokenSecret": values{"name": "t"}}}, eight},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			out := must(t, provider, with(test.more))
			if diff := cmp.Diff(test.want, out.names); diff != "" {
				t.Errorf("objects (-want +have):\n%s", diff)
			}
			checkRestricted(t, out)
			if c := container(t, out); c.StartupProbe == nil || c.ReadinessProbe == nil || c.LivenessProbe == nil {
				t.Error("a probe is missing")
			}
			checkSelectors(t, out)
			checkAccounts(t, out)
		})
	}
}

func TestProviderSaysWhatMustBeSet(t *testing.T) {
	const (
		accessURL = "cemanager.accessURL must be set"
		host      = "envproxy.accessURL or ingress.host must be set"
		cluster   = "envproxy.clusterAddress must be set"
	)
	tests := map[string]struct {
		more values
		want string
	}{
		"no deployment":      {values{"cemanager": values{"accessURL": ""}}, accessURL},
		"no address":         {values{"ingress": values{"host": ""}}, host},
		"no cluster":         {values{"envproxy": values{"clusterAddress": ""}}, cluster},
		"null is not a URL":  {values{"cemanager": values{"accessURL": nil}}, accessURL},
		"null is no address": {values{"ingress": values{"host": nil}}, host},
		"nothing, said at once": {values{
			"cemanager": values{"accessURL": ""},
			"envproxy":  values{"clusterAddress": ""},
			"ingress":   values{"host": ""},
		}, accessURL + "; " + host + "; " + cluster},
		"two tokens": {values{"envproxy": values{"token": "sesame", "tokenSecret": values{"name": "t"}}},
			"envproxy.token and envproxy.tokenSecret.name must not both be set"},
		"a certificate without its key": {values{"certs": values{"secret": values{"name": "ca"}}},
			"certs.secret.key must be set with certs.secret.name"},
		"an annotation without a value": {values{"ingress": values{"additionalAnnotations": []any{"a: "}}},
			`ingress.additionalAnnotations: "a: " is not of the form "key: value"`},
		"an annotation that is no YAML": {values{"ingress": values{"additionalAnnotations": []any{"a: ["}}},
			`ingress.additionalAnnotations: "a: [" is not of the form "key: value"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := try(t, provider, with(test.more))
			if err == nil {
				t.Fatal("it rendered")
			}
			if !strings.HasSuffix(err.Error(), ": "+test.want) {
				t.Errorf("have %q\nwant it to end in %q", err, test.want)
			}
		})
	}
}

func TestProviderNamesAreNeverCut(t *testing.T) {
	tests := map[string]struct{ release, want string }{
		"at most 54":      {strings.Repeat("a", 54), ""},
		"one more":        {strings.Repeat("a", 55), "has 55 characters: at most 54"},
		"a dot":           {"eu.west", "must begin with a letter"},
		"a leading digit": {"2eu", "must begin with a letter"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := tryAs(t, test.release, provider, required())
			if test.want == "" && err != nil {
				t.Fatal(err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("have %v, want %q", err, test.want)
			}
		})
	}
}

func TestTwoProvidersShareANamespace(t *testing.T) {
	seen := map[string]bool{}
	for _, release := range []string{"eu", "us"} {
		out, err := tryAs(t, release, provider, with(values{"envproxy": values{"token": "sesame"}}))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range out.names {
			if seen[name] {
				t.Errorf("both have %s", name)
			}
			seen[name] = true
		}
	}
}

const certDirs = "/etc/ssl/certs:/etc/pki/tls/certs:/etc/coder/certs"

func TestProviderSettings(t *testing.T) {
	certs := values{"certs": values{"secret": values{"name": "ca", "key": "ca.crt"}}}
	tolerations := []any{values{"key": "gpu", "operator": "Exists", "tolerationSeconds": int64(1000000)}}
	tests := map[string]struct {
		more       values
		name, want string
	}{
		"the deployment":              {nil, "CEMANAGER_ACCESS_URL", "https://coder.example.com"},
		"the cluster":                 {nil, "CLUSTER_ADDRESS", "https://10.0.0.1:6443"},
		"the suffix":                  {nil, "CLUSTER_DOMAIN_SUFFIX", ".svc.cluster.local"},
		"the account of environments": {nil, "ENVIRONMENT_SA_NAME", "eu-environments"},
		"host, scheme of deployment":  {nil, "ENVPROXY_ACCESS_URL", "https://eu.coder.example.com"},
		"the address wins": {values{"envproxy": values{"accessURL": "http://a.example.com:81/p"}},
			"ENVPROXY_ACCESS_URL", "http://a.example.com:81/p"},
		"ssh":         {nil, "SSH_ENABLED", "true"},
		"no ssh":      {values{"ssh": values{"enable": false}}, "SSH_ENABLED", "false"},
		"no dev URLs": {nil, "DEVURL_HOST", ""},
		"dev URLs": {values{"devurls": values{"host": "*.dev.example.com"}},
			"DEVURL_HOST", "*.dev.example.com"},
		"dev URLs' mode":  {nil, "DEVURL_SSL_MODE", "require"},
		"a storage class": {values{"storageClassName": "fast"}, "STORAGE_CLASS", "fast"},
		"a log":           {nil, "LOG_HUMAN", "/dev/stderr"},
		"a log for Stackdriver": {values{"logging": values{"stackdriver": "/dev/stdout"}},
			"LOG_STACKDRIVER", "/dev/stdout"},
		"own certificates": {certs, "SSL_CERT_DIR", certDirs},
		"tolerations": {values{"environments": values{"tolerations": tolerations}}, "ENVIRONMENT_TOLERATIONS",
			`[{"key":"gpu","operator":"Exists","tolerationSeconds":1000000}]`},
		"no token": {nil, "CEMANAGER_TOKEN", ""},
		"a token in a Secret": {values{"envproxy": values{"tokenSecret": values{"name": "t", "key": "k"}}},
			"CEMANAGER_TOKEN", "t/k"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if have := variable(t, must(t, provider, with(test.more)), test.name); have != test.want {
				t.Errorf("%s is %q, want %q", test.name, have, test.want)
			}
		})
	}
}

func TestProviderTokenIsOnlyInItsSecret(t *testing.T) {
	out := must(t, provider, with(values{"envproxy": values{"token": "sesame"}}))
	if have := variable(t, out, "CEMANAGER_TOKEN"); have != "eu-envproxy-token/token" {
		t.Errorf("CEMANAGER_TOKEN is %q", have)
	}
	if strings.Contains(out.text+out.notes, "sesame") {
		t.Error("the token stands in the clear")
	}
	secret := one[*corev1.Secret](t, out)
	if diff := cmp.Diff(map[string][]byte{"token": []byte("sesame")}, secret.Data); diff != "" {
		t.Errorf("Secret (-want +have):\n%s", diff)
	}
}

func TestProviderRollsItsPodsWhenSomethingChanged(t *testing.T) {
	annotations := func(more values) map[string]string {
		return one[*appsv1.Deployment](t, must(t, provider, with(more))).Spec.Template.Annotations
	}
	before := annotations(nil)
	if diff := cmp.Diff(before, annotations(values{"envproxy": values{"replicas": 2}})); diff != "" {
		t.Errorf("more replicas roll the old ones:\n%s", diff)
	}
	for name, more := range map[string]values{
		"a setting": {"ssh": values{"enable": false}},
		"a token":   {"envproxy": values{"token": "sesame"}},
		"a mark":    {"podAnnotations": values{"checksum/secret": "1000000"}},
		"our mark":  {"podAnnotations": values{"checksum/config": "1000000"}},
	} {
		if cmp.Equal(before, annotations(more)) {
			t.Errorf("%s does not roll the pods", name)
		}
	}
}

// A new token rolls the pods with the upgrade that brings it, and nothing that is made of the token is shown.
func TestProviderRollsItsPodsWithATokenOfItsOwn(t *testing.T) {
	annotations := func(revision int, token string) map[string]string {
		options := chartutil.ReleaseOptions{Name: "eu", Namespace: namespace, Revision: revision, IsUpgrade: revision > 1}
		out, err := tryWith(t, options, provider, with(values{"envproxy": values{"token": token}}))
		if err != nil {
			t.Fatal(err)
		}
		return one[*appsv1.Deployment](t, out).Spec.Template.Annotations
	}
	if diff := cmp.Diff(annotations(1, "a"), annotations(1, "b")); diff != "" {
		t.Errorf("the token is told by what is not secret:\n%s", diff)
	}
	if cmp.Equal(annotations(1, "a"), annotations(2, "b")) {
		t.Error("a new token does not roll the pods")
	}
	if diff := cmp.Diff(annotations(1, ""), annotations(2, "")); diff != "" {
		t.Errorf("without a token every upgrade rolls the pods:\n%s", diff)
	}
}

func TestProviderIngress(t *testing.T) {
	out := must(t, provider, with(values{
		"devurls": values{"host": "*.dev.example.com"},
		"ingress": values{
			"className": "nginx",
			"additionalAnnotations": []any{
				"example.com/size: 1000000", `example.com/zero: "0"`,
				"example.com/on: true", "example.com/url: http://a:1",
			},
			"tls": values{"enable": true, "hostSecretName": "host", "devurlsHostSecretName": "dev"},
		},
	}))
	have := one[*networkingv1.Ingress](t, out)
	wantAnnotations := map[string]string{
		"example.com/size": "1000000", "example.com/zero": "0",
		"example.com/on": "true", "example.com/url": "http://a:1",
	}
	if diff := cmp.Diff(wantAnnotations, have.Annotations); diff != "" {
		t.Errorf("annotations (-want +have):\n%s", diff)
	}
	class := "nginx"
	want := networkingv1.IngressSpec{
		IngressClassName: &class,
		TLS: []networkingv1.IngressTLS{
			{Hosts: []string{"eu.coder.example.com"}, SecretName: "host"},
			{Hosts: []string{"*.dev.example.com"}, SecretName: "dev"},
		},
		Rules: []networkingv1.IngressRule{rule("eu.coder.example.com"), rule("*.dev.example.com")},
	}
	if diff := cmp.Diff(want, have.Spec); diff != "" {
		t.Errorf("spec (-want +have):\n%s", diff)
	}
}

func rule(host string) networkingv1.IngressRule {
	prefix := networkingv1.PathTypePrefix
	port := networkingv1.ServiceBackendPort{Name: "http"}
	service := &networkingv1.IngressServiceBackend{Name: "eu-envproxy", Port: port}
	backend := networkingv1.IngressBackend{Service: service}
	paths := []networkingv1.HTTPIngressPath{{Path: "/", PathType: &prefix, Backend: backend}}
	return networkingv1.IngressRule{Host: host, IngressRuleValue: networkingv1.IngressRuleValue{
		HTTP: &networkingv1.HTTPIngressRuleValue{Paths: paths},
	}}
}

func TestProviderIngressTakesItsHostFromTheAccessURL(t *testing.T) {
	out := must(t, provider, with(values{
		"ingress":  values{"host": ""},
		"envproxy": values{"accessURL": "https://proxy.coder.example.com:8443"},
	}))
	want := []networkingv1.IngressRule{rule("proxy.coder.example.com")}
	if diff := cmp.Diff(want, one[*networkingv1.Ingress](t, out).Spec.Rules); diff != "" {
		t.Errorf("rules (-want +have):\n%s", diff)
	}
}

func TestProviderNotes(t *testing.T) {
	tests := map[string]struct {
		more values
		want string
	}{
		"the address":   {nil, "The workspace provider eu serves https://eu.coder.example.com\n"},
		"its DNS":       {nil, "kubectl get ingress eu-envproxy --namespace coder"},
		"no token":      {nil, "It has no token"},
		"an old option": {values{"podSecurityPolicyName": "old"}, "podSecurityPolicyName is ignored"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if have := must(t, provider, with(test.more)).notes; !strings.Contains(have, test.want) {
				t.Errorf("have:\n%s\nwant %q", have, test.want)
			}
		})
	}
}
