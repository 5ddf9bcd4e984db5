package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	registration "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/admission"
)

// doorwork is one action on the guard of a provider.
type doorwork struct {
	*Cluster
	session *session
	action  reconcile.Action
	seen    doorSeen
	there   bool
}

// doDoor carries out an action about what guards a provider, or about who may come in.
func (c *Cluster) doDoor(ctx context.Context, a reconcile.Action) error {
	s, err := c.current()
	if err != nil {
		return err
	}
	if !c.lease.free() {
		return fenced(c.lease.holding())
	}
	w := &doorwork{Cluster: c, session: s, action: a}
	defer c.lockDoor(a.Provider)()
	w.seen, w.there = s.seenDoors(c.owner)[a.Provider]
	if before, there := s.seenDoors(c.owner)[a.Have.Provider]; there && !w.there {
		w.inherit(before)
	}
	switch {
	case a.ID.Kind == reconcile.KindAdmission && (a.Op == reconcile.OpDelete || a.Op == reconcile.OpOrphan):
		return w.remove(ctx)
	case a.ID.Kind == reconcile.KindAdmission:
		return w.put(ctx, w.guard(*a.Want.Admission), w.leaving())
	case a.Op == reconcile.OpDelete || a.Op == reconcile.OpOrphan:
		return w.dismiss(ctx)
	}
	return w.admit(ctx)
}

// lockDoor lets one writer at a time at a provider's guard: its organizations share the objects.
func (c *Cluster) lockDoor(provider string) (unlock func()) {
	c.mu.Lock()
	if c.doorLocks == nil {
		c.doorLocks = map[string]*sync.Mutex{}
	}
	lock := c.doorLocks[provider]
	if lock == nil {
		lock = &sync.Mutex{}
		c.doorLocks[provider] = lock
	}
	c.mu.Unlock()
	lock.Lock()
	return lock.Unlock
}

// deletion is the declared end of a provider, and of one that is not declared any more what was.
func (c *Cluster) deletion(provider string, recorded reconcile.Policy) reconcile.Policy {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p, declared := c.doors[provider]; declared {
		return p.Deletion
	}
	return recorded
}

// inherit begins with whom another guard lets in and knows: the provider's own, from when it had another name.
func (w *doorwork) inherit(before doorSeen) {
	w.seen.guard.Open, w.seen.guard.Known = before.guard.Open, before.guard.Known
	w.seen.live.Organizations = before.live.Organizations
}

// guard is the guard as it should be: made from this, with those whom the one that is there lets in, and
// all that exists.
func (w *doorwork) guard(made reconcile.Admission) admission.Guard {
	g := w.seen.guard
	g.Owner, g.Provider, g.Namespace, g.Identity = w.owner, w.action.Provider, w.fleet.Namespace, w.session.identity
	g.Admission, g.Open, g.Known = made, maps.Clone(g.Open), w.roster(w.action.Provider, g.Known)
	if g.Open == nil {
		g.Open = map[string]bool{}
	}
	return g
}

// leaving are those that the door is closed to and that are still on the allowlist.
func (w *doorwork) leaving() map[string]bool {
	out := map[string]bool{}
	for name, open := range w.seen.live.Organizations {
		if !open {
			out[name] = true
		}
	}
	return out
}

// admit lets an organization in.
func (w *doorwork) admit(ctx context.Context) error {
	made := w.seen.live.Admission
	if !w.there && w.action.Want.Admission != nil {
		made = *w.action.Want.Admission
	}
	g, leaving := w.guard(made), w.leaving()
	g.Open[w.action.Organization] = true
	delete(leaving, w.action.Organization)
	return w.put(ctx, g, leaving)
}

// put makes the cluster hold a guard: what is new first, parameters before all, and what is left over last,
// so that nothing passes in between that would not before and after.
func (w *doorwork) put(ctx context.Context, g admission.Guard, leaving map[string]bool) error {
	objects, err := g.Objects()
	if err != nil {
		return err
	}
	if err := w.mark(&objects, g, leaving); err != nil {
		return err
	}
	if w.session.doors.policies == nil {
		objects.Policy, objects.Bindings = nil, nil
	}
	if len(objects.Bindings) > 0 {
		if _, err := w.keeper(ctx); err != nil {
			return err
		}
	}
	if err := w.write(ctx, objects); err != nil {
		return err
	}
	if err := w.drop(ctx, objects); err != nil {
		return err
	}
	return w.waitFor(ctx, objects)
}

