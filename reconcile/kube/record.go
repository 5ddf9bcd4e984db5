package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/informers"

	"github.com/workspace-providers/reconcile/reconcile"
)

// record is what we remember of a release beside Helm: in a ConfigMap, so that a restarted process, or
// another one, knows it too. Losing it costs time and nothing else.
type record struct {
	Revision   int          `json:"revision"` // of the release, that the rest is about
	Digest     string       `json:"digest"`
	Commit     string       `json:"commit"`           // that the release was last changed by
	Author     string       `json:"author,omitempty"` // of the commit
	Applied    time.Time    `json:"applied"`
	ReadySince *time.Time   `json:"readySince,omitempty"`
	Objects    []recorded   `json:"objects"`
	History    []transition `json:"history,omitempty"` // the last ones, newest first
}

// recorded is one object of a release, with the mark it had when it was last known to be as declared.
type recorded struct {
	Group     string `json:"group,omitempty"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	Mark      string `json:"mark,omitempty"`
}

func (r recorded) ref() objectRef { return objectRef{r.Group, r.Kind, r.Namespace, r.Name} }

// transition is one change of a release.
type transition struct {
	At       time.Time `json:"at"`
	Op       string    `json:"op"`
	Reason   string    `json:"reason"`
	Revision int       `json:"revision"` // of the release
	Commit   string    `json:"commit"`
	Author   string    `json:"author,omitempty"`
	Error    string    `json:"error,omitempty"`
}

// maxTransitions bounds a record's history.
const maxTransitions = 20

// retryAnno on a record asks to try again now.
const retryAnno = markPrefix + "retry"

// recordName is the ConfigMap of a release's record, in the release's namespace.
func recordName(release string) string { return "reconcile." + release }

// followRecords watches our ConfigMaps.
func (s *session) followRecords() error {
	factory := informers.NewSharedInformerFactoryWithOptions(s.kube, 0,
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = recordLabel }))
	s.records = factory.Core().V1().ConfigMaps().Informer()
	return s.follow(s.records, stripFields, func(obj metav1.Object) releaseKey {
		return releaseKey{obj.GetNamespace(), obj.GetLabels()[recordLabel]}
	})
}

// stateLabel marks the ConfigMaps that are about the cluster as a whole; its value says what about.
const stateLabel = markPrefix + "state"

// followState watches what is about the cluster as a whole.
func (s *session) followState() error {
	factory := informers.NewSharedInformerFactoryWithOptions(s.kube, 0, informers.WithNamespace(s.stateNamespace),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = stateLabel }))
	s.state = factory.Core().V1().ConfigMaps().Informer()
	return s.follow(s.state, stripFields, func(metav1.Object) releaseKey { return releaseKey{} })
}

// stripFields drops who owns which field, which is more than a record itself.
func stripFields(in any) (any, error) {
	if obj, ok := in.(metav1.Object); ok {
		obj.SetManagedFields(nil)
	}
	return in, nil
}

// record reads the record of a release as the watch has it; none is the zero record.
func (s *session) record(key releaseKey) (rec record, retry bool) {
	got, there, err := s.records.GetStore().GetByKey(key.namespace + "/" + recordName(key.name))
	if err != nil || !there {
		return record{}, false
	}
	cm := got.(*corev1.ConfigMap)
	if json.Unmarshal([]byte(cm.Data["record"]), &rec) != nil {
		return record{}, false // damaged by hand: as good as lost
	}
	return rec, cm.Annotations[retryAnno] != ""
}

// writeRecord replaces the record of a release, and takes a wish to retry off it.
func (s *session) writeRecord(ctx context.Context, key releaseKey, rec record) error {
	rec.History = rec.History[:min(len(rec.History), maxTransitions)]
	text, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("record of %s: %w", key, err)
	}
	cm := applycorev1.ConfigMap(recordName(key.name), key.namespace).
		WithLabels(map[string]string{recordLabel: key.name}).
		WithAnnotations(map[string]string{retryAnno: ""}). // left out it would stay: somebody else set it
		WithData(map[string]string{"record": string(text)})
	_, err = s.kube.CoreV1().ConfigMaps(key.namespace).Apply(ctx, cm, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	if err != nil {
		return fmt.Errorf("record of %s: %w", key, err)
	}
	return nil
}

// dropRecord removes the record of a release that is gone.
func (s *session) dropRecord(ctx context.Context, key releaseKey) error {
	err := s.kube.CoreV1().ConfigMaps(key.namespace).Delete(ctx, recordName(key.name), metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("record of %s: %w", key, err)
	}
	return nil
}

// AskRetry asks whoever acts on the cluster to try a release again now. It is the one thing that somebody
// who does not hold the Lease may write.
func (c *Cluster) AskRetry(ctx context.Context, id reconcile.ID) error {
	s, err := c.current()
	if err != nil {
		return err
	}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, retryAnno, time.Now().UTC().Format(time.RFC3339))
	_, err = s.meta.Resource(configMapsResource).Namespace(id.Namespace).Patch(withoutFence(ctx), recordName(id.Name),
		types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: fieldManager + "-retry"})
	if err != nil {
		return fmt.Errorf("asking to try %s again: %w", id, err)
	}
	return nil
}
