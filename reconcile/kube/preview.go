package kube

import (
	"context"
	"errors"

	"helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Manifest is what the release in force holds, as Helm stored it; empty where there is none.
func (c *Cluster) Manifest(ctx context.Context, id reconcile.ID) (string, error) {
	s, err := c.current()
	if err != nil {
		return "", err
	}
	key, name := releaseKey{id.Namespace, id.Name}, ""
	for _, rev := range s.revisions(key) {
		if name == "" || rev.status == release.StatusDeployed {
			name = rev.key
		}
	}
	if name == "" {
		return "", nil
	}
	secret, err := s.kube.CoreV1().Secrets(id.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	rel, err := unpack(secret.Data["release"])
	if err != nil {
		return "", err
	}
	return rel.Manifest, nil
}

// Capabilities are what the cluster can do.
func (c *Cluster) Capabilities() (version string, kinds []string, err error) {
	s, err := c.current()
	if err != nil {
		return "", nil, err
	}
	caps, err := s.capabilities()
	if err != nil {
		return "", nil, err
	}
	return caps.KubeVersion.Version, caps.APIVersions, nil
}

// current is the session that the cluster is connected by.
func (c *Cluster) current() (*session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == nil {
		return nil, errors.New("cluster " + c.name + " is not connected")
	}
	return c.session, nil
}
