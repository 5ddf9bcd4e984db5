package kube

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
)

// stateLabel marks the ConfigMaps that are about the cluster as a whole; its value says what about.
const stateLabel = markPrefix + "state"

// followState watches what is about the cluster as a whole.
func (s *session) followState() error {
	factory := informers.NewSharedInformerFactoryWithOptions(s.kube, 0, informers.WithNamespace(s.cluster.fleet.Namespace),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = stateLabel }))
	s.state = factory.Core().V1().ConfigMaps().Informer()
	return s.watch(s.state, stripFields, s.doorMoved)
}

// stripFields drops who owns which field, which is more than the rest of a small object.
func stripFields(in any) (any, error) {
	if obj, ok := in.(metav1.Object); ok {
		obj.SetManagedFields(nil)
	}
	return in, nil
}
