package kube

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/cache"
)

// whole is an informer of the objects of a kind, in all namespaces and with everything that is in them. Kinds that
// Kubernetes itself has types for come in its own encoding, which takes a fraction of what JSON does; others as JSON.
func (c *conn) whole(mapping *meta.RESTMapping, index cache.Indexers, only func(*metav1.ListOptions)) (cache.SharedIndexInformer, error) {
	sample, err := scheme.Scheme.New(mapping.GroupVersionKind)
	if err != nil {
		return dynamicinformer.NewFilteredDynamicInformer(c.dynamic, mapping.Resource, metav1.NamespaceAll, 0, index, only).Informer(), nil
	}
	config := compact(c.config)
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	client, err := c.clientOf(mapping.GroupVersionKind.GroupVersion(), config)
	if err != nil {
		return nil, fmt.Errorf("watching: %w", err)
	}
	list := cache.NewFilteredListWatchFromClient(client, mapping.Resource.Resource, metav1.NamespaceAll, only)
	return cache.NewSharedIndexInformer(list, sample, 0, index), nil
}

// untyped is an object of one of Kubernetes' types without that type, as those who look at any kind want it, but for what
// lighten takes out of it.
func untyped(in runtime.Object) (*unstructured.Unstructured, error) {
	kinds, _, err := scheme.Scheme.ObjectKinds(in)
	if err != nil {
		return nil, err
	}
	lighten(in)
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(in)
	if err != nil {
		return nil, err
	}
	out := &unstructured.Unstructured{Object: fields}
	out.SetGroupVersionKind(kinds[0])
	return out, nil
}

// lighten takes out what no health depends on, and what is most of an object: who manages its fields, and the pods that
// it makes.
func lighten(in runtime.Object) {
	if of, ok := in.(metav1.Object); ok {
		of.SetManagedFields(nil)
	}
	switch of := in.(type) {
	case *appsv1.Deployment:
		of.Spec.Template = corev1.PodTemplateSpec{}
	case *appsv1.StatefulSet:
		of.Spec.Template, of.Spec.VolumeClaimTemplates = corev1.PodTemplateSpec{}, nil
	case *appsv1.DaemonSet:
		of.Spec.Template = corev1.PodTemplateSpec{}
	case *appsv1.ReplicaSet:
		of.Spec.Template = corev1.PodTemplateSpec{}
	case *batchv1.Job:
		of.Spec.Template = corev1.PodTemplateSpec{}
	}
}
