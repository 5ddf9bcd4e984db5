package admission

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// resources are the kinds that are looked at.
var resources = map[string]schema.GroupVersionResource{
	"Pod":                   {Version: "v1", Resource: "pods"},
	"PersistentVolumeClaim": {Version: "v1", Resource: "persistentvolumeclaims"},
	"PodTemplate":           {Version: "v1", Resource: "podtemplates"},
	"ReplicationController": {Version: "v1", Resource: "replicationcontrollers"},
	"Deployment":            {Group: "apps", Version: "v1", Resource: "deployments"},
	"StatefulSet":           {Group: "apps", Version: "v1", Resource: "statefulsets"},
	"DaemonSet":             {Group: "apps", Version: "v1", Resource: "daemonsets"},
	"ReplicaSet":            {Group: "apps", Version: "v1", Resource: "replicasets"},
	"Job":                   {Group: "batch", Version: "v1", Resource: "jobs"},
	"CronJob":               {Group: "batch", Version: "v1", Resource: "cronjobs"},
}

// kinds are their names, sorted.
func kinds() []string {
	var out []string
	for kind := range resources {
		out = append(out, kind)
	}
	slices.Sort(out)
	return out
}

// marked are the labels of an object.
type marked = map[string]any

// object is one to try with.
type object struct{ unstructured.Unstructured }

// an makes a small legal object of a kind. Its labels are the environment's, and those of its template too.
func an(kind, name string, l marked) object { return with(kind, name, l, l) }

// with makes one whose template has other labels.
func with(kind, name string, own, template marked) object {
	app := marked{"run": name}
	for key, value := range template {
		app[key] = value
	}
	containers := []any{map[string]any{"name": "main", "image": "example/app:1"}}
	pod := map[string]any{"containers": containers, "restartPolicy": "Always"}
	inner := map[string]any{"metadata": map[string]any{"labels": app}, "spec": pod}
	selector := map[string]any{"matchLabels": marked{"run": name}}
	storage := map[string]any{
		"accessModes": []any{"ReadWriteOnce"}, "resources": map[string]any{"requests": map[string]any{"storage": "1Gi"}},
	}
	o := object{unstructured.Unstructured{Object: map[string]any{
		"apiVersion": resources[kind].GroupVersion().String(), "kind": kind,
		"metadata": map[string]any{"name": name, "labels": own},
	}}}
	switch kind {
	case "Pod":
		o.Object["spec"] = pod
	case "PersistentVolumeClaim":
		o.Object["spec"] = storage
	case "PodTemplate":
		o.Object["template"] = inner
	case "ReplicationController":
		o.Object["spec"] = map[string]any{"selector": marked{"run": name}, "template": inner}
	case "Deployment", "DaemonSet", "ReplicaSet":
		o.Object["spec"] = map[string]any{"selector": selector, "template": inner}
	case "StatefulSet":
		o.Object["spec"] = map[string]any{
			"selector": selector, "template": inner, "serviceName": name,
			"volumeClaimTemplates": []any{map[string]any{
				"metadata": map[string]any{"name": "home", "labels": template}, "spec": storage,
			}},
		}
	case "Job", "CronJob":
		pod["restartPolicy"] = "Never"
		o.Object["spec"] = map[string]any{"template": inner}
		if kind == "CronJob" {
			o.Object["spec"] = map[string]any{
				"schedule": "0 0 1 1 *", "jobTemplate": map[string]any{"spec": map[string]any{"template": inner}},
			}
		}
	}
	return o
}

// set changes a field.
func (o object) set(value any, path ...string) object {
	o.Unstructured = *o.DeepCopy()
	if err := unstructured.SetNestedField(o.Object, value, path...); err != nil {
		panic(err)
	}
	return o
}
