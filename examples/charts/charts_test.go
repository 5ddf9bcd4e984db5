// Package charts_test renders the example charts with Helm's own engine, without a cluster, and
// checks what comes out.
package charts_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/releaseutil"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/client-go/kubernetes/scheme"
)

// values are what a release is given, as Helm takes them.
type values = map[string]any

// rendered are the objects of one release, in the order in which Helm installs them.
type rendered struct {
	objects []metav1.Object
	names   []string // "Kind/name", and "Kind/namespace/name" outside the release's namespace
	text    string
	notes   string
}

const namespace = "coder"

// try renders the chart as the release "eu".
func try(t *testing.T, chart string, have values) (rendered, error) {
	t.Helper()
	return tryAs(t, "eu", chart, have)
}

func tryAs(t *testing.T, release, name string, have values) (rendered, error) {
	t.Helper()
	return tryWith(t, chartutil.ReleaseOptions{Name: release, Namespace: namespace, Revision: 1, IsInstall: true}, name, have)
}

func tryWith(t *testing.T, options chartutil.ReleaseOptions, name string, have values) (rendered, error) {
	t.Helper()
	chart, err := loader.LoadDir(name)
	if err != nil {
		t.Fatal(err)
	}
	full, err := chartutil.ToRenderValues(chart, have, options, chartutil.DefaultCapabilities)
	if err != nil {
		return rendered{}, err
	}
	files, err := engine.Render(chart, full)
	if err != nil {
		return rendered{}, err
	}
	return decode(t, files), nil
}

// must renders values that are right.
func must(t *testing.T, chart string, have values) rendered {
	t.Helper()
	out, err := try(t, chart, have)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// decode sorts the manifests and reads them.
func decode(t *testing.T, files map[string]string) rendered {
	t.Helper()
	var out rendered
	for name, text := range files {
		if filepath.Base(name) == "NOTES.txt" {
			out.notes = text
			delete(files, name)
		}
	}
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		t.Fatal(err)
	}
	if len(hooks) > 0 {
		t.Errorf("%d hooks, want none", len(hooks))
	}
	for _, manifest := range manifests {
		object := object(t, manifest)
		name := manifest.Head.Kind + "/" + object.GetName()
		if object.GetNamespace() != namespace {
			name = manifest.Head.Kind + "/" + object.GetNamespace() + "/" + object.GetName()
		}
		out.objects = append(out.objects, object)
		out.names = append(out.names, name)
		out.text += manifest.Content + "\n"
	}
	return out
}

// allowed is what the charts may make: today's APIs, and nothing outside a namespace.
var allowed = []string{
	"v1 ServiceAccount", "v1 Secret", "v1 ConfigMap", "v1 Service",
	"apps/v1 Deployment",
	"rbac.authorization.k8s.io/v1 Role", "rbac.authorization.k8s.io/v1 RoleBinding",
	"networking.k8s.io/v1 Ingress", "networking.k8s.io/v1 NetworkPolicy",
	"policy/v1 PodDisruptionBudget",
}

// object reads one manifest strictly: a misspelt field is an error.
func object(t *testing.T, manifest releaseutil.Manifest) metav1.Object {
	t.Helper()
	if kind := manifest.Head.Version + " " + manifest.Head.Kind; !slices.Contains(allowed, kind) {
		t.Fatalf("%s: the charts may not make a %s", manifest.Name, kind)
	}
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme.Scheme, scheme.Scheme,
		json.SerializerOptions{Yaml: true, Strict: true})
	object, _, err := strict.Decode([]byte(manifest.Content), nil, nil)
	if err != nil {
		t.Fatalf("%s: %v\n%s", manifest.Name, err, manifest.Content)
	}
	return object.(metav1.Object)
}

// one is the only object of its type.
func one[T metav1.Object](t *testing.T, out rendered) T {
	t.Helper()
	var found []T
	for _, object := range out.objects {
		if o, ok := object.(T); ok {
			found = append(found, o)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d objects of type %T, want 1", len(found), *new(T))
	}
	return found[0]
}

// container is the only container of the only Deployment.
func container(t *testing.T, out rendered) corev1.Container {
	t.Helper()
	pod := one[*appsv1.Deployment](t, out).Spec.Template.Spec
	if len(pod.Containers) != 1 {
		t.Fatalf("%d containers, want 1", len(pod.Containers))
	}
	return pod.Containers[0]
}

// merge lays b over a.
func merge(a, b values) values {
	return chartutil.MergeTables(copied(b), copied(a))
}

func copied(from values) values {
	out := values{}
	for key, value := range from {
		if table, ok := value.(values); ok {
			value = copied(table)
		}
		out[key] = value
	}
	return out
}

func TestChartsFitTheKubernetesVersionsTheyName(t *testing.T) {
	for _, name := range charts(t) {
		chart, err := loader.LoadDir(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := chart.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for version, want := range map[string]bool{
			"v1.24.17": false, "v1.25.0": true, "v1.29.4-gke.1043002": true, "v1.37.2": true,
		} {
			if have := chartutil.IsCompatibleRange(chart.Metadata.KubeVersion, version); have != want {
				t.Errorf("%s on Kubernetes %s: %v, want %v", name, version, have, want)
			}
		}
	}
}

// charts are the folders beside this file.
func charts(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*/Chart.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		names = append(names, filepath.Dir(file))
	}
	if !slices.Contains(names, "workspace-provider") || !slices.Contains(names, "provisioner") {
		t.Fatalf("charts %v", names)
	}
	return names
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