// keeper makes the cluster hold what keeps its servers reading parameters; fresh says that it did not.
func (w *doorwork) keeper(ctx context.Context) (fresh bool, err error) {
	policy, binding := admission.Keeper()
	_, judges, _ := w.session.doors.policies.GetStore().GetByKey(policy.Name)
	_, bound, _ := w.session.doors.bindings.GetStore().GetByKey(binding.Name)
	if judges && bound {
		return false, nil
	}
	return true, w.applyAll(ctx, []doorObject{&policy, &binding})
}

// mark puts on the parameters what is not for the policy: what they were made from, by whom, and what is to
// happen to them. A guard that only has its allowlist so far is not said to be made yet.
func (w *doorwork) mark(o *admission.Objects, g admission.Guard, leaving map[string]bool) error {
	gone, err := json.Marshal(slices.Sorted(maps.Keys(leaving)))
	if err != nil {
		return err
	}
	declared := []byte(w.seen.declared())
	if w.action.ID.Kind == reconcile.KindAdmission {
		if declared, err = json.Marshal(g.Admission); err != nil {
			return err
		}
	}
	policy := w.deletion(w.action.Provider, w.seen.live.Deletion)
	for i := range o.Parameters {
		cm := &o.Parameters[i]
		cm.Labels[stateLabel], cm.Labels[markPolicy] = "admission", string(policy)
		if i == 0 {
			cm.Annotations = map[string]string{
				commitAnno: w.action.Commit.SHA, leavingAnno: string(gone), writerAnno: w.session.identity,
			}
			if len(declared) > 0 {
				cm.Annotations[declaredAnno] = string(declared)
			}
		}
	}
	return nil
}

// declared is what stands on the guard that is there about what it was made from.
func (d doorSeen) declared() string {
	for _, cm := range d.there.parameters {
		if text := cm.Annotations[declaredAnno]; text != "" {
			return text
		}
	}
	return ""
}

// write applies what is not there as it should be: what is new, and, when every server has heard of it, what
// has changed. Else a range of environments that moves from one shard to a new one would be nobody's for a
// moment.
func (w *doorwork) write(ctx context.Context, o admission.Objects) error {
	fresh, changed := w.sorted(o)
	if err := w.applyAll(ctx, fresh); err != nil {
		return err
	}
	if len(fresh) > 0 && len(changed) > 0 && len(w.seen.there.bindings) > 0 {
		if err := spread(ctx); err != nil {
			return err
		}
	}
	return w.applyAll(ctx, changed)
}

// spread waits until every server has heard of what was written.
func spread(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(closedFor):
		return nil
	}
}

// sorted are the objects that are new, and those that are not as they should be, each in order.
func (w *doorwork) sorted(o admission.Objects) (fresh, changed []doorObject) {
	there := w.seen.there
	add := func(obj doorObject, is, same bool) {
		switch {
		case !is:
			fresh = append(fresh, obj)
		case !same:
			changed = append(changed, obj)
		}
	}
	for i := range o.Parameters {
		have := there.parameters[o.Parameters[i].Name]
		add(&o.Parameters[i], have != nil, have != nil && sameParameters(have, &o.Parameters[i]))
	}
	if o.Policy != nil {
		add(o.Policy, there.policy != nil, there.policy != nil && reflect.DeepEqual(there.policy.Spec, o.Policy.Spec))
	}
	for i := range o.Bindings {
		have := there.bindings[o.Bindings[i].Name]
		add(&o.Bindings[i], have != nil, have != nil && reflect.DeepEqual(have.Spec, o.Bindings[i].Spec))
	}
	return fresh, changed
}

func (w *doorwork) applyAll(ctx context.Context, all []doorObject) error {
	for _, obj := range all {
		if err := w.apply(ctx, obj); err != nil {
			return err
		}
	}
	return nil
}

func sameParameters(a, b *corev1.ConfigMap) bool {
	return maps.Equal(a.Data, b.Data) && maps.Equal(a.Labels, b.Labels) && maps.Equal(a.Annotations, b.Annotations)
}

// doorKinds are the kinds that a guard is made of.
var doorKinds = map[string]schema.GroupVersionResource{
	"ConfigMap":                        configMapsResource,
	"ValidatingAdmissionPolicy":        registration.SchemeGroupVersion.WithResource("validatingadmissionpolicies"),
	"ValidatingAdmissionPolicyBinding": registration.SchemeGroupVersion.WithResource("validatingadmissionpolicybindings"),
}

