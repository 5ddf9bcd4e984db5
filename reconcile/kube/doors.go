package kube

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	registration "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/admission"
)

// What stands on the first ConfigMap of a provider's guard beside its parameters.
const (
	declaredAnno = markPrefix + "declared" // what it was made from, as JSON
	commitAnno   = markPrefix + "commit"   // by which revision of the declarations
	writerAnno   = markPrefix + "writer"   // by which user of the cluster
	leavingAnno  = markPrefix + "leaving"  // organizations that the door is closed to and that are still on the allowlist, as JSON
)

// doors are what guards providers in a cluster, as the watches have it. Each is read again only after
// something of it moved.
type doors struct {
	policies cache.SharedIndexInformer // nil: this cluster has no such thing
	bindings cache.SharedIndexInformer
	why      string // there are none

	byProvider map[string]doorSeen // guarded by the session's mu
	moved      map[string]bool     // providers whose entry is old, guarded likewise
	all        bool                // every entry is old
	rosters    map[string]bool     // providers whose guards may have to be told which environments exist, guarded likewise
}

// doorSeen is what is known of one provider's guard.
type doorSeen struct {
	live  reconcile.AdmissionLive
	guard admission.Guard // by which it is what it should be
	there doorThere
}

// doorThere are the objects that are there.
type doorThere struct {
	policy     *registration.ValidatingAdmissionPolicy
	bindings   map[string]*registration.ValidatingAdmissionPolicyBinding
	parameters map[string]*corev1.ConfigMap
}

// followDoors watches policies and bindings that are ours, where the cluster has such a thing.
func (s *session) followDoors() error {
	gk := schema.GroupKind{Group: registration.GroupName, Kind: "ValidatingAdmissionPolicy"}
	if _, err := s.mapper.RESTMapping(gk, "v1"); err != nil {
		s.doors.why = "Kubernetes " + s.version() + " has no ValidatingAdmissionPolicy; there is one since v1.30"
		return nil
	}
	factory := informers.NewSharedInformerFactoryWithOptions(s.kube, 0,
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = admission.LabelProvider }))
	kinds := factory.Admissionregistration().V1()
	s.doors.policies = kinds.ValidatingAdmissionPolicies().Informer()
	s.doors.bindings = kinds.ValidatingAdmissionPolicyBindings().Informer()
	if err := s.watch(s.doors.policies, stripFields, s.doorMoved); err != nil {
		return err
	}
	return s.watch(s.doors.bindings, stripFields, s.doorMoved)
}

// doorMoved notes that something of a provider's guard is not as it was.
func (s *session) doorMoved(obj metav1.Object) {
	s.mu.Lock()
	if obj == nil {
		s.doors.all = true
	} else if provider := obj.GetLabels()[admission.LabelProvider]; provider != "" {
		if s.doors.moved == nil {
			s.doors.moved = map[string]bool{}
		}
		s.doors.moved[provider] = true
	}
	s.mu.Unlock()
	s.cluster.fleet.rouse(true)
}

// doorsListed says whether all guards were listed.
func (s *session) doorsListed() bool {
	return s.state.HasSynced() && (s.doors.policies == nil || s.doors.policies.HasSynced() && s.doors.bindings.HasSynced())
}

// seenDoors are the guards of a deployment, by provider.
func (s *session) seenDoors(owner string) map[string]doorSeen {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.doors.all && len(s.doors.moved) == 0 {
		return s.doors.byProvider
	}
	found := s.gatherDoors(owner)
	next := make(map[string]doorSeen, len(found))
	for provider, there := range found {
		if before, known := s.doors.byProvider[provider]; known && !s.doors.all && !s.doors.moved[provider] {
			next[provider] = before
			continue
		}
		next[provider] = s.readDoor(owner, provider, there)
		if s.doors.rosters == nil {
			s.doors.rosters = map[string]bool{}
		}
		s.doors.rosters[provider] = true
	}
	s.doors.byProvider, s.doors.moved, s.doors.all = next, nil, false
	return next
}

// gatherDoors are the objects of all guards of a deployment.
func (s *session) gatherDoors(owner string) map[string]doorThere {
	out := map[string]doorThere{}
	ours := func(obj metav1.Object) (doorThere, string, bool) {
		labels := obj.GetLabels()
		provider := labels[admission.LabelProvider]
		if labels[admission.LabelOwner] != owner || provider == "" {
			return doorThere{}, "", false
		}
		d, there := out[provider]
		if !there {
			d.bindings = map[string]*registration.ValidatingAdmissionPolicyBinding{}
			d.parameters = map[string]*corev1.ConfigMap{}
		}
		return d, provider, true
	}
	for _, one := range s.state.GetStore().List() {
		if d, provider, is := ours(one.(metav1.Object)); is {
			d.parameters[one.(metav1.Object).GetName()] = one.(*corev1.ConfigMap)
			out[provider] = d
		}
	}
	if s.doors.policies == nil {
		return out
	}
	for _, one := range s.doors.policies.GetStore().List() {
		if d, provider, is := ours(one.(metav1.Object)); is {
			d.policy = one.(*registration.ValidatingAdmissionPolicy)
			out[provider] = d
		}
	}
	for _, one := range s.doors.bindings.GetStore().List() {
		if d, provider, is := ours(one.(metav1.Object)); is {
			d.bindings[one.(metav1.Object).GetName()] = one.(*registration.ValidatingAdmissionPolicyBinding)
			out[provider] = d
		}
	}
	return out
}

