package install_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chartutil"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/workspace-providers/reconcile/examples/charts/charttest"
)

// one is the only object of its type.
func one[T runtime.Object](t *testing.T, objects []runtime.Object) T {
	t.Helper()
	var found []T
	for _, object := range objects {
		if o, is := object.(T); is {
			found = append(found, o)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d objects of type %T, want 1", len(found), *new(T))
	}
	return found[0]
}

// The pods pass the restricted profile of pod security, and write to their cache alone.
func TestPodsMayDoLittle(t *testing.T) {
	yes, no := true, false
	for name, have := range cases(t) {
		for _, object := range must(t, have) {
			pod := podOf(object)
			if pod == nil {
				continue
			}
			want := &corev1.SecurityContext{
				AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			}
			c := pod.Spec.Containers[0]
			if diff := cmp.Diff(want, c.SecurityContext); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			s := pod.Spec.SecurityContext
			if s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.SeccompProfile == nil || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
				t.Errorf("%s: security context %+v", name, s)
			}
			for _, m := range c.VolumeMounts {
				if !m.ReadOnly && m.Name != "cache" {
					t.Errorf("%s: %s may be written to", name, m.Name)
				}
			}
		}
	}
}

// What is mounted, listened on, asked by probes and selected fits together.
func TestPartsFitTogether(t *testing.T) {
	for name, have := range cases(t) {
		objects := must(t, have)
		i := slices.IndexFunc(objects, func(o runtime.Object) bool { return podOf(o) != nil })
		if i < 0 {
			continue
		}
		pod := podOf(objects[i])
		ports := map[string]int32{}
		for _, p := range pod.Spec.Containers[0].Ports {
			ports[p.Name] = p.ContainerPort
			if !strings.Contains(strings.Join(pod.Spec.Containers[0].Args, "\n")+"\n", "=:"+strconv.Itoa(int(p.ContainerPort))+"\n") {
				t.Errorf("%s: nothing listens on port %s", name, p.Name)
			}
		}
		for _, probe := range []*corev1.Probe{pod.Spec.Containers[0].StartupProbe, pod.Spec.Containers[0].LivenessProbe, pod.Spec.Containers[0].ReadinessProbe} {
			if probe == nil || ports[probe.HTTPGet.Port.StrVal] == 0 {
				t.Errorf("%s: probe %+v", name, probe)
			}
		}
		for _, object := range objects {
			var selector map[string]string
			switch o := object.(type) {
			case *corev1.Service:
				selector = o.Spec.Selector
				for _, p := range o.Spec.Ports {
					if ports[p.TargetPort.StrVal] == 0 {
						t.Errorf("%s: Service %s has no port %s to go to", name, o.Name, p.TargetPort.StrVal)
					}
				}
				if !o.Spec.PublishNotReadyAddresses {
					t.Errorf("%s: Service %s leaves out a daemon that is not ready", name, o.Name)
				}
			case *networkingv1.NetworkPolicy:
				selector = o.Spec.PodSelector.MatchLabels
				if len(o.Spec.Ingress) != len(ports) {
					t.Errorf("%s: the NetworkPolicy is about %d ports, want %d", name, len(o.Spec.Ingress), len(ports))
				}
			case *policyv1.PodDisruptionBudget:
				selector = o.Spec.Selector.MatchLabels
			default:
				continue
			}
			for key, value := range selector {
				if pod.Labels[key] != value {
					t.Errorf("%s: %T selects %s=%s, pods have %q", name, object, key, value, pod.Labels[key])
				}
			}
		}
	}
}

