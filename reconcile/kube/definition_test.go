package kube

import (
	"fmt"
	"strings"
	"testing"

	"github.com/workspace-providers/reconcile/reconcile"
)

const definition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.%[1]s.example.com}
spec:
  group: %[1]s.example.com
  scope: Namespaced
  names: {kind: Thing, plural: things}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {size: {type: %[2]s}}}}}`

const newer = `
  - {name: v2, served: true, storage: false, schema: {openAPIV3Schema: {type: object}}}`

func TestDefinitionsThatHelmDoesNotUpdate(t *testing.T) {
	p := newPad(t)
	group := strings.ReplaceAll(p.space, "-", "x")
	p.make(fmt.Sprintf(definition, group, "integer"))
	risk := "custom resource definition: things." + group + ".example.com in the cluster is another than the chart's, and Helm does not update it (%s)"
	for name, c := range map[string]struct{ text, want string }{
		"the same":       {fmt.Sprintf(definition, group, "integer"), ""},
		"another schema": {fmt.Sprintf(definition, group, "string"), fmt.Sprintf(risk, "v1 differs")},
		"a new version":  {fmt.Sprintf(definition, group, "integer") + newer, fmt.Sprintf(risk, "v2 is missing")},
		"another scope":  {strings.Replace(fmt.Sprintf(definition, group, "integer"), "Namespaced", "Cluster", 1), fmt.Sprintf(risk, "names, scope or conversion differ")},
		"not there yet":  {fmt.Sprintf(definition, group+"x", "integer"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			total := int64(0)
			for range 10 {
				have, requests := p.preflight("web", reconcile.Deployed, reconcile.Change{Kinds: documents(t, c.text)})
				if got := strings.Join(have, "\n"); got != c.want {
					t.Errorf("risks %q, want %q", got, c.want)
				}
				total += requests
			}
			if total > 2 {
				t.Errorf("%d requests for ten releases", total)
			}
		})
	}
}

func TestADefinitionWhoseStoredVersionGoesIsRefused(t *testing.T) {
	p := newPad(t)
	group := strings.ReplaceAll(p.space, "-", "x")
	before := fmt.Sprintf(definition, group, "integer")
	p.make(before)
	have, _ := p.preflight("web", reconcile.Deployed, p.edit(before, strings.Replace(before, "name: v1,", "name: v2,", 1)))
	if len(have) != 1 || !strings.HasPrefix(have[0], "immutable field: CustomResourceDefinition things."+group+".example.com: status.storedVersions[0]: ") {
		t.Errorf("risks %q", have)
	}
}
