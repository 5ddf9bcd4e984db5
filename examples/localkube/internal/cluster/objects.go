package cluster

import (
	"context"
	"errors"
	"fmt"
	"path"
)

const nodes = "/api/v1/nodes"

// nodeNames are the fake nodes of every cluster.
func nodeNames() []string { return []string{"node-1", "node-2"} }

// furnish makes the objects that nothing in a cluster without machines would make: nodes, and a
// default class of volumes.
func (a API) furnish(ctx context.Context) error {
	var failed error
	for _, name := range nodeNames() {
		failed = errors.Join(failed, a.Create(ctx, nodes, node(name)))
	}
	return errors.Join(failed, a.Create(ctx, "/apis/storage.k8s.io/v1/storageclasses", storageClass()))
}

// object is any Kubernetes object, or a part of one.
type object = map[string]any

func node(name string) object {
	return object{
		"apiVersion": "v1", "kind": "Node",
		"metadata": object{
			"name": name,
			"labels": object{
				"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
				"node.kubernetes.io/instance-type": "fake",
			},
			"annotations": object{"kwok.x-k8s.io/node": "fake"},
		},
	}
}

func storageClass() object {
	return object{
		"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
		"metadata": object{
			"name":        "fake",
			"annotations": object{"storageclass.kubernetes.io/is-default-class": "true"},
		},
		"provisioner": "localkube.dev/fake", "reclaimPolicy": "Delete", "volumeBindingMode": "Immediate",
	}
}

// usable checks that pods can run: the nodes take them, and the default namespace has what they
// need.
func (a API) usable(ctx context.Context) error {
	for _, name := range nodeNames() {
		if err := a.nodeReady(ctx, name); err != nil {
			return err
		}
	}
	const namespace = "/api/v1/namespaces/default/"
	return errors.Join(
		a.Read(ctx, namespace+"serviceaccounts/default", nil),
		a.Read(ctx, namespace+"configmaps/kube-root-ca.crt", nil))
}

func (a API) nodeReady(ctx context.Context, name string) error {
	var node struct {
		Spec   struct{ Taints []struct{ Key string } }
		Status struct {
			Conditions []struct{ Type, Status string }
		}
	}
	if err := a.Read(ctx, path.Join(nodes, name), &node); err != nil {
		return err
	}
	for _, taint := range node.Spec.Taints {
		return fmt.Errorf("node %s still has the taint %s", name, taint.Key)
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == "Ready" && condition.Status == "True" {
			return nil
		}
	}
	return fmt.Errorf("node %s is not ready", name)
}
