package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/kubernetes"
)

// keptKey is where a ConfigMap of what is kept has it.
const keptKey = "kept"

// errNoOwner is said before the declarations were ever read.
var errNoOwner = errors.New("the name of the deployment is not known yet")

// Recall is what Keep was given last under a name, by this process or another; nothing where it never was. It asks the
// hub, which is the built-in cluster where no other is named.
func (f *Fleet) Recall(ctx context.Context, name string) ([]byte, error) {
	client, object, err := f.keeper(name)
	if err != nil {
		return nil, err
	}
	cm, err := client.CoreV1().ConfigMaps(f.Namespace).Get(ctx, object, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading ConfigMap %s/%s: %w", f.Namespace, object, err)
	}
	var data json.RawMessage
	if err := unzipped(cm.BinaryData[keptKey], &data); err != nil {
		return nil, fmt.Errorf("reading ConfigMap %s/%s: %w", f.Namespace, object, err)
	}
	return data, nil
}

// Keep has JSON kept under a name for whoever comes next. It is for what is seldom other than before.
func (f *Fleet) Keep(ctx context.Context, name string, data []byte) error {
	if f.ReadOnly {
		return errReadOnly
	}
	client, object, err := f.keeper(name)
	if err != nil {
		return err
	}
	packed, err := zipped(json.RawMessage(data))
	if err != nil {
		return err
	}
	cm := applycorev1.ConfigMap(object, f.Namespace).WithBinaryData(map[string][]byte{keptKey: packed})
	_, err = client.CoreV1().ConfigMaps(f.Namespace).Apply(ctx, cm, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	if err != nil {
		return fmt.Errorf("writing ConfigMap %s/%s: %w", f.Namespace, object, err)
	}
	return nil
}

// keeper is a client of the hub as its credentials are now, and the name of the object there.
func (f *Fleet) keeper(name string) (kubernetes.Interface, string, error) {
	owner := f.owned()
	if owner == "" {
		return nil, "", errNoOwner
	}
	config, err := f.Credentials.hub(f.context(BuiltIn))
	if err != nil {
		return nil, "", err
	}
	config = compact(config)
	config.UserAgent, config.QPS = "reconcile", -1
	client, err := kubernetes.NewForConfig(config)
	return client, "reconcile-" + owner + "." + name, err
}
