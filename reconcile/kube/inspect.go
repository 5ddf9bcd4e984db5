package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Object is an object of a release, for somebody who looks closer.
type Object struct {
	Kind, Namespace, Name string
	Health                reconcile.Health // unknown while nobody watches its kind
	Message               string           // in its own words
	Events                []Event          // newest first; of what is not well alone
}

// Event is what a cluster said lately of an object or of one of its pods.
type Event struct {
	At      time.Time
	About   string // "Pod/envproxy-0"
	Reason  string
	Message string // empty where it may quote a Secret's value
	Count   int    // how often it was said
}

const (
	heardFor    = 5 * time.Second // so long the same events are told to all who ask
	heardWithin = 3 * time.Second
	maxTroubled = 3 // objects that are not well whose events are asked for
	maxPods     = 3 // of each, likewise
	maxEvents   = 5 // of each that are told
)

// Inspect tells the objects of a release as the watches have them, and what the cluster says of those that are not
// well. It asks the cluster for that alone, and seldom. Where it may not, there are no events.
func (c *Cluster) Inspect(ctx context.Context, id reconcile.ID) []Object {
	key := releaseKey{id.Namespace, id.Name}
	s, out, troubled, blind := c.objects(key)
	if len(troubled) == 0 {
		return out
	}
	events := c.events.about(key, func() map[objectRef][]Event {
		ctx, cancel := context.WithTimeout(ctx, heardWithin)
		defer cancel()
		return s.hear(ctx, troubled)
	})
	for i := range troubled {
		told := slices.Clone(events[troubled[i].ref])
		for j := range told {
			if blind {
				told[j].Message = ""
			}
		}
		out[troubled[i].at].Events = told
	}
	return out
}

// troubled is an object that is not well, and where it stands among the others.
type troubled struct {
	*object
	ref objectRef
	at  int
}

// objects are those of a release, which of them are not well, and whether what is said of them may quote a Secret.
func (c *Cluster) objects(key releaseKey) (s *session, out []Object, bad []troubled, blind bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.known[key]
	if k == nil || c.session == nil {
		return nil, nil, nil, false
	}
	for _, ref := range k.objects {
		o := Object{Kind: ref.kind, Namespace: ref.namespace, Name: ref.name, Health: reconcile.HealthUnknown}
		switch obj, known := c.session.object(ref); {
		case known && obj == nil:
			o.Health, o.Message = reconcile.Unhealthy, "is gone"
		case known:
			o.Health, o.Message = obj.health, obj.message
			if obj.health != reconcile.Healthy && len(bad) < maxTroubled {
				bad = append(bad, troubled{obj, ref, len(out)})
			}
		}
		out = append(out, o)
	}
	return c.session, out, bad, len(secretive(c.items[key])) > 0
}

// hear asks for the newest events of objects and of their pods.
func (s *session) hear(ctx context.Context, bad []troubled) map[objectRef][]Event {
	out := map[objectRef][]Event{}
	for _, t := range bad {
		events := s.eventsOf(ctx, t.ref.namespace, string(t.UID))
		if t.selector != nil {
			pods, err := s.kube.CoreV1().Pods(t.ref.namespace).List(ctx, metav1.ListOptions{LabelSelector: t.selector.String(), Limit: maxPods})
			if err != nil {
				continue
			}
			for i := range pods.Items {
				events = append(events, s.eventsOf(ctx, t.ref.namespace, string(pods.Items[i].UID))...)
			}
		}
		slices.SortStableFunc(events, func(a, b Event) int { return b.At.Compare(a.At) })
		out[t.ref] = events[:min(len(events), maxEvents)]
	}
	return out
}

// eventsOf are the events of one object, none where they cannot be read.
func (s *session) eventsOf(ctx context.Context, namespace, uid string) (out []Event) {
	list, err := s.kube.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("involvedObject.uid", uid).String(), Limit: 100,
	})
	if err != nil {
		return nil
	}
	for i := range list.Items {
		out = append(out, eventOf(&list.Items[i]))
	}
	return out
}

func eventOf(e *corev1.Event) Event {
	at := cmp.Or(e.LastTimestamp.Time, e.EventTime.Time, e.CreationTimestamp.Time)
	count := max(int(e.Count), 1)
	if e.Series != nil {
		at, count = e.Series.LastObservedTime.Time, int(e.Series.Count)
	}
	return Event{
		At: at, About: fmt.Sprintf("%s/%s", e.InvolvedObject.Kind, e.InvolvedObject.Name), Reason: e.Reason, Message: e.Message, Count: count,
	}
}

// eventCache is what a cluster said lately, so that a page that many look at does not have it asked for each of them.
type eventCache struct {
	mu   sync.Mutex // guards what follows
	kept map[releaseKey]heard
}

type heard struct {
	at     time.Time
	events map[objectRef][]Event
}

// about is what is said of a release, asked for at most once at a time and every few seconds.
func (h *eventCache) about(key releaseKey, ask func() map[objectRef][]Event) map[objectRef][]Event {
	h.mu.Lock()
	last, there := h.kept[key]
	if there && time.Since(last.at) < heardFor {
		h.mu.Unlock()
		return last.events
	}
	if h.kept == nil {
		h.kept = map[releaseKey]heard{}
	}
	for other, of := range h.kept {
		if time.Since(of.at) >= heardFor {
			delete(h.kept, other)
		}
	}
	h.kept[key] = heard{time.Now(), last.events} // for who asks meanwhile
	h.mu.Unlock()
	events := ask()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept[key] = heard{time.Now(), events}
	return events
}
