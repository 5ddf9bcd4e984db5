package kube

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/admission"
)

// How long every server of a cluster must have refused before a door is taken for closed, how often they are
// asked, and for how long at most.
const (
	closedFor   = 2 * time.Second
	closedAsk   = 200 * time.Millisecond
	closedLimit = 30 * time.Second
)

// dismiss takes an organization off the allowlist: it closes the door, waits until the cluster refuses, and
// looks once more whether somebody works there. Who came in meanwhile stays, and the door stays closed.
func (w *doorwork) dismiss(ctx context.Context) error {
	name := w.action.Organization
	g, leaving := w.guard(w.seen.live.Admission), w.leaving()
	g.Open[name] = false
	leaving[name] = true
	if err := w.put(ctx, g, leaving); err != nil {
		return err
	}
	if err := w.refused(ctx, w.action.Provider, name); err != nil {
		return err
	}
	if err := w.vacant(ctx, w.action); err != nil {
		return err
	}
	w.seen = w.session.seenDoors(w.owner)[w.action.Provider]
	delete(leaving, name)
	return w.put(ctx, w.guard(w.seen.live.Admission), leaving)
}

// nobody is no organization's name, so that every guard refuses it.
const nobody = "Nobody"

// deaf is the likeliest reason why servers do not hear of what is written; see admission.Keeper.
const deaf = "the cluster's API servers may have stopped reading the parameters of admission policies " +
	"(https://github.com/kubernetes/kubernetes/issues/130887); restart kube-apiserver"

// refused waits until a provider's guard refuses new environments of an organization, for so long that every
// server of the cluster has heard of it: each request may meet another. Where nothing is enforced, nobody
// refuses.
func (w *doorwork) refused(ctx context.Context, provider, organization string) error {
	seen := w.session.seenDoors(w.owner)[provider]
	if seen.live.Mode != reconcile.Enforce || w.session.doors.policies == nil || len(seen.live.Namespaces) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, closedLimit)
	defer cancel()
	probes := seen.guard.Probes(seen.live.Namespaces[0], organization)
	var since time.Time
	for {
		ok, err := w.probe(ctx, probes)
		switch {
		case err != nil:
			return fmt.Errorf("asking whether the door is closed to organization %s: %w", organization, err)
		case !ok:
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		case time.Since(since) >= closedFor:
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the door of provider %s does not close to organization %s: %s: %w", provider, organization, deaf, ctx.Err())
		case <-time.After(closedAsk):
		}
	}
}

// probe asks whether all probes are refused, over a connection of its own.
func (w *doorwork) probe(ctx context.Context, probes []*corev1.Pod) (refused bool, err error) {
	w.session.client.CloseIdleConnections()
	for _, pod := range probes {
		_, err := w.session.kube.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		switch {
		case err == nil, apierrors.IsAlreadyExists(err):
			return false, nil
		case !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "ValidatingAdmissionPolicy"):
			return false, err
		}
	}
	return true, nil
}

// vacant asks the cluster itself whether nobody works where an action would take a provider, or an
// organization's place in it, away. The watches may be late.
func (c *Cluster) vacant(ctx context.Context, a reconcile.Action) error {
	s, err := c.current()
	if err != nil {
		return err
	}
	c.mu.Lock()
	namespaces, recognition := c.places()[a.Provider], c.recognition()
	c.mu.Unlock()
	all, err := s.listWorkloads(ctx, namespaces)
	if err != nil {
		return fmt.Errorf("counting environments: %w", err)
	}
	found, err := admission.Environments(recognition, all)
	if err != nil {
		return fmt.Errorf("counting environments: %w", err)
	}
	live := reconcile.ClusterLive{Counted: true, Environments: map[string][]reconcile.Environment{a.Provider: found}}
	if why := reconcile.Occupation(a, live); why != "" {
		return fmt.Errorf("%w: %s", reconcile.ErrMoved, why)
	}
	return nil
}

// listWorkloads reads what may be an environment from the cluster.
func (s *session) listWorkloads(ctx context.Context, namespaces []string) ([]admission.Object, error) {
	found := map[string]admission.Object{}
	for key := range s.watches() {
		for _, namespace := range namespaces {
			list, err := s.meta.Resource(environmentKinds[key.kind]).Namespace(namespace).
				List(ctx, metav1.ListOptions{LabelSelector: key.selector})
			if err != nil {
				return nil, err
			}
			for i := range list.Items {
				found[string(list.Items[i].UID)] = workload(key.kind, &list.Items[i])
			}
		}
	}
	return slices.Collect(maps.Values(found)), nil
}
