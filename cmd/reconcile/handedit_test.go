package main

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// stormChart has a kind of each sort: one without generation, a secret, a workload and a custom resource.
const stormChart = `
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {a: "1", b: "2", c: "3"}
---
apiVersion: v1
kind: Secret
metadata: {name: {{ .Release.Name }}}
stringData: {password: declared, user: declared}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}, labels: {app: {{ .Release.Name }}}}
spec:
  replicas: 0
  minReadySeconds: 1
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec: {containers: [{name: main, image: pause, env: [{name: GREETING, value: hello}]}]}
---
apiVersion: reconcile.example.com/v1
kind: Gadget
metadata: {name: {{ .Release.Name }}}
spec: {size: 1}
`

// stormKinds are the kinds of the chart.
var stormKinds = map[string]schema.GroupVersionResource{
	"ConfigMap":  {Version: "v1", Resource: "configmaps"},
	"Secret":     {Version: "v1", Resource: "secrets"},
	"Deployment": {Group: "apps", Version: "v1", Resource: "deployments"},
	"Gadget":     {Group: "reconcile.example.com", Version: "v1", Resource: "gadgets"},
}

// stormed is a release of the chart that somebody else edits.
type stormed struct {
	name   string
	scaled string // the field manager of what scales it; empty: nothing does
}

// handEdit is one edit by hand.
type handEdit struct {
	what    string
	kind    string // of the object
	how     types.PatchType
	patch   string // none: the object is deleted
	door    string // subresource
	by      string // field manager
	field   string // that is put back, with # for each index; empty with a patch: nothing is
	stays   func(object map[string]any)
	release stormed
}

// object is what the edit is about, as the daemon calls it.
func (e *handEdit) object() string { return e.kind + "/" + e.release.name }

// deletes says whether the object is gone, for whoever looks at those with the label of Helm.
func (e *handEdit) deletes() bool { return e.patch == "" || e.what == "label of Helm" }

// handEdits are all that may be edited at a release, with the value n where there is one.
func handEdits(p stormed, n int) []handEdit {
	main := func(rest string) string {
		return `{"spec":{"template":{"spec":{"containers":[{"name":"main",` + rest + `}]}}}}`
	}
	at := "/spec/template/spec/containers/#"
	out := []handEdit{
		{what: "a value", kind: "ConfigMap", patch: fmt.Sprintf(`{"data":{"a":"n%d"}}`, n), field: "/data/a"},
		{what: "a value", kind: "ConfigMap", patch: fmt.Sprintf(`{"data":{"b":"n%d"}}`, n), field: "/data/b"},
		{what: "no value", kind: "ConfigMap", patch: `{"data":{"c":null}}`, field: "/data/c"},
		{what: "label of Helm", kind: "ConfigMap", patch: `{"metadata":{"labels":{"app.kubernetes.io/managed-by":null}}}`,
			field: "/metadata/labels"}, // it has no other
		{what: "their value", kind: "ConfigMap", patch: fmt.Sprintf(`{"data":{"theirs":"n%d"}}`, n), stays: put(fmt.Sprintf("n%d", n), "data", "theirs")},
		{what: "a value", kind: "Secret", patch: fmt.Sprintf(`{"stringData":{"password":"n%d"}}`, n), field: "/data/password"},
		{what: "no value", kind: "Secret", patch: `{"data":{"user":null}}`, field: "/data/user"},
		{what: "their value", kind: "Secret", patch: fmt.Sprintf(`{"stringData":{"theirs":"n%d"}}`, n),
			stays: put(base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "n%d", n)), "data", "theirs")},
		{what: "a number", kind: "Deployment", patch: fmt.Sprintf(`{"spec":{"minReadySeconds":%d}}`, 2+n%500), field: "/spec/minReadySeconds"},
		{what: "an image", kind: "Deployment", patch: main(fmt.Sprintf(`"image":"other:%d"`, n)), field: at + "/image"},
		{what: "an item", kind: "Deployment", patch: main(fmt.Sprintf(`"env":[{"name":"GREETING","value":"n%d"}]`, n)), field: at + "/env/#/value"},
		{what: "no item", kind: "Deployment", patch: main(`"env":[{"name":"GREETING","$patch":"delete"}]`), field: at + "/env"},
		{what: "a label", kind: "Deployment", patch: fmt.Sprintf(`{"metadata":{"labels":{"app":"n%d"}}}`, n), field: "/metadata/labels/app"},
		{what: "their item", kind: "Deployment", patch: main(fmt.Sprintf(`"env":[{"name":"THEIRS","value":"n%d"}]`, n)), stays: theirItem(n)},
		{what: "their sidecar", kind: "Deployment", patch: `{"spec":{"template":{"spec":{"containers":[` + sidecar + `]}}}}`, stays: theirSidecar},
		{what: "a value", kind: "Gadget", patch: fmt.Sprintf(`{"spec":{"size":%d}}`, 2+n), field: "/spec/size"},
		{what: "no value", kind: "Gadget", patch: `{"spec":{"size":null}}`, field: "/spec/size"},
		{what: "their value", kind: "Gadget", patch: fmt.Sprintf(`{"spec":{"colour":"n%d"}}`, n), stays: put(fmt.Sprintf("n%d", n), "spec", "colour")},
	}
	for _, kind := range []string{"ConfigMap", "Secret", "Deployment", "Gadget"} {
		out = append(out, handEdit{what: "no object", kind: kind}, handEdit{
			what: "their annotation", kind: kind, patch: fmt.Sprintf(`{"metadata":{"annotations":{"theirs":"n%d"}}}`, n),
			stays: put(fmt.Sprintf("n%d", n), "metadata", "annotations", "theirs"),
		})
	}
	replicas := fmt.Sprintf(`{"spec":{"replicas":%d}}`, 1+n%2)
	if p.scaled == "" {
		return append(out, handEdit{what: "replicas", kind: "Deployment", patch: replicas, field: "/spec/replicas"})
	}
	return append(out, slices.Repeat([]handEdit{{
		what: "an autoscaler's replicas", kind: "Deployment", patch: replicas, door: "scale", by: p.scaled, how: types.MergePatchType,
		stays: put(int64(1+n%2), "spec", "replicas"),
	}}, 3)...)
}

