// Package install_test renders the chart of the daemon with Helm's own engine, without a cluster, and checks what comes
// out. That it does its work with these rights and no others is shown in cmd/reconcile, on a real API server.
package install_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"helm.sh/helm/v3/pkg/releaseutil"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	strict "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the golden file anew")

const (
	chart     = "reconcile"
	release   = "reconcile"
	namespace = "reconcile-system"
)

// values are what a release is given, as Helm takes them.
type values = map[string]any

// required are the values without which there is no daemon.
func required() values {
	return values{"image": values{"repository": "example.com/reconcile"}, "git": values{"repo": "https://git.example.com/acme/providers.git"}}
}

// cases are the values files beside the chart, laid over what is required, and what is installed elsewhere.
func cases(t *testing.T) map[string]values {
	t.Helper()
	out := map[string]values{
		"default": required(), "target": {"only": "target"},
		"hub": {"only": "hub", "pull": values{"cluster": "edge", "deployment": "acme"}},
	}
	files, err := filepath.Glob("values/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("values files %v: %v", files, err)
	}
	for _, file := range files {
		more, err := chartutil.ReadValuesFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(file), ".yaml")] = merge(required(), more)
	}
	return out
}

// merge lays b over a.
func merge(a, b values) values { return chartutil.MergeTables(copied(b), copied(a)) }

func copied(from values) values {
	out := maps.Clone(from)
	for key, value := range out {
		if table, is := value.(values); is {
			out[key] = copied(table)
		}
	}
	return out
}

// try renders the chart. It returns its manifests in the order in which Helm installs them, and its notes.
func try(t *testing.T, have values) (manifests []releaseutil.Manifest, notes string, err error) {
	t.Helper()
	loaded, err := loader.LoadDir(chart)
	if err != nil {
		t.Fatal(err)
	}
	full, err := chartutil.ToRenderValues(loaded, have, chartutil.ReleaseOptions{Name: release, Namespace: namespace}, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, "", err
	}
	files, err := engine.Render(loaded, full)
	if err != nil {
		return nil, "", err
	}
	notesFile := chart + "/templates/NOTES.txt"
	notes = files[notesFile]
	delete(files, notesFile)
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if len(hooks) > 0 {
		t.Errorf("%d hooks, want none", len(hooks))
	}
	return manifests, notes, err
}

// must renders values that are right, as objects: a misspelt field is an error.
func must(t *testing.T, have values) []runtime.Object {
	t.Helper()
	manifests, _, err := try(t, have)
	if err != nil {
		t.Fatal(err)
	}
	decoder := strict.NewSerializerWithOptions(strict.DefaultMetaFactory, scheme.Scheme, scheme.Scheme, strict.SerializerOptions{Yaml: true, Strict: true})
	var out []runtime.Object
	for _, manifest := range manifests {
		object, _, err := decoder.Decode([]byte(manifest.Content), nil, nil)
		if runtime.IsNotRegisteredError(err) {
			loose := &unstructured.Unstructured{}
			object, err = loose, yaml.Unmarshal([]byte(manifest.Content), &loose.Object)
		}
		if err != nil {
			t.Fatalf("%s: %v\n%s", manifest.Name, err, manifest.Content)
		}
		out = append(out, object)
	}
	return out
}

func TestHelmFindsNothingToSay(t *testing.T) {
	for name, have := range cases(t) {
		for _, m := range lint.All(chart, have, namespace, true).Messages {
			if m.Severity > support.InfoSev {
				t.Errorf("%s: %v", name, m)
			}
		}
	}
}

// What each values file installs, and which rights that brings, is a line in review.
func TestWhatIsInstalled(t *testing.T) {
	var out strings.Builder
	all := cases(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&out, "== %s\n", name)
		for _, object := range must(t, all[name]) {
			meta := object.(metav1.Object)
			fmt.Fprintf(&out, "%s %s/%s\n", object.GetObjectKind().GroupVersionKind().Kind, meta.GetNamespace(), meta.GetName())
			for _, rule := range rules(object) {
				fmt.Fprintf(&out, "  %s %s %s %s\n", strings.Join(rule.Verbs, ","), strings.Join(rule.APIGroups, ","),
					strings.Join(rule.Resources, ","), strings.Join(rule.ResourceNames, ","))
			}
			if pod := podOf(object); pod != nil {
				fmt.Fprintf(&out, "  %s\n", strings.Join(pod.Spec.Containers[0].Args, "\n  "))
				for _, m := range pod.Spec.Containers[0].VolumeMounts {
					fmt.Fprintf(&out, "  %s at %s\n", m.Name, m.MountPath)
				}
			}
		}
	}
	const file = "testdata/installed.golden"
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("%s (-want +got), written anew with -update:\n%s", file, diff)
	}
}

// rules are those of a role; nil: it is none.
func rules(object runtime.Object) []rbacv1.PolicyRule {
	switch role := object.(type) {
	case *rbacv1.Role:
		return role.Rules
	case *rbacv1.ClusterRole:
		return role.Rules
	}
	return nil
}

// No right is for everything, none lets the daemon become somebody else, and none lets it give away what it does not have.
func TestRightsAreNamed(t *testing.T) {
	for name, have := range cases(t) {
		for _, object := range must(t, have) {
			for _, rule := range rules(object) {
				text := fmt.Sprint(rule.Verbs, rule.APIGroups, rule.Resources)
				for _, never := range []string{"*", "escalate", "bind", "impersonate"} {
					if slices.Contains(strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("[] ", r) }), never) {
						t.Errorf("%s: %s in %+v", name, never, rule)
					}
				}
			}
		}
	}
}