// readDoor tells from the objects that are there what the guard of a provider is, and where they are not
// what it makes of itself.
func (s *session) readDoor(owner, provider string, there doorThere) doorSeen {
	var parameters []corev1.ConfigMap
	seen := doorSeen{there: there}
	seen.live = reconcile.AdmissionLive{Owner: owner, Organizations: map[string]bool{}}
	for _, cm := range there.parameters {
		parameters = append(parameters, *cm)
		seen.live.Deletion = reconcile.Policy(cm.Labels[markPolicy])
		if text := cm.Annotations[declaredAnno]; text != "" && json.Unmarshal([]byte(text), &seen.live.Admission) == nil {
			seen.live.Commit, seen.guard.Identity = cm.Annotations[commitAnno], cm.Annotations[writerAnno]
			seen.live.Seal()
		}
	}
	state := admission.Read(parameters)
	for name, open := range state.Open {
		if open {
			seen.live.Organizations[name] = true
		}
	}
	for _, name := range leaving(parameters) {
		seen.live.Organizations[name] = false
	}
	seen.guard = admission.Guard{
		Owner: owner, Provider: provider, Namespace: s.cluster.fleet.Namespace, Identity: seen.guard.Identity,
		Admission: seen.live.Admission, Open: state.Open, Known: state.Known, Shards: state.Shards,
	}
	for _, text := range state.Drift {
		seen.live.Drift = append(seen.live.Drift, reconcile.Drift{Object: text})
	}
	if seen.live.Admission.Digest != "" {
		seen.compare(s.doors.policies != nil)
	}
	return seen
}

// leaving are the organizations that the door is closed to and that are still on the allowlist.
func leaving(parameters []corev1.ConfigMap) (out []string) {
	for _, cm := range parameters {
		if text := cm.Annotations[leavingAnno]; text != "" && json.Unmarshal([]byte(text), &out) == nil {
			return out
		}
	}
	return nil
}

// compare notes where the objects that are there are not what the guard makes. Where a cluster knows no
// policies, there are parameters alone.
func (d *doorSeen) compare(policies bool) {
	want, err := d.guard.Objects()
	if err != nil {
		d.drift("guard", err.Error())
		return
	}
	for _, p := range want.Parameters {
		have := d.there.parameters[p.Name]
		d.same("ConfigMap/"+p.Name, have != nil && maps.Equal(p.Data, have.Data))
	}
	d.needed("ConfigMap", len(d.there.parameters), len(want.Parameters))
	if !policies {
		return
	}
	if want.Policy != nil {
		d.same("ValidatingAdmissionPolicy/"+want.Policy.Name, d.there.policy != nil && reflect.DeepEqual(want.Policy.Spec, d.there.policy.Spec))
	} else if d.there.policy != nil {
		d.needed("ValidatingAdmissionPolicy", 1, 0)
	}
	for _, b := range want.Bindings {
		have := d.there.bindings[b.Name]
		d.same("ValidatingAdmissionPolicyBinding/"+b.Name, have != nil && reflect.DeepEqual(b.Spec, have.Spec))
	}
	d.needed("ValidatingAdmissionPolicyBinding", len(d.there.bindings), len(want.Bindings))
}

// same notes an object that is not as it should be.
func (d *doorSeen) same(object string, is bool) {
	if !is {
		d.drift(object, "is not as it was written")
	}
}

// needed notes objects of a kind that are more than there should be.
func (d *doorSeen) needed(kind string, have, want int) {
	if have > want {
		d.drift(kind, fmt.Sprintf("there are %d, needed are %d", have, want))
	}
}

func (d *doorSeen) drift(object, message string) {
	d.live.Drift = append(d.live.Drift, reconcile.Drift{Object: object, Message: message})
}

// admissions are what guards providers, for the plan. A guard that another user has written trusts that one:
// whoever acts on the cluster now writes it anew.
func (s *session) admissions(owner string) map[string]reconcile.AdmissionLive {
	seen := s.seenDoors(owner)
	out := make(map[string]reconcile.AdmissionLive, len(seen))
	for provider, d := range seen {
		live := d.live
		live.Namespace = s.cluster.doorNamespace(provider, live)
		if s.cluster.lease.held() && live.Admission.Digest != "" && d.guard.Identity != s.identity {
			live.Drift = append(slices.Clip(live.Drift), reconcile.Drift{Object: "guard", Message: "was written by user " + d.guard.Identity})
		}
		out[provider] = live
	}
	return out
}

// doorNamespace is the namespace that a guard is shown in: that of the provider.
func (c *Cluster) doorNamespace(provider string, live reconcile.AdmissionLive) string {
	if p, declared := c.doors[provider]; declared {
		return p.Namespace
	}
	if len(live.Namespaces) > 0 {
		return slices.Min(live.Namespaces)
	}
	return ""
}