// doorObject is one of them.
type doorObject interface {
	metav1.Object
	runtime.Object
}

// apply writes one object whole.
func (w *doorwork) apply(ctx context.Context, obj doorObject) error {
	if err := w.frozen(); err != nil {
		return err
	}
	body, err := json.Marshal(obj)
	if err != nil {
		return err
	}
	kind := obj.GetObjectKind().GroupVersionKind().Kind
	_, err = w.session.meta.Resource(doorKinds[kind]).Namespace(obj.GetNamespace()).Patch(ctx, obj.GetName(),
		types.ApplyPatchType, body, metav1.PatchOptions{FieldManager: fieldManager, Force: new(true)})
	if err != nil {
		return fmt.Errorf("writing %s %s: %w", kind, obj.GetName(), err)
	}
	return nil
}

// drop removes what a guard does not need any more, bindings first: where a server still has one of them and
// its parameters are gone, everybody is refused.
func (w *doorwork) drop(ctx context.Context, keep admission.Objects) error {
	needed := map[string]bool{}
	for i := range keep.Parameters { // a binding has the name of its parameters
		needed[keep.Parameters[i].Name] = true
	}
	judging := leftOver(w.seen.there.bindings, needed)
	if keep.Policy == nil {
		judging = slices.Sorted(maps.Keys(w.seen.there.bindings))
	}
	if err := w.unbind(ctx, judging); err != nil {
		return err
	}
	if p := w.seen.there.policy; p != nil && keep.Policy == nil {
		if err := w.delete(ctx, "ValidatingAdmissionPolicy", p.Name); err != nil {
			return err
		}
	}
	if len(judging) > 0 {
		if err := spread(ctx); err != nil {
			return err
		}
	}
	return w.deleteAll(ctx, "ConfigMap", leftOver(w.seen.there.parameters, needed))
}

// unbind removes bindings, when the keeper is known to every server.
func (w *doorwork) unbind(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	fresh, err := w.keeper(ctx)
	if err == nil && fresh {
		err = spread(ctx)
	}
	if err != nil {
		return err
	}
	return w.deleteAll(ctx, "ValidatingAdmissionPolicyBinding", names)
}

// leftOver are the names of what is there and not needed, sorted.
func leftOver[T any](there map[string]T, needed map[string]bool) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(there)), func(name string) bool { return needed[name] })
}

func (w *doorwork) deleteAll(ctx context.Context, kind string, names []string) error {
	for _, name := range names {
		if err := w.delete(ctx, kind, name); err != nil {
			return err
		}
	}
	return nil
}

func (w *doorwork) delete(ctx context.Context, kind, name string) error {
	if err := w.frozen(); err != nil {
		return err
	}
	namespace := ""
	if kind == "ConfigMap" {
		namespace = w.fleet.Namespace
	}
	err := w.session.meta.Resource(doorKinds[kind]).Namespace(namespace).Delete(ctx, name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("removing %s %s: %w", kind, name, err)
	}
	return nil
}

// remove takes a guard away, when the one that comes after it, if there is one, is known to every server.
func (w *doorwork) remove(ctx context.Context) error {
	if heir := w.action.Want.Provider; heir != "" && heir != w.action.Provider {
		if err := w.refused(ctx, heir, nobody); err != nil {
			return err
		}
	}
	if err := w.drop(ctx, admission.Objects{}); err != nil {
		return err
	}
	return caughtUp(ctx, func() bool {
		_, there := w.session.seenDoors(w.owner)[w.action.Provider]
		return !there
	})
}

// waitFor waits until the watches show what was written.
func (w *doorwork) waitFor(ctx context.Context, o admission.Objects) error {
	return caughtUp(ctx, func() bool {
		there := w.session.seenDoors(w.owner)[w.action.Provider].there
		for i := range o.Parameters {
			if have := there.parameters[o.Parameters[i].Name]; have == nil || !sameParameters(have, &o.Parameters[i]) {
				return false
			}
		}
		return len(there.parameters) == len(o.Parameters) && len(there.bindings) == len(o.Bindings)
	})
}

// frozen says why nothing may be written now.
func (w *doorwork) frozen() error { return w.session.frozen(w.action) }
