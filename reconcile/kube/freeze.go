package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/workspace-providers/reconcile/reconcile"
)

// freezeName is the ConfigMap that stops writes, in the namespace of our Leases: an entry for each scope.
// It belongs to no deployment, so that it can be written when nothing is known but the cluster.
const freezeName = "reconcile-freeze"

// frozenEntry is what an entry holds.
type frozenEntry struct {
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	Until  time.Time `json:"until"`
}

// The scopes of a freeze.
const (
	frozenAll      = "all"
	frozenDeletes  = "deletes"
	frozenProvider = "provider."
)

// scopeOf is the entry of a freeze.
func scopeOf(f reconcile.Freeze) string {
	switch {
	case f.Provider != "":
		return frozenProvider + f.Provider
	case f.Deletes:
		return frozenDeletes
	}
	return frozenAll
}

// Freeze stops what would be changed in the cluster, by whichever process. It needs no Lease.
func (c *Cluster) Freeze(ctx context.Context, f reconcile.Freeze) error {
	entry, err := json.Marshal(frozenEntry{f.Reason, f.By, f.Until.UTC()})
	if err != nil {
		return err
	}
	return c.writeFreeze(ctx, map[string]any{scopeOf(f): string(entry)})
}

// Thaw ends a freeze of the same scope; where there is none, nothing happens.
func (c *Cluster) Thaw(ctx context.Context, f reconcile.Freeze) error {
	return c.writeFreeze(ctx, map[string]any{scopeOf(f): nil})
}

// writeFreeze changes entries of the freeze, and leaves the others.
func (c *Cluster) writeFreeze(ctx context.Context, entries map[string]any) error {
	s, err := c.current()
	if err != nil {
		return err
	}
	api, ctx := s.kube.CoreV1().ConfigMaps(c.fleet.Namespace), withoutFence(ctx)
	patch, err := json.Marshal(map[string]any{"data": entries})
	if err != nil {
		return err
	}
	_, err = api.Patch(ctx, freezeName, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
	if !apierrors.IsNotFound(err) {
		return err
	}
	data := map[string]string{}
	for scope, entry := range entries {
		if text, is := entry.(string); is {
			data[scope] = text
		}
	}
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: freezeName, Labels: map[string]string{stateLabel: "freeze"}}, Data: data}
	_, err = api.Create(ctx, cm, metav1.CreateOptions{FieldManager: fieldManager})
	return err
}

// freezes are those that hold now, in the order of their scopes. An entry that cannot be read stops
// everything until somebody corrects it: whoever wrote it wanted something stopped.
func (s *session) freezes(now time.Time) []reconcile.Freeze {
	got, there, err := s.state.GetStore().GetByKey(s.cluster.fleet.Namespace + "/" + freezeName)
	if err != nil || !there {
		return nil
	}
	var out []reconcile.Freeze
	for scope, text := range got.(*corev1.ConfigMap).Data {
		var e frozenEntry
		f := reconcile.Freeze{Deletes: scope == frozenDeletes}
		f.Provider, _ = strings.CutPrefix(scope, frozenProvider)
		if f.Provider == scope {
			f.Provider = ""
		}
		if err := json.Unmarshal([]byte(text), &e); err != nil || e.Until.IsZero() {
			f, e = reconcile.Freeze{}, frozenEntry{
				Reason: fmt.Sprintf("entry %q of ConfigMap %s/%s cannot be read; correct or remove it", scope, s.cluster.fleet.Namespace, freezeName),
				By:     "nobody known", Until: now.Add(time.Hour),
			}
		}
		f.Reason, f.By, f.Until = e.Reason, cmp.Or(e.By, "nobody known"), e.Until
		if f.Until.After(now) {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b reconcile.Freeze) int { return cmp.Compare(scopeOf(a), scopeOf(b)) })
	return out
}

// frozen says why an action must not go on now; nil: it may.
func (op *operation) frozen() error { return op.session.frozen(op.action) }

func (s *session) frozen(a reconcile.Action) error {
	now := time.Now()
	for _, f := range s.freezes(now) {
		if f.Stops(a, now) {
			return frozen(f)
		}
	}
	return nil
}

// frozen is the error of what a freeze stopped.
func frozen(f reconcile.Freeze) error {
	return fmt.Errorf("%w: %s (%s)", reconcile.ErrFrozen, f.Reason, f.By)
}
