package kube

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
)

// What Helm does to the chart of one release is not seen by the next.
func TestEverybodyGetsAChartOfHisOwn(t *testing.T) {
	below := &chart.Chart{
		Metadata: &chart.Metadata{APIVersion: "v2", Name: "below", Version: "1.0.0"},
		Values:   map[string]any{"exports": map[string]any{"port": 80}},
	}
	top := &chart.Chart{
		Metadata: &chart.Metadata{APIVersion: "v2", Name: "top", Version: "1.0.0", Dependencies: []*chart.Dependency{
			{Name: "below", Version: "1.0.0", Repository: "https://charts.example.com", Condition: "wanted", Alias: "other", ImportValues: []any{"exports"}},
		}},
		Raw:       []*chart.File{{Name: "values.yaml", Data: []byte("a: {b: [1]}\n")}},
		Values:    map[string]any{"a": map[string]any{"b": []any{1}}},
		Templates: []*chart.File{{Name: "templates/a.yaml", Data: []byte("a: b\n")}},
	}
	top.AddDependency(below)
	archive := packed(t, top)
	want, err := loader.LoadArchive(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	var kept shelf
	asLoaded := cmpopts.IgnoreUnexported(chart.Chart{})
	for _, wanted := range []bool{true, false, true} {
		chrt, err := kept.take(t.Context(), archives{"one": archive}, "one")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, chrt, asLoaded); diff != "" {
			t.Errorf("-as loaded +taken:\n%s", diff)
		}
		if diff := cmp.Diff(want.Dependencies(), chrt.Dependencies(), asLoaded); diff != "" {
			t.Errorf("below it, -as loaded +taken:\n%s", diff)
		}
		if err := chartutil.ProcessDependenciesWithMerge(chrt, chartutil.Values{"wanted": wanted}); err != nil {
			t.Fatal(err)
		}
		if got := len(chrt.Dependencies()) == 1; got != wanted {
			t.Errorf("it has the chart below: %v, want %v", got, wanted)
		}
		chrt.Values["a"].(map[string]any)["b"] = "written over"
	}
	if _, err := kept.take(t.Context(), archives{"one": archive}, "two"); err == nil {
		t.Error("a chart that nobody has is taken")
	}
	if chrt, err := kept.take(t.Context(), nil, "one"); err != nil || chrt.Name() != "top" {
		t.Errorf("the last one is kept no more: %v", err)
	}
}
