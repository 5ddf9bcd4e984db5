package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/workspace-providers/reconcile/reconcile/kube"
	"github.com/workspace-providers/reconcile/schema/edit"
)

// secretValue is a value that is not written down.
type secretValue struct{ namespace, release, path, secret string }

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
	secret := one.Name + "-values"
	var from edit.Struct
	for _, path := range secretPaths("", values) {
		a.secrets = append(a.secrets, secretValue{one.Namespace, one.Name, path, secret})
		values = without(values, strings.Split(path, "."))
		from = append(from, edit.Member{Name: path, Value: edit.Struct{
			{Name: "kind", Value: "Secret"}, {Name: "name", Value: secret}, {Name: "key", Value: path},
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

// advice says what is to be done besides, and what differs from what other providers have.
func (a *adoption) advice() string {
	var b strings.Builder
	for _, s := range a.secrets {
		fmt.Fprintf(&b, "not written down: %s of release %s/%s, which looks like a secret; it is taken from key %s of Secret %s\n",
			s.path, s.namespace, s.release, s.path, s.secret)
	}
	for _, one := range a.found {
		var literals []string
		for _, s := range a.secrets {
			if s.namespace == one.Namespace && s.release == one.Name {
				literals = append(literals, fmt.Sprintf(`--from-literal=%s="$(helm get values %s -n %s -o json | jq -r .%s)"`, s.path, s.release, s.namespace, s.path))
			}
		}
		if len(literals) > 0 {
			fmt.Fprintf(&b, "  kubectl create secret generic %s-values -n %s %s\n", one.Name, one.Namespace, strings.Join(literals, " "))
		}
	}
	b.WriteString("enforcement is off in each, so that nothing changes for anybody; take it out when the allowlist is right\n")
	return b.String()
}

// telling are names of values that are secret where they are strings: "password", "apiToken", not "existingSecret",
// "tokenSecretName" or "secretKeyRef".
var telling = regexp.MustCompile(`(?i)(password|passwd|passphrase|token|secret|api_?key|private_?key|credentials?)$`)

// secretPaths are the dotted paths of values that look like secrets, sorted.
func secretPaths(above string, values map[string]any) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if strings.Contains(name, ".") {
			continue // it has no dotted path
		}
		switch v := values[name].(type) {
		case map[string]any:
			out = append(out, secretPaths(above+name+".", v)...)
		case string:
			if v != "" && telling.MatchString(name) && !strings.HasPrefix(name, "existing") {
				out = append(out, above+name)
			}
		}
	}
	return out
}

// without is a copy of values that lacks what is at a path, and the maps that nothing is left in.
func without(values map[string]any, path []string) map[string]any {
	out := maps.Clone(values)
	below, more := out[path[0]].(map[string]any)
	if len(path) == 1 || !more {
		delete(out, path[0])
		return out
	}
	if left := without(below, path[1:]); len(left) > 0 {
		out[path[0]] = left
	} else {
		delete(out, path[0])
	}
	return out
}
