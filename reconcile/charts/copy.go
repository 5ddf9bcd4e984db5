package charts

import (
	"slices"

	"helm.sh/helm/v3/pkg/chart"
)

// Copy is a chart of one's own: Helm changes the one it is given, where it works out dependencies and values. What it
// only reads, the files, is shared.
func Copy(of *chart.Chart) *chart.Chart {
	metadata := *of.Metadata
	metadata.Dependencies = slices.Clone(metadata.Dependencies)
	for i, on := range metadata.Dependencies {
		dependency := *on
		metadata.Dependencies[i] = &dependency
	}
	out := &chart.Chart{
		Raw: of.Raw, Metadata: &metadata, Lock: of.Lock, Templates: slices.Clone(of.Templates),
		Schema: of.Schema, Files: slices.Clone(of.Files),
	}
	if of.Values != nil {
		out.Values = CopyValue(of.Values).(map[string]any)
	}
	for _, below := range of.Dependencies() {
		out.AddDependency(Copy(below))
	}
	return out
}

// CopyValue copies values of maps and lists, as they come from YAML or JSON.
func CopyValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = CopyValue(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = CopyValue(x)
		}
		return out
	}
	return v
}
