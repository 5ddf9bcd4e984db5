package kube

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/cli-runtime/pkg/resource"
)

// wish is a volume that something asks for.
type wish struct {
	by    string // who asks
	class string // empty, and named: it is bound by hand
	named bool
}

// storage says which volumes nobody would make, since the cluster has no StorageClass for them.
func (f *flight) storage(ctx context.Context) []string {
	wishes := f.wishes()
	if len(wishes) == 0 {
		return nil
	}
	have, err := f.storageClasses(ctx)
	if err != nil {
		return nil
	}
	for _, info := range slices.Concat(f.all(), f.hooks) {
		if info.Mapping.GroupVersionKind.GroupKind() == storageClass.GroupKind() {
			have = append(have, standing{info.Name, isDefault(info.Object.(metav1.Object))})
		}
	}
	var out []string
	for _, v := range wishes {
		switch {
		case !v.named && !slices.ContainsFunc(have, func(s standing) bool { return s.isDefault }):
			out = append(out, fmt.Sprintf("no default StorageClass: %s names none", v.by))
		case v.class != "" && !slices.ContainsFunc(have, func(s standing) bool { return s.name == v.class }):
			out = append(out, fmt.Sprintf("missing StorageClass: %s, named by %s", v.class, v.by))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// storageClass is the kind, as every cluster has it.
var storageClass = schema.GroupVersionKind{Group: "storage.k8s.io", Version: "v1", Kind: "StorageClass"}

// standing is a StorageClass that is there.
type standing struct {
	name      string
	isDefault bool // for whoever names none
}

func isDefault(obj metav1.Object) bool {
	return obj.GetAnnotations()["storageclass.kubernetes.io/is-default-class"] == "true"
}

// classesOf is the question for all StorageClasses.
type classesOf struct{}

// storageClasses lists the cluster's, if we may.
func (c *conn) storageClasses(ctx context.Context) ([]standing, error) {
	return ask(ctx, &c.answers, classesOf{}, func(ctx context.Context) ([]standing, error) {
		which := storageClass.GroupVersion().WithResource("storageclasses")
		if err := c.mayAsk(ctx, right{verb: "list", resource: which.GroupResource()}); err != nil {
			return nil, err
		}
		list, err := c.meta.Resource(which).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		var out []standing
		for i := range list.Items {
			out = append(out, standing{list.Items[i].Name, isDefault(&list.Items[i])})
		}
		return out, nil
	})
}

// wishes are the volumes that the release asks for and that are not there yet.
func (f *flight) wishes() []wish {
	var out []wish
	add := func(by string, body any) {
		if v, open := readClaim(by, body); open {
			out = append(out, v)
		}
	}
	for _, info := range f.adds {
		if info.Mapping.GroupVersionKind.Kind == "PersistentVolumeClaim" {
			add(title(info), content(info))
		}
	}
	for _, info := range slices.Concat(f.all(), f.hooks) {
		for _, body := range templatesOf(info) {
			add(title(info), body)
		}
	}
	if class, _ := f.action.Want.Release.Values["storageClassName"].(string); class != "" {
		add("values.storageClassName", map[string]any{"spec": map[string]any{"storageClassName": class}})
	}
	return out
}

// templatesOf are the claims that an object makes for its pods.
func templatesOf(info *resource.Info) []any {
	spec := content(info)
	if info.Mapping.GroupVersionKind.Kind == "CronJob" {
		spec, _, _ = unstructured.NestedMap(spec, "spec", "jobTemplate")
	}
	out, _, _ := unstructured.NestedSlice(spec, "spec", "volumeClaimTemplates")
	mounted, _, _ := unstructured.NestedSlice(spec, "spec", "template", "spec", "volumes")
	for _, v := range mounted {
		one, _ := v.(map[string]any)
		if body, there, _ := unstructured.NestedMap(one, "ephemeral", "volumeClaimTemplate"); there {
			out = append(out, body)
		}
	}
	return out
}

// readClaim reads what is claimed; open is false where that is one certain volume, or is not known yet.
func readClaim(by string, body any) (v wish, open bool) {
	top, _ := body.(map[string]any)
	v = wish{by: by}
	v.class, v.named, _ = unstructured.NestedString(top, "spec", "storageClassName")
	if old, there, _ := unstructured.NestedString(top, "metadata", "annotations", corev1.BetaStorageClassAnnotation); there {
		v.class, v.named = old, true
	}
	certain, _, _ := unstructured.NestedString(top, "spec", "volumeName")
	known := v.class == "" || len(validation.IsDNS1123Subdomain(v.class)) == 0
	return v, certain == "" && known
}
