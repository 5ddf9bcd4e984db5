package kube

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/tools/cache"

	"github.com/workspace-providers/reconcile/reconcile"
)

// objectRef names an object of a release.
type objectRef struct {
	group, kind, namespace, name string
}

// String writes it as people say it: "Deployment/envproxy".
func (r objectRef) String() string { return r.kind + "/" + r.name }

func refOf(info *resource.Info) objectRef {
	gk := info.Mapping.GroupVersionKind.GroupKind()
	return objectRef{gk.Group, gk.Kind, info.Namespace, info.Name}
}

// object is what is kept of a watched object: what tells whether it is well and whether somebody changed
// it. A thousand providers have eight thousand of them.
type object struct {
	metav1.ObjectMeta        // name, namespace, uid, resourceVersion and generation; nothing else
	owner             string // namespace/name of the release that it says it belongs to
	mark              string // changes whenever what people may edit changes
	health            reconcile.Health
	message           string
	selector          labels.Selector // of its pods; nil where it has none
}

// slim turns what a watch receives into an object. It is the informers' transform.
func slim(in any) (any, error) {
	if gone, ok := in.(cache.DeletedFinalStateUnknown); ok {
		kept, err := slim(gone.Obj)
		gone.Obj = kept
		return gone, err
	}
	var meta metav1.Object
	out := &object{health: reconcile.Healthy}
	switch obj := in.(type) {
	case *object:
		return obj, nil
	case *metav1.PartialObjectMetadata:
		meta = obj
	case *unstructured.Unstructured:
		meta = obj
		out.health, out.message = healthOf(obj)
		out.selector = podsOf(obj)
	case runtime.Object:
		whole, err := untyped(obj)
		if err != nil {
			return nil, fmt.Errorf("cannot keep a %T: %w", in, err)
		}
		return slim(whole)
	default:
		return nil, fmt.Errorf("cannot keep a %T", in)
	}
	out.ObjectMeta = metav1.ObjectMeta{
		Name: meta.GetName(), Namespace: meta.GetNamespace(), UID: meta.GetUID(),
		ResourceVersion: meta.GetResourceVersion(), Generation: meta.GetGeneration(),
	}
	anno := meta.GetAnnotations()
	if name := anno[releaseNameAnno]; name != "" {
		out.owner = anno[releaseSpaceAnno] + "/" + name
	}
	out.mark = markOf(meta)
	return out, nil
}

// GetObjectKind and DeepCopyObject make an object fit the informers' stores.
func (o *object) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }
func (o *object) DeepCopyObject() runtime.Object   { out := *o; return &out }

// markOf is a short text that differs when something that people may edit differs: the generation where
// the kind has one, else the resource version; and the labels and annotations, which no generation counts.
func markOf(meta metav1.Object) string {
	version := strconv.FormatInt(meta.GetGeneration(), 10)
	if meta.GetGeneration() == 0 {
		return string(meta.GetUID()) + "@" + meta.GetResourceVersion()
	}
	var lines []string
	for k, v := range meta.GetLabels() {
		lines = append(lines, "l"+k+"="+v)
	}
	for k, v := range meta.GetAnnotations() {
		if !strings.HasPrefix(k, "deployment.kubernetes.io/") {
			lines = append(lines, "a"+k+"="+v)
		}
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return string(meta.GetUID()) + "@" + version + "." + hex.EncodeToString(sum[:6])
}

// podsOf selects the pods of a workload.
func podsOf(obj *unstructured.Unstructured) labels.Selector {
	if !hasPods[obj.GroupVersionKind().GroupKind()] {
		return nil
	}
	match, _, err := unstructured.NestedStringMap(obj.Object, "spec", "selector", "matchLabels")
	if err != nil || len(match) == 0 {
		return nil
	}
	return labels.SelectorFromSet(match)
}

// healthOf asks the object itself, by the rules of kstatus.
func healthOf(obj *unstructured.Unstructured) (reconcile.Health, string) {
	res, err := status.Compute(obj)
	if err != nil {
		return reconcile.Progressing, err.Error()
	}
	switch res.Status {
	case status.CurrentStatus:
		return reconcile.Healthy, ""
	case status.FailedStatus:
		return reconcile.Unhealthy, res.Message
	case status.TerminatingStatus:
		return reconcile.Progressing, "is being deleted"
	}
	return reconcile.Progressing, res.Message
}

// stateless are the kinds that say nothing of their health: of these only the metadata is watched, so
// that their content, secrets among it, never reaches us.
var stateless = map[schema.GroupKind]bool{
	{Kind: "ConfigMap"}: true, {Kind: "Secret"}: true, {Kind: "ServiceAccount"}: true, {Kind: "Namespace"}: true,
	{Kind: "ResourceQuota"}: true, {Kind: "LimitRange"}: true,
	{Group: "rbac.authorization.k8s.io", Kind: "Role"}:               true,
	{Group: "rbac.authorization.k8s.io", Kind: "RoleBinding"}:        true,
	{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}:        true,
	{Group: "rbac.authorization.k8s.io", Kind: "ClusterRoleBinding"}: true,
	{Group: "networking.k8s.io", Kind: "NetworkPolicy"}:              true,
	{Group: "networking.k8s.io", Kind: "Ingress"}:                    true,
	{Group: "networking.k8s.io", Kind: "IngressClass"}:               true,
	{Group: "storage.k8s.io", Kind: "StorageClass"}:                  true,
	{Group: "scheduling.k8s.io", Kind: "PriorityClass"}:              true,
	{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}:          true,
}
