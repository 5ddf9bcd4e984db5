package main

import (
	"fmt"
	"maps"
	"strings"

	"github.com/workspace-providers/reconcile/reconcile/kube"
	"github.com/workspace-providers/reconcile/schema/edit"
)

// change declares the releases.
func (a *adoption) change(f *edit.Files) (string, error) {
	var declared []string
	for _, one := range a.found {
		name := a.providerName(one)
		if _, err := f.CreateProvider(name, a.fields(name, one), a.organizations); err != nil {
			return "", err
		}
		declared = append(declared, name)
	}
	return fmt.Sprintf("declared, to be taken over: %s", strings.Join(declared, ", ")), nil
}

// providerName is the release's name, with its namespace where others have the same.
func (a *adoption) providerName(one kube.Installed) string {
	same := 0
	for _, other := range a.found {
		if other.Name == one.Name {
			same++
		}
	}
	if same > 1 {
		return one.Namespace + "-" + one.Name
	}
	return one.Name
}

// fields are what a release is declared with. Values are as Helm has them; what looks like a secret is left to a Secret.
func (a *adoption) fields(name string, one kube.Installed) edit.Struct {
	release := edit.Struct{{Name: "adopt", Value: true}}
	if name != one.Name {
		release = append(edit.Struct{{Name: "name", Value: one.Name}}, release...)
	}
	out := edit.Struct{
		{Name: "cluster", Value: a.cluster}, {Name: "namespace", Value: one.Namespace},
		{Name: "chart", Value: a.chartFields(one)}, {Name: "release", Value: release}, {Name: "enforcement", Value: "off"},
	}
	values := maps.Clone(one.Values)
	var from edit.Struct
	for _, found := range a.secretsOf(one) {
		values = without(values, found.keys)
		from = append(from, edit.Member{Name: found.path(), Value: edit.Struct{
			{Name: "kind", Value: "Secret"}, {Name: "name", Value: secretOf(one)}, {Name: "key", Value: found.shown},
		}})
	}
	if len(values) > 0 {
		out = append(out, edit.Member{Name: "values", Value: values})
	}
	if len(from) > 0 {
		out = append(out, edit.Member{Name: "valuesFrom", Value: from})
	}
	return out
}

// chartFields say where the chart of a release comes from. Its shape is none: what declarations say of a provider was
// not in its values.
func (a *adoption) chartFields(one kube.Installed) edit.Struct {
	source, known := a.sources[one.Chart]
	where := "path"
	switch {
	case !known:
		return edit.Struct{{Name: where, Value: a.chartDir(one)}, {Name: "shape", Value: "none"}}
	case strings.HasPrefix(source, "oci://"):
		where = "oci"
	case strings.Contains(source, "://"):
		where = "repo"
	default:
		return edit.Struct{{Name: where, Value: source}, {Name: "shape", Value: "none"}}
	}
	return edit.Struct{
		{Name: where, Value: source}, {Name: "name", Value: one.Chart}, {Name: "version", Value: one.Version}, {Name: "shape", Value: "none"},
	}
}
