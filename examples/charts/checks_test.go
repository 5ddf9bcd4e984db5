package charts_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

// variable is an environment variable as "value", "secret/key", or "" when there is none.
func variable(t *testing.T, out rendered, name string) string {
	t.Helper()
	var found []string
	for _, v := range container(t, out).Env {
		if v.Name != name {
			continue
		}
		have := v.Value
		if v.ValueFrom != nil && v.ValueFrom.SecretKeyRef != nil {
			have = v.ValueFrom.SecretKeyRef.Name + "/" + v.ValueFrom.SecretKeyRef.Key
		}
		found = append(found, have)
	}
	if len(found) > 1 {
		t.Errorf("%s is set %d times", name, len(found))
	}
	return strings.Join(found, " ")
}

// checkRestricted checks what the restricted profile of pod security asks for, and a read-only root.
func checkRestricted(t *testing.T, out rendered) {
	t.Helper()
	have := container(t, out).SecurityContext
	if have == nil {
		t.Fatal("the container has no security context")
	}
	yes, no := true, false
	want := &corev1.SecurityContext{
		RunAsNonRoot: &yes, ReadOnlyRootFilesystem: &yes, AllowPrivilegeEscalation: &no,
		Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		RunAsUser:    have.RunAsUser, RunAsGroup: have.RunAsGroup, SeccompProfile: have.SeccompProfile,
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("security context (-want +have):\n%s", diff)
	}
	pod := one[*appsv1.Deployment](t, out).Spec.Template.Spec
	if pod.HostNetwork || pod.HostPID || pod.HostIPC {
		t.Error("the pod shares a namespace of its host")
	}
	for _, v := range pod.Volumes {
		if v.EmptyDir == nil && v.Secret == nil {
			t.Errorf("volume %s is neither empty nor a Secret", v.Name)
		}
	}
	checkSeccomp(t, pod)
}

func checkSeccomp(t *testing.T, pod corev1.PodSpec) {
	t.Helper()
	seccomp := pod.Containers[0].SecurityContext.SeccompProfile
	if seccomp == nil && pod.SecurityContext != nil {
		seccomp = pod.SecurityContext.SeccompProfile
	}
	if seccomp == nil || seccomp.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("seccomp profile %v, want RuntimeDefault", seccomp)
	}
}

// checkSelectors checks that all objects point at the pods of this release, and at no others.
func checkSelectors(t *testing.T, out rendered) {
	t.Helper()
	deployment := one[*appsv1.Deployment](t, out)
	want, pod := deployment.Spec.Selector.MatchLabels, deployment.Spec.Template
	if want["app.kubernetes.io/instance"] == "" {
		t.Error("the selector does not name the release")
	}
	for key, value := range want {
		if pod.Labels[key] != value {
			t.Errorf("pod label %s is %q, the selector wants %q", key, pod.Labels[key], value)
		}
	}
	for i, object := range out.objects {
		var have map[string]string
		switch o := object.(type) {
		case *corev1.Service:
			have = o.Spec.Selector
		case *networkingv1.NetworkPolicy:
			have = o.Spec.PodSelector.MatchLabels
		case *policyv1.PodDisruptionBudget:
			have = o.Spec.Selector.MatchLabels
		default:
			continue
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("%s (-want +have):\n%s", out.names[i], diff)
		}
	}
}

// checkAccounts checks that what a RoleBinding binds is there, and that it is the pods' account.
func checkAccounts(t *testing.T, out rendered) {
	t.Helper()
	account := one[*appsv1.Deployment](t, out).Spec.Template.Spec.ServiceAccountName
	roles := map[string]bool{}
	for _, object := range out.objects {
		if role, ok := object.(*rbacv1.Role); ok {
			roles[role.Namespace+"/"+role.Name] = true
		}
	}
	for _, object := range out.objects {
		binding, ok := object.(*rbacv1.RoleBinding)
		if !ok {
			continue
		}
		if !roles[binding.Namespace+"/"+binding.RoleRef.Name] {
			t.Errorf("%s binds the Role %s, which is not there", binding.Name, binding.RoleRef.Name)
		}
		want := []rbacv1.Subject{{Kind: "ServiceAccount", Name: account, Namespace: namespace}}
		if diff := cmp.Diff(want, binding.Subjects); diff != "" {
			t.Errorf("%s (-want +have):\n%s", binding.Name, diff)
		}
	}
}