// sidecar is a container with all that the API server would give it.
const sidecar = `{"name":"theirs","image":"pause","imagePullPolicy":"Always","terminationMessagePath":"/dev/termination-log",` +
	`"terminationMessagePolicy":"File","resources":{}}`

// put gives a field a value.
func put(value any, path ...string) func(map[string]any) {
	return func(object map[string]any) {
		for _, key := range path[:len(path)-1] {
			object = object[key].(map[string]any)
		}
		object[path[len(path)-1]] = value
	}
}

// containersOf are the containers of a Deployment, and how to have others.
func containersOf(object map[string]any) (list []any, set func([]any)) {
	spec := object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
	return spec["containers"].([]any), func(list []any) { spec["containers"] = list }
}

// with is a list of named items with one more, or with another in place of that of the same name.
func with(list []any, item map[string]any) []any {
	list = slices.DeleteFunc(slices.Clone(list), func(v any) bool { return v.(map[string]any)["name"] == item["name"] })
	return append(list, item)
}

func theirSidecar(object map[string]any) {
	list, set := containersOf(object)
	set(with(list, map[string]any{
		"name": "theirs", "image": "pause", "imagePullPolicy": "Always", "terminationMessagePath": "/dev/termination-log",
		"terminationMessagePolicy": "File", "resources": map[string]any{},
	}))
}

func theirItem(n int) func(map[string]any) {
	return func(object map[string]any) {
		list, _ := containersOf(object)
		for _, v := range list {
			if c := v.(map[string]any); c["name"] == "main" {
				c["env"] = with(c["env"].([]any), map[string]any{"name": "THEIRS", "value": fmt.Sprintf("n%d", n)})
			}
		}
	}
}

// drawEdits draws edits of releases at random. What is deleted is not edited after that, and no field is edited so
// often that it would be contested.
func drawEdits(r *rand.Rand, of []stormed, count int, often map[string]int) []handEdit {
	var out []handEdit
	gone := map[string]bool{}
	for len(out) < count {
		p := of[r.IntN(len(of))]
		all := handEdits(p, r.IntN(1000))
		e := all[r.IntN(len(all))]
		e.release = p
		if e.how == "" {
			e.how = types.MergePatchType
			if e.kind == "Deployment" {
				e.how = types.StrategicMergePatchType
			}
		}
		if e.by == "" {
			e.by = []string{"ada", "kubectl-edit", "other-tool"}[r.IntN(3)]
		}
		field := e.object() + e.field
		if e.deletes() {
			field = e.object()
		}
		if gone[e.object()] || often[field] == 3 {
			continue
		}
		if e.field != "" || e.deletes() {
			often[field]++
		}
		gone[e.object()] = e.deletes()
		out = append(out, e)
	}
	return out
}
