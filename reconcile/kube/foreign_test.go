package kube

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
)

// Releases are listed as their newest revisions have them, those that are gone left out; their charts can be kept where
// Helm kept them whole.
func TestInstalled(t *testing.T) {
	var secrets []runtime.Object
	add := func(namespace, name string, number int, status release.Status, labels map[string]string, c *chart.Chart) {
		rel := &release.Release{
			Name: name, Namespace: namespace, Version: number, Labels: labels, Chart: c, Info: &release.Info{Status: status},
			Config: map[string]any{"limit": number},
		}
		secret, err := pack(fmt.Sprintf("sh.helm.release.v1.%s.v%d", name, number), rel, "createdAt")
		if err != nil {
			t.Fatal(err)
		}
		secret.Namespace = namespace
		secrets = append(secrets, secret)
	}
	small := &chart.Chart{
		Metadata: &chart.Metadata{APIVersion: "v2", Name: "small", Version: "1.2.3"}, Values: map[string]any{"limit": 1},
		Templates: []*chart.File{{Name: "templates/a.yaml", Data: []byte("a")}}, Files: []*chart.File{{Name: "LICENSE", Data: []byte("l")}},
	}
	parts := &chart.Chart{Metadata: &chart.Metadata{Name: "parts", Version: "1", Dependencies: []*chart.Dependency{{Name: "x"}}}}
	add("b", "one", 1, release.StatusSuperseded, nil, small)
	add("b", "one", 2, release.StatusDeployed, map[string]string{"team": "blue"}, small)
	add("a", "two", 1, release.StatusDeployed, map[string]string{"team": "blue", "helm.toolkit.fluxcd.io/name": "two"}, parts)
	add("a", "gone", 3, release.StatusUninstalled, nil, small)
	client := fake.NewClientset(secrets...)

	all, err := installed(t.Context(), client, "", "team=blue")
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	two, one := all[0], all[1]
	if two.Manager != "Flux" || one.Manager != "" || one.Status != "deployed" || one.Chart != "small" || fmt.Sprint(one.Values["limit"]) != "2" {
		t.Errorf("%+v", all)
	}
	files, err := one.ChartFiles()
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	if got := strings.Join(names, " "); err != nil || got != "Chart.yaml LICENSE templates/a.yaml values.yaml" {
		t.Errorf("files %s, %v", got, err)
	}
	if _, err := two.ChartFiles(); err == nil || !strings.Contains(err.Error(), "say where it comes from") {
		t.Errorf("a chart of parts: %v", err)
	}
	small.Files[0].Name = "../LICENSE"
	one.rel.Chart = small
	if _, err := one.ChartFiles(); err == nil || !strings.Contains(err.Error(), "outside of it") {
		t.Errorf("a file outside: %v", err)
	}
	if all, err = installed(t.Context(), client, "a", ""); err != nil || len(all) != 1 {
		t.Errorf("of a namespace: %+v, %v", all, err)
	}
}
