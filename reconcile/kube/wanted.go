package kube

import (
	"maps"
	"reflect"
	"slices"

	"github.com/workspace-providers/reconcile/reconcile"
)

// wanted is what is declared about one cluster.
type wanted struct {
	items       []reconcile.Item
	bare        map[string]reconcile.ProviderWant // providers without release, by name
	doors       map[string]reconcile.ProviderWant // providers that are guarded
	recognition reconcile.Recognition
	accessURL   reconcile.AccessURL
}

// want says which releases matter, so that what they refer to is watched too, and which providers are
// there without one. What is wanted as before is not looked at anew.
func (c *Cluster) want(w wanted) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wanted != nil && reflect.DeepEqual(*c.wanted, w) {
		return // each look at the declarations says so
	}
	c.wanted = &w
	c.bare, c.doors, c.recognised, c.heads.all = w.bare, w.doors, w.recognition, true
	urls := knownURLs(w)
	c.allDirty = c.allDirty || !maps.Equal(urls, c.urls)
	c.urls = urls
	was := c.items
	c.items = make(map[releaseKey]reconcile.Item, len(w.items))
	for _, it := range w.items {
		key := releaseKey{it.ID.Namespace, it.ID.Name}
		c.items[key] = it
		old, there := was[key]
		if delete(was, key); !there || !reflect.DeepEqual(old, it) {
			c.note(key)
		}
		if k := c.known[key]; k != nil && !slices.Equal(old.Release.Ignore, it.Release.Ignore) {
			k.marks = map[objectRef]string{} // what was as declared may not be, and the other way round
		}
	}
	for key := range was {
		c.note(key)
	}
	c.followWanted()
}

// followWanted watches the kinds that wanted releases take values from.
func (c *Cluster) followWanted() {
	if c.session == nil {
		return
	}
	if err := c.session.followEnvironments(c.recognised); err != nil {
		c.reach.wrong(err)
	}
	for _, it := range c.items {
		for _, ref := range it.Release.References {
			if err := c.session.followRefs(ref.Kind); err != nil {
				c.reach.wrong(err)
			}
		}
	}
}

// refStates is what the wanted releases refer to, as far as it is there, and of which kinds that is not
// known yet.
func (c *Cluster) refStates() (there map[reconcile.RefID]reconcile.RefState, unlisted map[string]bool) {
	there, unlisted = map[reconcile.RefID]reconcile.RefState{}, map[string]bool{}
	for _, it := range c.items {
		for _, ref := range it.Release.References {
			switch obj, listed := c.session.reference(ref.Kind, it.ID.Namespace, ref.Name); {
			case !listed:
				unlisted[ref.Kind] = true
			case obj != nil:
				id := reconcile.RefID{Namespace: it.ID.Namespace, Kind: ref.Kind, Name: ref.Name}
				there[id] = reconcile.RefState{UID: string(obj.UID), Version: obj.ResourceVersion}
			}
		}
	}
	return there, unlisted
}
