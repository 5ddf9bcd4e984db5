package kube

import (
	"context"
	"errors"

	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Manifest is what the release in force holds, as Helm stored it; empty where there is none.
func (c *Cluster) Manifest(ctx context.Context, id reconcile.ID) (manifest string, err error) {
	err = c.blaming(func() error {
		manifest, err = c.manifest(ctx, id)
		return err
	})
	return manifest, err
}

func (c *Cluster) manifest(ctx context.Context, id reconcile.ID) (string, error) {
	s, err := c.current()
	if err != nil {
		return "", err
	}
	key := releaseKey{id.Namespace, id.Name}
	var force revision
	for _, rev := range s.revisions(key) {
		if force.key == "" || rev.status == release.StatusDeployed {
			force = rev
		}
	}
	if force.key == "" {
		return "", nil
	}
	secret, err := s.kube.CoreV1().Secrets(id.Namespace).Get(ctx, force.key, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	rel, err := unpack(secret.Data["release"])
	if err != nil {
		return "", err
	}
	s.reads.Add(readKey{key, force.number, secret.ResourceVersion}, rel)
	return rel.Manifest, nil
}

// readKey names one state of one revision.
type readKey struct {
	release releaseKey
	number  int
	version string
}

// keptReads bounds how many releases that were read for a preview are kept for the action that follows: more than the loop
// has rendered ahead, since one too few is as bad as none, where those that were read first are wanted first.
const keptReads = 192

// takeRead gives away a release that was read for a preview. It is given away once: Helm writes into it.
func (s *session) takeRead(key releaseKey, rev revision) *release.Release {
	k := readKey{key, rev.number, rev.version}
	rel, there := s.reads.Get(k)
	if !there {
		return nil
	}
	s.reads.Remove(k)
	rel.Labels = custom(rev.labels)
	return rel
}

// Capabilities are what the cluster can do.
func (c *Cluster) Capabilities() (version string, kinds []string, err error) {
	s, err := c.current()
	if err != nil {
		return "", nil, err
	}
	var caps *chartutil.Capabilities
	err = c.blaming(func() error {
		caps, err = s.capabilities()
		return err
	})
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