// Metrics ask nobody who he is, so that not everybody gets there unless somebody says so.
func TestWhoMayReadMetrics(t *testing.T) {
	all := cases(t)
	for _, test := range []struct {
		have values
		want string // the namespace; empty: everybody
	}{
		{all["default"], "monitoring"}, {all["exposed"], "monitoring"},
		{merge(required(), values{"networkPolicy": values{"metricsFrom": []any{}}}), ""},
	} {
		policy := one[*networkingv1.NetworkPolicy](t, must(t, test.have))
		from := policy.Spec.Ingress[0].From
		if test.want == "" && len(from) == 0 {
			continue
		}
		if len(from) != 1 || from[0].NamespaceSelector == nil || from[0].NamespaceSelector.MatchLabels[corev1.LabelMetadataName] != test.want {
			t.Errorf("%v: %+v, want %q", test.have, from, test.want)
		}
	}
}

// One daemon is a Deployment, and nothing keeps its node from being drained; several are a StatefulSet, whose pods keep
// their names.
func TestOneDaemonAndSeveral(t *testing.T) {
	all := cases(t)
	single := must(t, all["default"])
	if d := one[*appsv1.Deployment](t, single); *d.Spec.Replicas != 1 || d.Spec.Strategy.Type != appsv1.RollingUpdateDeploymentStrategyType {
		t.Errorf("one daemon: %+v", d.Spec)
	}
	for _, object := range single {
		if _, is := object.(*policyv1.PodDisruptionBudget); is {
			t.Error("a PodDisruptionBudget of one pod lets nobody drain its node")
		}
	}
	several := must(t, all["replicas"])
	set := one[*appsv1.StatefulSet](t, several)
	if *set.Spec.Replicas != 3 || set.Spec.PodManagementPolicy != appsv1.ParallelPodManagement || len(set.Spec.VolumeClaimTemplates) != 1 {
		t.Errorf("several: %+v", set.Spec)
	}
	if !slices.Contains(set.Spec.Template.Spec.Containers[0].Args, "--replica=$(POD)") || set.Spec.Template.Spec.Affinity == nil {
		t.Errorf("its pods: %+v", set.Spec.Template.Spec)
	}
	one[*policyv1.PodDisruptionBudget](t, several)
	alone := one[*appsv1.StatefulSet](t, must(t, merge(required(), values{"pull": values{"others": true}})))
	if *alone.Spec.Replicas != 1 || !slices.Contains(alone.Spec.Template.Spec.Containers[0].Args, "--replica=$(POD)") {
		t.Errorf("one that others tell of their clusters: %+v", alone.Spec)
	}
	if d := one[*appsv1.Deployment](t, must(t, all["edge"])); d.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType {
		t.Errorf("a replica with a name of its own is replaced by %s", d.Spec.Strategy.Type)
	}
	kept := must(t, merge(required(), values{"cache": values{"persistent": true}}))
	claim, d := one[*corev1.PersistentVolumeClaim](t, kept), one[*appsv1.Deployment](t, kept)
	if d.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType || d.Spec.Template.Spec.Volumes[0].PersistentVolumeClaim.ClaimName != claim.Name {
		t.Errorf("with a volume: %+v", d.Spec)
	}
}

// TestEveryValueIsDescribed compares values.yaml with the schema and with the table in README.md.
func TestEveryValueIsDescribed(t *testing.T) {
	charttest.Described(t, filepath.Join(chart, "values.yaml"), filepath.Join(chart, "values.schema.json"), "README.md")
}

// TestEveryValueMayBeNull holds that null takes a value away, or is refused by the schema.
func TestEveryValueMayBeNull(t *testing.T) {
	defaults, err := chartutil.ReadValuesFile(filepath.Join(chart, "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, null := range charttest.Nulls(defaults) {
		manifests, notes, err := try(t, merge(required(), null))
		if err != nil && !strings.Contains(err.Error(), " must be set") && !strings.Contains(err.Error(), ": missing property ") {
			t.Errorf("%v: %v", null, err)
		}
		text := notes
		for _, m := range manifests {
			text += m.Content
		}
		if regexp.MustCompile("<no value>|nil|null").MatchString(text) {
			t.Errorf("%v:\n%s", null, text)
		}
	}
}
