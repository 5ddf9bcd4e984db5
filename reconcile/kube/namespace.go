package kube

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// makeNamespaces is the right to make namespaces.
var makeNamespaces = right{verb: "create", resource: schema.GroupResource{Resource: "namespaces"}}

// ensureNamespace makes the release's namespace unless it is known to be there. Whoever may not make it looks whether
// somebody else has.
func (op *operation) ensureNamespace(ctx context.Context) error {
	name := op.key.namespace
	if len(op.storage.revs) > 0 || op.session.hasNamespace(name) {
		return nil
	}
	if why := op.session.mayAsk(ctx, makeNamespaces); why != nil {
		if err := op.session.namespaceThere(ctx, name); err != nil {
			return fmt.Errorf("%w: make it, since %w", err, why)
		}
		op.session.noteNamespace(name, true)
		return nil
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	_, err := op.session.kube.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{FieldManager: fieldManager})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("namespace %s: %w", name, err)
	}
	op.session.noteNamespace(name, true)
	return nil
}

// namespaceThere says what is wrong with a namespace that has to be there; nil: it is.
func (c *conn) namespaceThere(ctx context.Context, name string) error {
	_, err := c.kube.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("namespace %s is not there", name)
	}
	return err
}
