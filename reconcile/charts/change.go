package charts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	helmkube "helm.sh/helm/v3/pkg/kube"

	"github.com/workspace-providers/reconcile/reconcile"
)

// ChangeOf says which objects come, change and go when a release that holds before is replaced by one that
// holds after. An object with a placeholder in it counts as unchanged: what it will be, only its cluster
// knows.
func ChangeOf(before []Object, after Rendered) reconcile.Change {
	var out reconcile.Change
	was, is := byKey(before), byKey(after.Objects)
	for _, o := range after.Objects {
		old, there := was[o.key()]
		switch {
		case !there:
			out.Adds = append(out.Adds, o.Body)
		case bytes.Equal(old.Body, o.Body) || holds(decode(o.Body)):
			out.Keeps = append(out.Keeps, o.Body)
		default:
			out.Edits = append(out.Edits, reconcile.Edit{Before: old.Body, After: o.Body})
		}
	}
	for _, o := range before {
		if _, stays := is[o.key()]; !stays && !o.kept() {
			out.Removes = append(out.Removes, o.Body)
		}
	}
	for _, h := range after.Hooks {
		out.Hooks = append(out.Hooks, h.Body)
	}
	out.Kinds = bodies(after.CRDs)
	return out
}

func bodies(objects []Object) []json.RawMessage {
	var out []json.RawMessage
	for _, o := range objects {
		out = append(out, o.Body)
	}
	return out
}

// Losses says what more goes when a release that holds before is replaced by one that holds after, or by
// nothing: what is in a namespace, what is of a kind.
func Losses(before, after []Object) []string {
	is := byKey(after)
	var out []string
	for _, o := range before {
		next, stays := is[o.key()]
		switch {
		case o.Kind == "Namespace" && o.group() == "" && !stays && !o.kept():
			out = append(out, fmt.Sprintf("removes namespace %s, with everything in it", o.Name))
		case o.Kind != "CustomResourceDefinition":
		case stays:
			if lost := lostVersions(o, next); len(lost) > 0 {
				out = append(out, fmt.Sprintf("custom resource definition %s no longer serves %s", o.Name, strings.Join(lost, ", ")))
			}
		case !o.kept():
			out = append(out, fmt.Sprintf("removes custom resource definition %s, with everything of that kind", o.Name))
		}
	}
	slices.Sort(out)
	return out
}

// kept says whether Helm leaves an object where it is when its release goes.
func (o Object) kept() bool {
	policy, _ := dig(dig(dig(decode(o.Body), "metadata"), "annotations"), helmkube.ResourcePolicyAnno).(string)
	return strings.ToLower(strings.TrimSpace(policy)) == helmkube.KeepPolicy
}

// lostVersions are the versions that one definition of a kind serves and the next does not.
func lostVersions(before, after Object) []string {
	still := servedVersions(after)
	return slices.DeleteFunc(servedVersions(before), func(v string) bool { return slices.Contains(still, v) })
}

func servedVersions(definition Object) []string {
	var out []string
	for _, v := range elements(dig(dig(decode(definition.Body), "spec"), "versions")) {
		if name, ok := dig(v, "name").(string); ok && dig(v, "served") == true {
			out = append(out, name)
		}
	}
	return out
}
