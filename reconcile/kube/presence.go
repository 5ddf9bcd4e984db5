package kube

import (
	"context"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applycoordinationv1 "k8s.io/client-go/applyconfigurations/coordination/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// follow watches the Leases of all replicas until ctx ends.
func (h *hub) follow(ctx context.Context, client kubernetes.Interface) {
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(h.fleet.Namespace),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = replicaLabel + "=" + h.fleet.owned() }))
	inf := factory.Coordination().V1().Leases().Informer()
	saw := func(obj any) {
		if l, is := obj.(*coordinationv1.Lease); is {
			h.saw(l)
		}
	}
	reg, err := inf.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: saw, UpdateFunc: func(_, obj any) { saw(obj) },
		DeleteFunc: func(obj any) {
			if gone, is := obj.(cache.DeletedFinalStateUnknown); is {
				obj = gone.Obj
			}
			if l, is := obj.(*coordinationv1.Lease); is {
				h.lost(l)
			}
		},
	})
	if err != nil {
		h.fleet.complain(err)
		return
	}
	go func() {
		if cache.WaitForCacheSync(ctx.Done(), reg.HasSynced) {
			h.mu.Lock()
			h.listed = true
			h.mu.Unlock()
		}
	}()
	inf.RunWithContext(ctx)
}

// attend says that we live, again and again, until ctx ends, and at once when there is something else to say.
func (h *hub) attend(ctx context.Context, client kubernetes.Interface) {
	for ctx.Err() == nil {
		h.notice()
		from := time.Now()
		err := h.say(ctx, client)
		if err == nil {
			h.mu.Lock()
			h.renewed = from
			h.mu.Unlock()
		}
		wait := leaseRenew
		if err != nil {
			wait = leaseKnock
			if ctx.Err() == nil {
				h.fleet.complain(err)
			}
		}
		select {
		case <-ctx.Done():
		case <-h.bell:
		case <-time.After(wait):
		}
	}
}

// notice has everything looked at anew when other replicas live than before: what those tell who do not live decides
// nothing.
func (h *hub) notice() {
	h.mu.Lock()
	alive := h.living(time.Now())
	news := !slices.Equal(alive, h.noticed)
	h.noticed = alive
	h.mu.Unlock()
	if news {
		h.fleet.rouse(true)
	}
}

// say says that we live, what we do not reach, and when we were last told to look at the repository.
func (h *hub) say(ctx context.Context, client kubernetes.Interface) error {
	ctx, cancel := context.WithTimeout(ctx, leaseRequest)
	defer cancel()
	h.mu.Lock()
	poked := h.poked
	h.mu.Unlock()
	l := applycoordinationv1.Lease(replicaLease(h.fleet.owned(), h.replica), h.fleet.Namespace).
		WithLabels(map[string]string{replicaLabel: h.fleet.owned()}).
		WithAnnotations(map[string]string{missesAnno: strings.Join(h.fleet.missing(), ","), pokeAnno: poked}).
		WithSpec(applycoordinationv1.LeaseSpec().WithHolderIdentity(h.fleet.Identity).
			WithLeaseDurationSeconds(int32(leaseDuration / time.Second)).WithRenewTime(metav1.NowMicro()))
	_, err := client.CoordinationV1().Leases(h.fleet.Namespace).Apply(ctx, l, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	return err
}

// leave says that we live no more.
func (h *hub) leave(client kubernetes.Interface) {
	ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
	defer cancel()
	err := client.CoordinationV1().Leases(h.fleet.Namespace).Delete(ctx, replicaLease(h.fleet.owned(), h.replica), metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		h.fleet.complain(err)
	}
}

// missing are the clusters that cannot be acted on from here: there are no credentials for them, or they could not be
// reached, or refused the Lease, for as long as a Lease counts.
func (f *Fleet) missing() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for name, c := range f.clusters {
		yes, _, since := c.reach.state()
		away := !yes && !since.IsZero() && time.Since(since) > leaseDuration
		if away || c.unknown.Load() || c.lease.barred.Load() {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Speaks says whether this process may tell others what it has known of the deployment since a time: it is the only one,
// or the one that has spoken for all replicas since before then.
func (f *Fleet) Speaks(since time.Time) bool { return f.hub == nil || f.hub.speaks(since) }

// Poke tells all other replicas to look at the repository now.
func (f *Fleet) Poke() {
	if f.hub != nil {
		f.hub.poke()
	}
}

// owned is the name of the deployment.
func (f *Fleet) owned() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.owner
}

// complain logs what is wrong with the hub, once until something else is.
func (f *Fleet) complain(err error) {
	f.mu.Lock()
	news := f.trouble != err.Error()
	f.trouble = err.Error()
	f.mu.Unlock()
	if news && f.Log != nil {
		f.Log.Warn("other replicas cannot be told of", "reason", err.Error())
	}
}
