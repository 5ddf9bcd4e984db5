package charts

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/reconcile"
)

// inForce reads a manifest.
func inForce(t *testing.T, manifest string) []Object {
	t.Helper()
	out, err := ReadManifest(manifest, "coder")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const (
	space    = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: extra}\n"
	kept     = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: extra, annotations: {helm.sh/resource-policy: keep}}\n"
	settings = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {size: \"%s\"}\n"
	thing    = `---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec: {versions: [{name: v1, served: true}, {name: v1beta1, served: %t}]}
`
)

func TestLosses(t *testing.T) {
	for name, c := range map[string]struct {
		before, after string
		want          []string
	}{
		"nothing":                    {space, space, nil},
		"a namespace":                {space + settings, settings, []string{"removes namespace extra, with everything in it"}},
		"a namespace that is kept":   {kept, "", nil},
		"a kind":                     {fmt.Sprintf(thing, true), "", []string{"removes custom resource definition things.example.com, with everything of that kind"}},
		"a version":                  {fmt.Sprintf(thing, true), fmt.Sprintf(thing, false), []string{"custom resource definition things.example.com no longer serves v1beta1"}},
		"a version that was not one": {fmt.Sprintf(thing, false), fmt.Sprintf(thing, false), nil},
		"a version more":             {fmt.Sprintf(thing, false), fmt.Sprintf(thing, true), nil},
		"neither":                    {settings, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, Losses(inForce(t, c.before), inForce(t, c.after))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestChangeOf(t *testing.T) {
	before := inForce(t, space+fmt.Sprintf(settings, "1")+"---\napiVersion: v1\nkind: Secret\nmetadata: {name: gone}\n"+
		"---\napiVersion: v1\nkind: Secret\nmetadata: {name: kept, annotations: {helm.sh/resource-policy: keep}}\n"+
		"---\napiVersion: v1\nkind: Secret\nmetadata: {name: known}\nstringData: {a: b}\n")
	after := inForce(t, space+fmt.Sprintf(settings, "2")+"---\napiVersion: v1\nkind: Secret\nmetadata: {name: new}\n"+
		"---\napiVersion: v1\nkind: Secret\nmetadata: {name: known}\nstringData: {a: (from Secret coder/token)}\n")
	have := ChangeOf(before, Rendered{Objects: after, Hooks: []Hook{{Object: before[0]}}, CRDs: after[:1]})
	want := reconcile.Change{
		Adds:    bodies(after[2:3]),
		Edits:   []reconcile.Edit{{Before: before[1].Body, After: after[1].Body}},
		Keeps:   []json.RawMessage{after[0].Body, after[3].Body},
		Removes: bodies(before[2:3]),
		Hooks:   bodies(before[:1]),
		Kinds:   bodies(after[:1]),
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
}
