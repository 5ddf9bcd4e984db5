package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/workspace-providers/reconcile/reconcile"
)

// tellingLabel marks the ConfigMaps in which replicas tell of clusters; its value is the deployment.
const tellingLabel = markPrefix + "telling"

// What is told of a cluster: what is there, and what actions would do there.
const (
	tellsState    = "state"
	tellsPreviews = "previews"
)

func tellingName(owner, what, cluster string) string {
	return "reconcile-" + owner + "." + what + "." + cluster
}

// tellPause is how long a replica gathers what it tells.
const tellPause = time.Second

// draft is what we tell of a cluster.
type draft struct {
	live     reconcile.ClusterLive
	previews map[foretoldKey]reconcile.Preview // what was looked at lately
	recent   []foretoldKey                     // its keys, the oldest first
	unsent   map[string]bool                   // what of this is to be written
	told     bool                              // we have told of it
}

// heardOf is what others tell of a cluster.
type heardOf struct {
	by       string // who tells of its state
	live     reconcile.ClusterLive
	previews map[foretoldKey]reconcile.Preview
	news     chan struct{} // closed when there are other previews
}

// missed says whether a replica that lives does not reach a cluster.
func (h *hub) missed(cluster string) bool {
	return slices.ContainsFunc(h.living(time.Now()), func(name string) bool {
		return name != h.replica && h.peers[name].misses[cluster]
	})
}

// tell has those who do not reach a cluster know how it is there, where it is ours to say so.
func (h *hub) tell(cluster string, live reconcile.ClusterLive) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.draft(cluster)
	if !h.missed(cluster) || !live.Held && !d.told {
		return
	}
	if other := h.others[cluster]; !live.Held && other != nil && other.by != h.replica {
		return // somebody else came to act on it
	}
	if !d.told && len(d.previews) > 0 {
		d.unsent[tellsPreviews] = true
	}
	d.told = true
	live.Noting = false // which is about us
	if reflect.DeepEqual(live, d.live) {
		return
	}
	d.live, d.unsent[tellsState] = live, true
	h.hasNews()
}

// draft is what we tell of a cluster. The caller holds mu.
func (h *hub) draft(cluster string) *draft {
	if h.drafts[cluster] == nil {
		h.drafts[cluster] = &draft{previews: map[foretoldKey]reconcile.Preview{}, unsent: map[string]bool{}}
	}
	return h.drafts[cluster]
}

// hasNews wakes who writes. The caller holds mu.
func (h *hub) hasNews() {
	select {
	case h.news <- struct{}{}:
	default:
	}
}

// write writes what is to be told, until ctx ends.
func (h *hub) write(ctx context.Context, client kubernetes.Interface) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.news:
		}
		select { // what else happens is told with it
		case <-ctx.Done():
			return
		case <-time.After(tellPause):
		}
		if err := h.flush(ctx, client); err != nil && ctx.Err() == nil {
			h.fleet.complain(err)
			time.AfterFunc(leaseKnock, h.hasNews)
		}
	}
}

// flush writes everything that was not written yet.
func (h *hub) flush(ctx context.Context, client kubernetes.Interface) error {
	var errs []error
	for cluster, d := range h.unwritten() {
		for what := range d.unsent {
			if err := h.writeOne(ctx, client, cluster, what, d); err != nil {
				errs = append(errs, fmt.Errorf("telling of cluster %s: %w", cluster, err))
				h.mu.Lock()
				h.drafts[cluster].unsent[what] = true
				h.mu.Unlock()
			}
		}
	}
	return errors.Join(errs...)
}

// unwritten takes what was not written yet.
func (h *hub) unwritten() map[string]draft {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[string]draft{}
	for cluster, d := range h.drafts {
		if len(d.unsent) > 0 {
			out[cluster] = draft{live: d.live, previews: maps.Clone(d.previews), recent: slices.Clone(d.recent), unsent: d.unsent}
			d.unsent = map[string]bool{}
		}
	}
	return out
}

// writeOne writes one ConfigMap.
func (h *hub) writeOne(ctx context.Context, client kubernetes.Interface, cluster, what string, d draft) error {
	var data []byte
	var err error
	if what == tellsState {
		data, err = zipped(tell(h.replica, d.live))
	} else {
		data, err = foretell(d)
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, leaseRequest)
	defer cancel()
	owner := h.fleet.owned()
	cm := applycorev1.ConfigMap(tellingName(owner, what, cluster), h.fleet.Namespace).
		WithLabels(map[string]string{tellingLabel: owner}).WithBinaryData(map[string][]byte{what: data})
	_, err = client.CoreV1().ConfigMaps(h.fleet.Namespace).Apply(ctx, cm, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	return err
}

// listen watches what others tell, from when there is a cluster that we do not reach, until ctx ends.
func (h *hub) listen(ctx context.Context, client kubernetes.Interface) {
	for len(h.fleet.missing()) == 0 {
		select {
		case <-ctx.Done():
			return
		case <-time.After(leaseKnock):
		}
	}
	owner := h.fleet.owned()
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(h.fleet.Namespace),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = tellingLabel + "=" + owner }))
	inf := factory.Core().V1().ConfigMaps().Informer()
	err := inf.SetTransform(h.hear)
	if err == nil {
		err = inf.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *cache.Reflector, err error) {
			h.fleet.complain(fmt.Errorf("what others tell cannot be read: %w", err))
		})
	}
	if err != nil {
		h.fleet.complain(err)
		return
	}
	inf.RunWithContext(ctx)
}

// hear takes in what somebody tells, and leaves of the ConfigMap only its name: the rest would be kept twice.
func (h *hub) hear(obj any) (any, error) {
	cm, is := obj.(*corev1.ConfigMap)
	if !is {
		return obj, nil
	}
	what, cluster, _ := strings.Cut(strings.TrimPrefix(cm.Name, "reconcile-"+h.fleet.owned()+"."), ".")
	if err := h.take(what, cluster, cm.BinaryData[what]); err != nil {
		h.fleet.complain(fmt.Errorf("what is told of cluster %s: %w", cluster, err))
	}
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: cm.Name, Namespace: cm.Namespace, ResourceVersion: cm.ResourceVersion,
	}}, nil
}

// take notes what is told of a cluster.
func (h *hub) take(what, cluster string, data []byte) error {
	if what == tellsPreviews {
		return h.takePreviews(cluster, data)
	}
	var t telling
	if err := unzipped(data, &t); err != nil {
		return err
	}
	h.mu.Lock()
	o := h.other(cluster)
	o.by, o.live = t.By, t.heard()
	h.mu.Unlock()
	h.fleet.wake()
	return nil
}

// other is what others tell of a cluster. The caller holds mu.
func (h *hub) other(cluster string) *heardOf {
	if h.others[cluster] == nil {
		h.others[cluster] = &heardOf{news: make(chan struct{})}
	}
	return h.others[cluster]
}

// told is a cluster that we do not reach as somebody who does tells of it. Who tells has to live: what he told before
// is known, and decides nothing.
func (h *hub) told(cluster string) (live reconcile.ClusterLive, there bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	o := h.others[cluster]
	if o == nil || o.by == "" || o.by == h.replica {
		return reconcile.ClusterLive{}, false
	}
	live = o.live
	live.Held, live.Via = false, o.by
	switch {
	case !slices.Contains(h.living(time.Now()), o.by):
		live.Reachable = false
		live.Err = fmt.Sprintf("replica %s, which told of cluster %s, is not heard of any more", o.by, cluster)
	case live.Err != "":
		live.Err = fmt.Sprintf("replica %s: %s", o.by, live.Err)
	}
	return live, true
}
