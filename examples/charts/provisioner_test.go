package charts_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

const provisioner = "provisioner"

func TestProvisionerObjects(t *testing.T) {
	account := func(more values) values { return values{"coder": values{"serviceAccount": more}} }
	deployment := "Deployment/eu"
	own := []string{"ServiceAccount/eu", "Role/eu-workspace-perms", "RoleBinding/eu-workspace-perms", deployment}
	elsewhere := []string{
		"ServiceAccount/eu",
		"Role/eu-workspace-perms", "Role/shop/coder.eu-workspace-perms",
		"RoleBinding/eu-workspace-perms", "RoleBinding/shop/coder.eu-workspace-perms",
		deployment,
	}
	tests := map[string]struct {
		have values
		want []string
	}{
		"by default":               {values{}, own},
		"under another name":       {values{"nameOverride": "shop"}, replaced(own, "eu", "shop")},
		"an account of that name":  {account(values{"name": "a"}), append(replaced(own[:3], "eu", "a"), deployment)},
		"an account that exists":   {account(values{"name": "a", "disableCreate": true}), []string{deployment}},
		"no permissions":           {account(values{"workspacePerms": false}), []string{own[0], deployment}},
		"a namespace, by its name": {account(values{"workspaceNamespaces": []any{"shop"}}), elsewhere},
		"a namespace, in full": {account(values{"workspaceNamespaces": []any{
			values{"name": "shop"}}}), elsewhere},
		"a namespace, not allowed": {account(values{"workspaceNamespaces": []any{
			values{"name": "shop", "workspacePerms": false}}}), own},
		"more": {values{"extraTemplates": []any{
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-x', namespace: coder}",
			values{"apiVersion": "v1", "kind": "Secret",
				"metadata": values{"name": "y", "namespace": "coder"}},
		}}, append([]string{own[0], "Secret/y", "ConfigMap/eu-x"}, own[1:]...)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			out := must(t, provisioner, test.have)
			if diff := cmp.Diff(test.want, out.names); diff != "" {
				t.Errorf("objects (-want +have):\n%s", diff)
			}
			checkRestricted(t, out)
			checkSelectors(t, out)
			checkAccounts(t, out)
			if container(t, out).ReadinessProbe == nil {
				t.Error("no readiness probe")
			}
		})
	}
}

// replaced says new for old, in the part after the kind.
func replaced(names []string, old, with string) []string {
	var out []string
	for _, name := range names {
		kind, rest, _ := strings.Cut(name, "/")
		out = append(out, kind+"/"+strings.Replace(rest, old, with, 1))
	}
	return out
}

func TestProvisionerSaysWhatDoesNotGoTogether(t *testing.T) {
	daemon := func(more values) values { return values{"provisionerDaemon": more} }
	tests := map[string]struct {
		have values
		want string
	}{
		"no key at all": {daemon(values{"pskSecretName": ""}),
			"provisionerDaemon.keySecretName or provisionerDaemon.pskSecretName must be set"},
		"two keys": {daemon(values{"keySecretName": "k", "pskSecretName": "p"}),
			"provisionerDaemon.keySecretName and provisionerDaemon.pskSecretName must not both be set"},
		"a key and tags": {daemon(values{"keySecretName": "k", "tags": values{"a": "b"}}),
			"provisionerDaemon.keySecretName and provisionerDaemon.tags must not both be set: a key has its own tags"},
		"a namespace twice": {values{"coder": values{"serviceAccount": values{
			"workspaceNamespaces": []any{"coder"}}}},
			`coder.serviceAccount.workspaceNamespaces: "coder" is listed twice or is the namespace of the release`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := try(t, provisioner, test.have)
			if err == nil {
				t.Fatal("it rendered")
			}
			if !strings.HasSuffix(err.Error(), ": "+test.want) {
				t.Errorf("have %q\nwant it to end in %q", err, test.want)
			}
		})
	}
}

