package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

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

// Brake freezes and thaws one cluster. It needs no Lease, and knows nothing of the cluster but how to reach it.
type Brake struct {
	api typedcorev1.ConfigMapInterface
}

// Brake is the brake of a cluster by its credentials alone. The namespace is that of our Leases. It asks the
// cluster nothing yet.
func (c Credentials) Brake(cluster, namespace string) (Brake, error) {
	config, err := c.config(cluster, "")
	if err != nil {
		return Brake{}, err
	}
	config = rest.CopyConfig(config)
	config.UserAgent, config.Timeout = "reconcile", requestTimeout
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return Brake{}, err
	}
	return Brake{client.CoreV1().ConfigMaps(namespace)}, nil
}

// Names are the clusters that there is a kubeconfig file for, and the one this runs in, sorted.
func (c Credentials) Names() ([]string, error) {
	names := map[string]bool{}
	if c.Dir != "" {
		entries, err := os.ReadDir(c.Dir)
		if err != nil {
			return nil, fmt.Errorf("looking for kubeconfigs: %w", err)
		}
		for _, e := range entries {
			if name, is := strings.CutSuffix(e.Name(), suffix); is {
				names[name] = true
			}
		}
	}
	if _, err := rest.InClusterConfig(); err == nil {
		names[c.home()] = true
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// Freeze stops what would be changed in the cluster, by whichever process.
func (b Brake) Freeze(ctx context.Context, f reconcile.Freeze) error {
	entry, err := json.Marshal(frozenEntry{f.Reason, f.By, f.Until.UTC()})
	if err != nil {
		return err
	}
	return b.write(ctx, map[string]any{scopeOf(f): string(entry)})
}

// Thaw ends a freeze of the same scope; where there is none, nothing happens.
func (b Brake) Thaw(ctx context.Context, f reconcile.Freeze) error {
	return b.write(ctx, map[string]any{scopeOf(f): nil})
}

// Freezes are those that hold now.
func (b Brake) Freezes(ctx context.Context) ([]reconcile.Freeze, error) {
	cm, err := b.api.Get(ctx, freezeName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return readFreezes(cm, time.Now()), nil
}

// write changes entries of the freeze, and leaves the others. Nothing is created to take entries off.
func (b Brake) write(ctx context.Context, entries map[string]any) error {
	patch, err := json.Marshal(map[string]any{"data": entries})
	if err != nil {
		return err
	}
	_, err = b.api.Patch(ctx, freezeName, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
	if !apierrors.IsNotFound(err) {
		return err
	}
	data := map[string]string{}
	for scope, entry := range entries {
		if text, is := entry.(string); is {
			data[scope] = text
		}
	}
	if len(data) == 0 {
		return nil
	}
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: freezeName, Labels: map[string]string{stateLabel: "freeze"}}, Data: data}
	_, err = b.api.Create(ctx, cm, metav1.CreateOptions{FieldManager: fieldManager})
	return err
}

// freezes are those that hold now, as the watch has them.
func (s *session) freezes(now time.Time) []reconcile.Freeze {
	got, there, err := s.state.GetStore().GetByKey(s.cluster.fleet.Namespace + "/" + freezeName)
	if err != nil || !there {
		return nil
	}
	return readFreezes(got.(*corev1.ConfigMap), now)
}

// readFreezes reads those that hold now, in the order of their scopes. An entry that cannot be read stops
// everything until somebody corrects it: whoever wrote it wanted something stopped.
func readFreezes(cm *corev1.ConfigMap, now time.Time) []reconcile.Freeze {
	var out []reconcile.Freeze
	for scope, text := range cm.Data {
		var e frozenEntry
		f := reconcile.Freeze{Deletes: scope == frozenDeletes}
		f.Provider, _ = strings.CutPrefix(scope, frozenProvider)
		if f.Provider == scope {
			f.Provider = ""
		}
		if err := json.Unmarshal([]byte(text), &e); err != nil || e.Until.IsZero() {
			f, e = reconcile.Freeze{}, frozenEntry{
				Reason: fmt.Sprintf("entry %q of ConfigMap %s/%s cannot be read; correct or remove it", scope, cm.Namespace, freezeName),
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
