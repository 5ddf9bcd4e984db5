package kube

import (
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/admission"
)

// environmentKinds are those that environments are counted over: one that is stopped may be a volume alone.
var environmentKinds = map[string]schema.GroupVersionResource{
	"Pod":                   {Version: "v1", Resource: "pods"},
	"PersistentVolumeClaim": {Version: "v1", Resource: "persistentvolumeclaims"},
	"Deployment":            {Group: "apps", Version: "v1", Resource: "deployments"},
	"StatefulSet":           {Group: "apps", Version: "v1", Resource: "statefulsets"},
}

// watchKey names a watch of one kind with one label selector.
type watchKey struct{ kind, selector string }

// followEnvironments watches what may be an environment, by metadata alone. Strict recognition takes
// everything for one.
func (s *session) followEnvironments(r reconcile.Recognition) error {
	selectors := r.Selectors
	if r.Strict {
		selectors = []string{""}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counting = false
	wanted := map[watchKey]bool{}
	for kind, resource := range environmentKinds {
		for _, selector := range selectors {
			key := watchKey{kind, selector}
			wanted[key] = true
			if _, there := s.environments[key]; there {
				continue
			}
			inf := metadatainformer.NewFilteredMetadataInformer(s.meta, resource, metav1.NamespaceAll, 0,
				cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc},
				func(o *metav1.ListOptions) { o.LabelSelector = selector }).Informer()
			s.environments[key] = inf
			if err := s.watch(inf, slimEnvironment, s.cluster.environmentMoved); err != nil {
				return err
			}
		}
	}
	maps.DeleteFunc(s.environments, func(key watchKey, _ cache.SharedIndexInformer) bool { return !wanted[key] })
	s.counting = true
	return nil
}

// slimEnvironment drops what recognition does not ask for.
func slimEnvironment(in any) (any, error) {
	obj, ok := in.(*metav1.PartialObjectMetadata)
	if !ok {
		return in, nil
	}
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Namespace: obj.Namespace, Name: obj.Name, UID: obj.UID, ResourceVersion: obj.ResourceVersion, Labels: obj.Labels,
		DeletionTimestamp: obj.DeletionTimestamp,
	}}, nil
}

// counted says whether all that may be an environment was listed.
func (s *session) counted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, inf := range s.environments {
		if !inf.HasSynced() {
			return false
		}
	}
	return s.counting
}

// watches are those of environments.
func (s *session) watches() map[watchKey]cache.SharedIndexInformer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.environments)
}

// workloads are what may be environments in some namespaces, each once: an object may match two selectors.
func (s *session) workloads(namespaces []string) []admission.Object {
	found := map[string]admission.Object{}
	for key, inf := range s.watches() {
		for _, namespace := range namespaces {
			all, err := inf.GetIndexer().ByIndex(cache.NamespaceIndex, namespace)
			if err != nil {
				continue // there is such an index
			}
			for _, one := range all {
				obj := one.(*metav1.PartialObjectMetadata)
				found[string(obj.UID)] = workload(key.kind, obj)
			}
		}
	}
	return slices.Collect(maps.Values(found))
}

// workload is what recognition asks of an object.
func workload(kind string, obj *metav1.PartialObjectMetadata) admission.Object {
	return admission.Object{
		Kind: kind, Namespace: obj.Namespace, Name: obj.Name, Labels: obj.Labels, Terminating: obj.DeletionTimestamp != nil,
	}
}

// headcount is who works where, as the watches have it.
type headcount struct {
	environments map[string][]reconcile.Environment // by provider
	moved        map[string]bool                    // namespaces in which something moved since they were counted
	all          bool                               // everything is to be counted again
	complete     bool                               // nothing was left out, since everything was listed by then
}

// still is what was counted for a provider, if nothing has moved since. Counting is for all providers at once, which
// would be too much for each of many that are applied.
func (h headcount) still(provider string) (found []reconcile.Environment, yes bool) {
	found, yes = h.environments[provider]
	return found, yes && h.complete && !h.all && len(h.moved) == 0
}

// environmentMoved notes that something in a namespace is not as it was when environments were counted there.
func (c *Cluster) environmentMoved(obj metav1.Object) {
	c.mu.Lock()
	if obj == nil {
		c.heads.all = true
	} else {
		if c.heads.moved == nil {
			c.heads.moved = map[string]bool{}
		}
		c.heads.moved[obj.GetNamespace()] = true
	}
	c.mu.Unlock()
	c.fleet.wake()
}

// count brings the environments of all providers up to date with what moved.
func (c *Cluster) count() map[string][]reconcile.Environment {
	places, complete := c.places(), c.session.counted()
	news := complete && !c.heads.complete
	next := make(map[string][]reconcile.Environment, len(places))
	look, again := c.session.lookout(c.recognition()), map[string]bool{}
	for provider, namespaces := range places {
		before, there := c.heads.environments[provider]
		again[provider] = news
		if there && !c.heads.all && !news && !slices.ContainsFunc(namespaces, func(ns string) bool { return c.heads.moved[ns] }) {
			next[provider] = before
			continue
		}
		found, err := look(namespaces)
		if err != nil {
			c.reach.wrong(err)
			found = []reconcile.Environment{{ID: "unknown", Name: err.Error()}} // nobody's, so that nothing is taken away
			complete = false
		}
		next[provider] = found
		if !there || !slices.Equal(before, found) {
			c.session.rosterMoved(provider)
			again[provider] = true
		}
	}
	c.lookAgain(again)
	c.heads = headcount{environments: next, complete: complete}
	c.full = c.fullness(places)
	return next
}

// lookout counts the environments in some namespaces, once for all who ask about the same: very many providers may
// share a namespace, and each is told of all that is there.
func (s *session) lookout(r reconcile.Recognition) func(namespaces []string) ([]reconcile.Environment, error) {
	type counted struct {
		found []reconcile.Environment
		err   error
	}
	before := map[string]counted{}
	return func(namespaces []string) ([]reconcile.Environment, error) {
		key := strings.Join(namespaces, " ")
		out, there := before[key]
		if !there {
			out.found, out.err = admission.Environments(r, s.workloads(namespaces))
			before[key] = out
		}
		return out.found, out.err
	}
}

// lookAgain has those releases of some providers looked at whose environments were not all back.
func (c *Cluster) lookAgain(providers map[string]bool) {
	for key := range c.unsure {
		if !providers[c.items[key].Provider] {
			continue
		}
		c.note(key)
		c.fleet.rouse(true)
	}
}

// places are the namespaces in which each provider has environments: those declared, those that its guard
// knows, and those of its releases, whether it is declared or not.
func (c *Cluster) places() map[string][]string {
	out := map[string][]string{}
	for name, p := range c.doors {
		out[name] = append(out[name], p.Admission.Namespaces...)
	}
	for name, seen := range c.session.seenDoors(c.owner) {
		live := seen.live
		out[name] = append(out[name], live.Namespaces...)
	}
	for id, obs := range c.releases {
		if obs.Owner == c.owner && obs.Provider != "" {
			out[obs.Provider] = append(out[obs.Provider], id.Namespace)
		}
	}
	for name := range out {
		slices.Sort(out[name])
		out[name] = slices.Compact(out[name])
	}
	return out
}

// recognition is what is declared, and how those organizations were recognised that are not declared any
// more and still on an allowlist in force.
func (c *Cluster) recognition() reconcile.Recognition {
	out := c.recognised
	for _, seen := range c.session.seenDoors(c.owner) {
		out = out.With(seen.live)
	}
	return out
}