// Rights that are given twice are at least once too many.
func TestRightsAreGivenOnce(t *testing.T) {
	have := cases(t)
	for _, name := range []string{"default", "narrow", "replicas", "target", "hub", "edge"} {
		seen := map[string]bool{}
		for _, object := range must(t, have[name]) {
			for _, rule := range rules(object) {
				for right := range rightsOf(rule, object.(metav1.Object).GetNamespace()) {
					if seen[right] {
						t.Errorf("%s: %s", name, right)
					}
					seen[right] = true
				}
			}
		}
	}
}

// rightsOf are the single rights of a rule.
func rightsOf(rule rbacv1.PolicyRule, namespace string) map[string]bool {
	out := map[string]bool{}
	for _, verb := range rule.Verbs {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				out[fmt.Sprint(namespace, " ", verb, " ", group, "/", resource, " ", rule.ResourceNames)] = true
			}
		}
	}
	return out
}

func TestNotesSayWhatIsMissing(t *testing.T) {
	for name, want := range map[string]string{
		"default": "name those of your providers' charts in rbac.charts", "replicas": "statefulset/reconcile --follow",
		"exposed": "put a proxy in front", "target": "clusters/NAME.kubeconfig", "hub": "hub.kubeconfig",
	} {
		_, notes, err := try(t, cases(t)[name])
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(notes, want) {
			t.Errorf("%s: no %q in\n%s", name, want, notes)
		}
	}
}

func TestValuesThatAreRefused(t *testing.T) {
	pull := func(more values) values { return merge(values{"pull": values{"cluster": "edge"}}, more) }
	page := func(policy values) values { return values{"listen": values{"page": true}, "networkPolicy": policy} }
	theirs := values{"namespaceSelector": values{"matchLabels": values{"kubernetes.io/metadata.name": "sign-in"}}}
	for _, test := range []struct {
		more values
		want string
	}{
		{values{"imag": "x"}, "additional properties 'imag' not allowed"},
		{values{"replicas": "3"}, "at '/replicas': got string, want integer"},
		{values{"only": "both"}, "at '/only'"},
		{values{"image": values{"digest": "sha256:1"}}, "at '/image/digest'"},
		{values{"git": values{"interval": "1 minute"}}, "at '/git/interval'"},
		{values{"credentials": values{"forges": "x"}}, "additional properties 'forges' not allowed"},
		{values{"rbac": values{"charts": []any{values{"apiGroups": []any{"*"}, "resources": []any{"x"}}}}}, "at '/rbac/charts/0/apiGroups/0'"},
		{values{"extraArgs": []any{"listen"}}, "at '/extraArgs/0'"},
		{values{"runAsUser": 0}, "at '/runAsUser'"},
		{values{"cache": values{"size": "much"}}, "at '/cache/size'"},
		{values{"networkPolicy": values{"egressPorts": []any{0}}}, "at '/networkPolicy/egressPorts/0'"},
		{values{"image": values{"repository": ""}, "git": values{"repo": ""}}, "image.repository must be set: where you keep the image, which make image writes; git.repo must be set"},
		{pull(nil), "credentials.hub must be set"},
		{pull(values{"credentials": values{"hub": "h"}, "replicas": 2}), "replicas must be 1 with pull.cluster"},
		{values{"only": "hub"}, "pull.cluster and pull.deployment must be set"},
		{values{"only": "target", "rbac": values{"create": false}}, "rbac.create must be true"},
		{page(values{}), "networkPolicy.pageFrom must be set to who signs people in"},
		{page(values{"pageFrom": []any{}}), "networkPolicy.pageFrom must be set"},
		{page(values{"pageFrom": []any{theirs, values{"namespaceSelector": values{}}}}), "networkPolicy.pageFrom must be set"},
		{page(values{"pageFrom": []any{values{"namespaceSelector": nil, "podSelector": values{}}}}), "networkPolicy.pageFrom must be set"},
		{page(values{"pageFrom": []any{values{"ipBlock": values{"cidr": "0.0.0.0/0"}}}}), "networkPolicy.pageFrom must be set"},
	} {
		_, _, err := try(t, merge(required(), test.more))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v\nwant %q", test.more, err, test.want)
		}
	}
}

// A page that asks nobody is reached only by who asks in its place, unless that is said otherwise.
func TestPagesThatAreNotForEverybody(t *testing.T) {
	all := []any{values{"namespaceSelector": values{}}}
	for name, more := range map[string]values{
		"a proxy alone":         {"listen": values{"page": true}, "networkPolicy": values{"pageFrom": []any{values{"podSelector": values{}}}}},
		"a network of it":       {"listen": values{"page": true}, "networkPolicy": values{"pageFrom": []any{values{"ipBlock": values{"cidr": "10.1.2.3/32"}}}}},
		"no page":               {"networkPolicy": values{"pageFrom": all}},
		"the daemon asks":       {"listen": values{"page": true, "behindProxy": false}, "networkPolicy": values{"pageFrom": all}},
		"somebody else's rules": {"listen": values{"page": true}, "networkPolicy": values{"enabled": false}},
	} {
		if _, _, err := try(t, merge(required(), more)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// podOf is the template of an object's pods; nil: it has none.
func podOf(object runtime.Object) *corev1.PodTemplateSpec {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil
	}
	template, found, err := unstructured.NestedMap(content, "spec", "template")
	if !found || err != nil {
		return nil
	}
	text, err := json.Marshal(template)
	if err != nil {
		return nil
	}
	pod := &corev1.PodTemplateSpec{}
	if json.Unmarshal(text, pod) != nil || len(pod.Spec.Containers) == 0 {
		return nil
	}
	return pod
}
