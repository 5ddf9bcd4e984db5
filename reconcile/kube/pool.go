package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
)

// poolState is what the label of state says of a ConfigMap with the pool of an organization.
const poolState = "pool"

// poolKey is where such a ConfigMap has what it is for.
const poolKey = "providers.json"

// maxPool bounds what is written of one organization: a ConfigMap holds 1 MiB.
const maxPool = 900 << 10

// poolName is the ConfigMap with what an organization may choose from.
func poolName(owner, organization string) string {
	return "reconcile-" + owner + ".pool." + organization
}

// NotePools has programs in the cluster know which providers each organization may choose from: one ConfigMap for
// each, beside our Leases. It does not block, writes only what is not there as it should be, and nothing where somebody
// else has the right to act on the cluster.
func (c *Cluster) NotePools(pools map[string][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pools = fitting(pools)
	if c.session == nil || !c.lease.held() || !c.session.state.HasSynced() || maps.Equal(c.session.pools(), c.pools) {
		return
	}
	c.session.jobs.Add(job{kind: notePools})
}

// fitting are the pools as they are written: in the place of one that does not fit stands that it does not.
func fitting(pools map[string][]byte) map[string]string {
	out := make(map[string]string, len(pools))
	for name, text := range pools {
		out[name] = string(text)
		if len(text) > maxPool {
			out[name] = `{"error": "it is more than a ConfigMap holds: ask /api/v1/organizations/` + name + `/providers"}`
		}
	}
	return out
}

// pools are the pools of this deployment that stand in the cluster, by organization.
func (s *session) pools() map[string]string {
	out := map[string]string{}
	for _, obj := range s.state.GetStore().List() {
		cm, is := obj.(*corev1.ConfigMap)
		if !is || cm.Labels[stateLabel] != poolState || cm.Labels[markOwner] != s.cluster.owner {
			continue
		}
		if name, ours := strings.CutPrefix(cm.Name, poolName(s.cluster.owner, "")); ours {
			out[name] = cm.Data[poolKey]
		}
	}
	return out
}

// notePools writes what changed, and takes away what is of an organization that is not declared any more.
func (c *Cluster) notePools(ctx context.Context, s *session) error {
	c.mu.Lock()
	want := c.pools
	c.mu.Unlock()
	if c.fence() != nil {
		return nil // somebody else knows better
	}
	have := s.pools()
	var errs []error
	for name, text := range want {
		if was, there := have[name]; !there || was != text {
			errs = append(errs, s.writePool(ctx, name, text))
		}
	}
	for name := range have {
		if _, wanted := want[name]; wanted {
			continue
		}
		err := s.kube.CoreV1().ConfigMaps(c.fleet.Namespace).Delete(ctx, poolName(c.owner, name), metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("taking away the pool of organization %s: %w", name, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return caughtUp(ctx, func() bool { return maps.Equal(s.pools(), want) })
}

// writePool writes the pool of one organization.
func (s *session) writePool(ctx context.Context, organization, text string) error {
	name, space := poolName(s.cluster.owner, organization), s.cluster.fleet.Namespace
	labels := map[string]string{stateLabel: poolState, markOwner: s.cluster.owner}
	cm := applycorev1.ConfigMap(name, space).WithLabels(labels).WithData(map[string]string{poolKey: text})
	_, err := s.kube.CoreV1().ConfigMaps(space).Apply(ctx, cm, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	if err != nil {
		return fmt.Errorf("noting what organization %s may choose from: %w", organization, err)
	}
	return nil
}
