package kube

import (
	"context"
	"math/rand/v2"
	"reflect"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/workspace-providers/reconcile/reconcile"
)

// quotaInterval is how often quotas are asked for. They are not watched: what they say is of interest to people who
// plan for days, and one that is nearly used up moves with each pod.
const quotaInterval = 10 * time.Minute

// keepQuotas asks for quotas until the session ends. Where that is not allowed, they are not known.
func (c *Cluster) keepQuotas(s *session) {
	for {
		full := s.askQuotas()
		c.mu.Lock()
		news := !reflect.DeepEqual(full, c.quotas)
		c.quotas = full
		c.mu.Unlock()
		if news {
			c.fleet.rouse(true)
		}
		select {
		case <-s.ctx.Done():
			return
		case <-time.After(time.Duration(float64(quotaInterval) * (0.9 + 0.2*rand.Float64()))):
		}
	}
}

// askQuotas says how much of what each namespace may hold is used, by resource. One request tells of all of them,
// answered from the API server's cache.
func (s *session) askQuotas() map[string]map[string]float64 {
	ctx, cancel := context.WithTimeout(s.ctx, requestTimeout)
	defer cancel()
	all, err := s.kube.CoreV1().ResourceQuotas(metav1.NamespaceAll).List(ctx, metav1.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return nil // the gate has heard whether the cluster answers
	}
	out := map[string]map[string]float64{}
	for i := range all.Items {
		q := &all.Items[i]
		for name, used := range usedOf(q) {
			if out[q.Namespace] == nil {
				out[q.Namespace] = map[string]float64{}
			}
			out[q.Namespace][name] = max(out[q.Namespace][name], used)
		}
	}
	return out
}

// usedOf is how much of a quota is used, 1 being all, of what environments take.
func usedOf(q *corev1.ResourceQuota) map[string]float64 {
	out := map[string]float64{}
	for name, hard := range q.Status.Hard {
		resource := quotaResource(string(name))
		if resource == "" {
			continue
		}
		ratio := 1.0 // where there may be none, nothing is left
		if limit := hard.AsApproximateFloat64(); limit > 0 {
			used := q.Status.Used[name]
			ratio = used.AsApproximateFloat64() / limit
		}
		out[resource] = max(out[resource], ratio)
	}
	return out
}

// quotaResource is one of reconcile.QuotaResources, under whichever of its names a quota has it; empty: it is none.
func quotaResource(name string) string {
	name = strings.TrimSuffix(strings.TrimPrefix(name, "count/"), ".apps")
	if name == "cpu" || name == "memory" {
		name = "requests." + name
	}
	for _, known := range reconcile.QuotaResources {
		if name == known {
			return name
		}
	}
	return ""
}

// fullness is how full the namespaces of each provider are, by resource: the fullest counts.
func (c *Cluster) fullness(places map[string][]string) map[string]map[string]float64 {
	if len(c.quotas) == 0 {
		return nil
	}
	out := map[string]map[string]float64{}
	for provider, namespaces := range places {
		for _, namespace := range namespaces {
			for resource, used := range c.quotas[namespace] {
				if out[provider] == nil {
					out[provider] = map[string]float64{}
				}
				out[provider][resource] = max(out[provider][resource], used)
			}
		}
	}
	return out
}
