package kube

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	metadatafake "k8s.io/client-go/metadata/fake"
	k8stesting "k8s.io/client-go/testing"
)

// Releases are listed as their newest revisions have them, those that are gone left out; their charts can be kept where
// Helm kept them whole. One that may not be read says so, and one that goes meanwhile is none; neither hides the others.
func TestInstalled(t *testing.T) {
	var secrets, metas []runtime.Object
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
		metas = append(metas, &metav1.PartialObjectMetadata{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: secret.ObjectMeta,
		})
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
	scheme := metadatafake.NewTestScheme()
	if err := metav1.AddMetaToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	meta := metadatafake.NewSimpleMetadataClient(scheme, metas...)

	all, err := installed(t.Context(), client, meta, Choice{Selector: "team=blue"})
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
	for _, choice := range []Choice{{Namespace: "a"}, {Names: []string{"one"}}, {Names: []string{"b/one"}}} {
		if all, err = installed(t.Context(), client, meta, choice); err != nil || len(all) != 1 {
			t.Errorf("of %+v: %+v, %v", choice, all, err)
		}
	}
	if all, err = installed(t.Context(), client, meta, Choice{Names: []string{"a/one"}}); err != nil || len(all) != 0 {
		t.Errorf("of that name elsewhere: %+v, %v", all, err)
	}
	client.PrependReactor("get", "secrets", func(action k8stesting.Action) (bool, runtime.Object, error) {
		secrets := schema.GroupResource{Resource: "secrets"}
		if action.GetNamespace() == "a" {
			return true, nil, apierrors.NewForbidden(secrets, "x", errors.New("not yours"))
		}
		return true, nil, apierrors.NewNotFound(secrets, "x")
	})
	if all, err = installed(t.Context(), client, meta, Choice{}); err != nil || len(all) != 1 || !apierrors.IsForbidden(all[0].Unread) || all[0].Name != "two" {
		t.Errorf("where neither is to be read: %+v, %v", all, err)
	}
}