func TestProvisionerVariables(t *testing.T) {
	env := func(name, value string) values {
		return values{"coder": values{"env": []any{values{"name": name, "value": value}}}}
	}
	daemon := func(more values) values { return values{"provisionerDaemon": more} }
	certs := []any{values{"name": "ca", "key": "ca.crt"}}
	tests := map[string]struct {
		have       values
		name, want string
	}{
		"a deployment in the namespace": {values{}, "CODER_URL", "http://coder.coder.svc.cluster.local"},
		"a deployment elsewhere": {env("CODER_URL", "https://a.example.com"),
			"CODER_URL", "https://a.example.com"},
		"another variable":    {env("A", "b"), "CODER_URL", "http://coder.coder.svc.cluster.local"},
		"what readiness asks": {values{}, "CODER_PROMETHEUS_ENABLE", "true"},
		"a pre-shared key":    {values{}, "CODER_PROVISIONER_DAEMON_PSK", "coder-provisioner-psk/psk"},
		"a key":               {daemon(values{"keySecretName": "k"}), "CODER_PROVISIONER_DAEMON_KEY", "k/key"},
		"a key, and no other": {daemon(values{"keySecretName": "k"}), "CODER_PROVISIONER_DAEMON_PSK", ""},
		"a key, the other emptied": {daemon(values{"keySecretName": "k", "keySecretKey": "x", "pskSecretName": ""}),
			"CODER_PROVISIONER_DAEMON_KEY", "k/x"},
		"tags": {daemon(values{"tags": values{"b": "2", "a": "1"}}), "CODER_PROVISIONERD_TAGS", "a=1,b=2"},
		"certificates": {values{"coder": values{"certs": values{"secrets": certs}}},
			"SSL_CERT_DIR", certDirs},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if have := variable(t, must(t, provisioner, test.have), test.name); have != test.want {
				t.Errorf("%s is %q, want %q", test.name, have, test.want)
			}
		})
	}
}

func TestProvisionerRules(t *testing.T) {
	verbs := []string{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}
	rule := func(group string, verbs []string, resources ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources, Verbs: verbs}
	}
	pods, deployments := rule("", verbs, "pods", "persistentvolumeclaims"), rule("apps", verbs, "deployments")
	secrets := rule("", []string{"get"}, "secrets")
	extra := values{"extraRules": []any{
		values{"apiGroups": []any{""}, "resources": []any{"secrets"}, "verbs": []any{"get"}},
	}}
	tests := map[string]struct {
		account values
		want    []rbacv1.PolicyRule
	}{
		"by default":          {values{}, []rbacv1.PolicyRule{pods, deployments}},
		"without Deployments": {values{"enableDeployments": false}, []rbacv1.PolicyRule{pods}},
		"and some more":       {extra, []rbacv1.PolicyRule{pods, deployments, secrets}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			out := must(t, provisioner, values{"coder": values{"serviceAccount": test.account}})
			if diff := cmp.Diff(test.want, one[*rbacv1.Role](t, out).Rules); diff != "" {
				t.Errorf("rules (-want +have):\n%s", diff)
			}
		})
	}
}

func TestProvisionerPassesOnWhatItIsGiven(t *testing.T) {
	out := must(t, provisioner, values{"coder": values{
		"image": values{
			"repo": "mirror.example.com/coder", "tag": "v2.31.0", "pullSecrets": []any{values{"name": "pull"}},
		},
		"commandArgs":    []any{"provisionerd", "start", "--verbose"},
		"podAnnotations": values{"checksum/key": "1000000"},
		"podLabels":      values{"team": "shop"},
		"resources":      values{"requests": values{"cpu": "2"}, "limits": nil},
		"tolerations":    []any{values{"key": "gpu", "tolerationSeconds": float64(1000000)}},
	}})
	pod, c := one[*appsv1.Deployment](t, out).Spec.Template, container(t, out)
	have := []any{
		c.Image, c.Args, pod.Spec.ImagePullSecrets, pod.Annotations, pod.Labels["team"],
		c.Resources.Requests.Cpu().String(), len(c.Resources.Limits),
		*pod.Spec.Tolerations[0].TolerationSeconds,
	}
	want := []any{
		"mirror.example.com/coder:v2.31.0", []string{"provisionerd", "start", "--verbose"},
		[]corev1.LocalObjectReference{{Name: "pull"}}, map[string]string{"checksum/key": "1000000"}, "shop",
		"2", 0, int64(1000000),
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("(-want +have):\n%s", diff)
	}
}
