package kube

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/resource"
)

// fixed says which fields of a kind an API server may refuse to change, with everything below them.
type fixed struct {
	fields []string
	except []string // which are below fields, and may change
	sealed []string // which may change unless the object says that it is immutable
}

// fixedFields are the kinds that have such fields. Whether a change is refused, the API server itself is
// asked, of which one version allows more than another: this only says what it is worth asking for, and so
// may have too much in it.
var fixedFields = map[schema.GroupKind]fixed{
	{Group: "apps", Kind: "DaemonSet"}:   {fields: []string{"spec.selector"}},
	{Group: "apps", Kind: "Deployment"}:  {fields: []string{"spec.selector"}},
	{Group: "apps", Kind: "ReplicaSet"}:  {fields: []string{"spec.selector"}},
	{Group: "apps", Kind: "StatefulSet"}: {fields: []string{"spec"}, except: []string{"replicas", "template", "updateStrategy"}},
	{Group: "batch", Kind: "Job"}:        {fields: []string{"spec"}, except: []string{"backoffLimit", "parallelism", "suspend"}},

	{Kind: "ConfigMap"}:             {sealed: []string{"data", "binaryData", "immutable"}},
	{Kind: "Secret"}:                {fields: []string{"type"}, sealed: []string{"data", "stringData", "immutable"}},
	{Kind: "PersistentVolume"}:      {fields: []string{"spec"}},
	{Kind: "PersistentVolumeClaim"}: {fields: []string{"spec"}},
	{Kind: "Pod"}:                   {fields: []string{"spec"}},
	{Kind: "Service"}:               {fields: []string{"spec.clusterIP", "spec.clusterIPs", "spec.ipFamilies", "spec.loadBalancerClass"}},

	{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}: {fields: []string{"spec.group", "spec.names", "spec.scope", "spec.versions"}},
	{Group: "networking.k8s.io", Kind: "IngressClass"}:                {fields: []string{"spec.controller"}},
	{Group: "node.k8s.io", Kind: "RuntimeClass"}:                      {fields: []string{"handler"}},
	{Group: "rbac.authorization.k8s.io", Kind: "ClusterRoleBinding"}:  {fields: []string{"roleRef"}},
	{Group: "rbac.authorization.k8s.io", Kind: "RoleBinding"}:         {fields: []string{"roleRef"}},
	{Group: "scheduling.k8s.io", Kind: "PriorityClass"}:               {fields: []string{"value", "preemptionPolicy"}},
	{Group: "storage.k8s.io", Kind: "CSIDriver"}:                      {fields: []string{"spec"}},
	{Group: "storage.k8s.io", Kind: "StorageClass"}:                   {fields: []string{"provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"}},
}

// maxTried bounds how many changes of one release are tried.
const maxTried = 20

// immutable has those changes tried that the API server may refuse, and says what it said.
func (f *flight) immutable(ctx context.Context) []string {
	var out []string
	tried := 0
	for _, e := range f.edits {
		if !e.touchesFixed() || tried == maxTried {
			continue
		}
		patch := rightOn(e.after)
		patch.verb = "patch"
		if f.mayAsk(ctx, patch) != nil {
			continue
		}
		tried++
		switch err := f.try(ctx, e); {
		case apierrors.IsInvalid(err):
			out = append(out, fmt.Sprintf("immutable field: %s: %s", title(e.after), reasons(err)))
		case apierrors.IsForbidden(err): // by what guards the cluster: that we may is asked before
			out = append(out, fmt.Sprintf("refused: %s: %s", title(e.after), err))
		}
	}
	return out
}

// touchesFixed says whether a change is one that the API server may refuse.
func (e edited) touchesFixed() bool {
	rule := fixedFields[e.after.Mapping.GroupVersionKind.GroupKind()]
	fields := rule.fields
	if content(e.before)["immutable"] == true {
		fields = slices.Concat(fields, rule.sealed)
	}
	return slices.ContainsFunc(fields, func(field string) bool {
		return !reflect.DeepEqual(without(rule.except, fieldOf(e.before, field)), without(rule.except, fieldOf(e.after, field)))
	})
}

// fieldOf is a field of an object; nil where there is none.
func fieldOf(info *resource.Info, path string) any {
	v, _, _ := unstructured.NestedFieldNoCopy(content(info), strings.Split(path, ".")...)
	return v
}

// without is a map less some of its keys.
func without(keys []string, v any) any {
	m, is := v.(map[string]any)
	if !is || len(keys) == 0 {
		return v
	}
	out := map[string]any{}
	for key, one := range m {
		if !slices.Contains(keys, key) {
			out[key] = one
		}
	}
	return out
}

// try sends the patch that the upgrade will send, as far as it is known without reading what is there, and
// has nothing written.
func (f *flight) try(ctx context.Context, e edited) error {
	patch, kind, err := threeWay(e.before.Object, e.after.Object, e.before.Object)
	if err != nil {
		return err
	}
	_, err = f.dynamic.Resource(e.after.Mapping.Resource).Namespace(e.after.Namespace).
		Patch(ctx, e.after.Name, kind, patch, metav1.PatchOptions{FieldManager: fieldManager, DryRun: []string{metav1.DryRunAll}})
	return err
}

// reasons are why the API server does not accept a change. Values are left out: it quotes whole pods, with
// whatever is in them.
func reasons(err error) string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return "it does not accept that"
	}
	var out []string
	for _, cause := range status.Status().Details.Causes {
		out = append(out, cause.Field+": "+detail(cause))
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), "; ")
}

// detail is what is wrong, without what was found, which stands before the last colon. What is forbidden
// whatever it is, is told in the first line; the field's content may follow.
func detail(cause metav1.StatusCause) string {
	_, rest, _ := strings.Cut(cause.Message, ": ")
	if cause.Type == metav1.CauseTypeForbidden {
		first, _, _ := strings.Cut(rest, "\n")
		return first
	}
	if i := strings.LastIndex(rest, ": "); i >= 0 {
		return rest[i+2:]
	}
	return "it does not accept that"
}
