package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/release"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
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
	Ran        []ran        `json:"environments,omitempty"` // that ran when it was applied
	MoreRan    int          `json:"moreRan,omitempty"`      // how many beyond those
	Survived   bool         `json:"survived,omitempty"`     // none of them was gone at some time since it was Ready
	Objects    []recorded   `json:"objects"`
	Ignored    []string     `json:"ignored,omitempty"` // fields that others might change when the marks of the objects were taken
	URLs       []string     `json:"urls,omitempty"`    // access URLs that it was given and whose marks do not tell them, newest first
	History    []transition `json:"history,omitempty"` // the last ones, newest first
}

// tell fills in what only the record knows of a release.
func (r record) tell(obs *reconcile.Observed) {
	if len(r.History) > 0 && (obs.State == reconcile.Failed || obs.Attempted != "") {
		obs.Failure = r.History[0].Error
	}
	if last := r.last(); last.Error != "" && last.Digest != "" && last.Digest != obs.Digest && obs.State == reconcile.Deployed {
		obs.Tries, obs.Tried, obs.Failure = 1, last.Digest, last.Error // it left nothing behind in Helm's storage
	}
	if r.Revision != obs.Revision {
		return
	}
	obs.Survived = r.Survived
	if r.ReadySince != nil {
		obs.ReadySince = *r.ReadySince
	}
}

// last is the newest transition; the zero one where there is none.
func (r record) last() transition {
	if len(r.History) == 0 {
		return transition{}
	}
	return r.History[0]
}

// made is when the release's revision was made, hooks included; zero: not known.
func (r record) made() (at time.Time) {
	for _, step := range r.History {
		if step.Revision == r.Revision {
			at = step.At
		}
	}
	return at
}

// past is what the release was made, newest first, and which of it can be gone back to. Urls are those that are
// known, by mark.
func (r record) past(revs []revision, urls map[string]string) []reconcile.Past {
	kept := map[string]revision{}
	for _, rev := range revs {
		if rev.status == release.StatusDeployed || rev.status == release.StatusSuperseded {
			kept[rev.labels[markDigest]] = rev
		}
	}
	var out []reconcile.Past
	for _, step := range r.History {
		if step.Digest == "" {
			continue
		}
		rev, there := kept[step.Digest]
		was := reconcile.Past{Digest: step.Digest, Commit: step.Commit, Ready: step.Ready, Kept: there}
		if mark := rev.labels[markAccessURL]; there && rev.ours() && !strings.HasPrefix(mark, ownMark) {
			was.URL = urlOf(mark, urls)
		}
		out = append(out, was)
	}
	return out
}

// spell notes an access URL whose mark is a hash, which nobody could read when it is declared no more. It says
// whether that was not noted yet.
func (r *record) spell(url string) (news bool) {
	if urlMark(url, false) != hashMark(url) && urlMark(url, true) != ownMark+hashMark(url) || slices.Contains(r.URLs, url) {
		return false
	}
	r.URLs = append([]string{url}, r.URLs[:min(len(r.URLs), maxURLs-1)]...)
	return true
}

// maxURLs bounds how many access URLs a record spells out.
const maxURLs = 10

// isReady notes since when the release is Ready.
func (r *record) isReady(since time.Time) {
	r.ReadySince = &since
	for i, step := range r.History {
		if step.Revision == r.Revision && step.Error == "" {
			r.History = slices.Clone(r.History) // the watch has the other one
			r.History[i].Ready = true
			return
		}
	}
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
	Digest   string    `json:"digest,omitempty"` // of the inputs that were applied; none of a rollback
	Ready    bool      `json:"ready,omitempty"`  // it became Ready
}

// steps are what was done to the release, newest first.
func (r record) steps() []reconcile.Step {
	out := make([]reconcile.Step, 0, len(r.History))
	for _, t := range r.History {
		out = append(out, reconcile.Step{
			At: t.At, Op: t.Op, Reason: t.Reason, Revision: t.Revision, Commit: t.Commit, Author: t.Author,
			Error: t.Error, Ready: t.Ready,
		})
	}
	return out
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
	return s.follow(s.records, parseRecord, func(obj metav1.Object) releaseKey {
		return releaseKey{obj.GetNamespace(), obj.GetLabels()[recordLabel]}
	})
}

// recordObject is what is kept of a watched record.
type recordObject struct {
	metav1.ObjectMeta // name, namespace, labels and resourceVersion; nothing else
	record
	retry bool // somebody asked to try again
}

// GetObjectKind and DeepCopyObject make it fit the informers' stores.
func (o *recordObject) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }
func (o *recordObject) DeepCopyObject() runtime.Object   { out := *o; return &out }

// parseRecord reads what the watch receives, once. It is the informer's transform.
func parseRecord(in any) (any, error) {
	cm, ok := in.(*corev1.ConfigMap)
	if !ok {
		return in, nil
	}
	out := &recordObject{retry: cm.Annotations[retryAnno] != ""}
	out.ObjectMeta = metav1.ObjectMeta{
		Name: cm.Name, Namespace: cm.Namespace, Labels: cm.Labels, ResourceVersion: cm.ResourceVersion,
	}
	if json.Unmarshal([]byte(cm.Data["record"]), &out.record) != nil {
		out.record, out.retry = record{}, false // damaged by hand: as good as lost
	}
	return out, nil
}

// record reads the record of a release as the watch has it; none is the zero record.
func (s *session) record(key releaseKey) (rec record, retry bool) {
	if got := s.recordObject(key); got != nil {
		return got.record, got.retry
	}
	return record{}, false
}

func (s *session) recordObject(key releaseKey) *recordObject {
	got, there, err := s.records.GetStore().GetByKey(key.namespace + "/" + recordName(key.name))
	if err != nil || !there {
		return nil
	}
	return got.(*recordObject)
}

// writeRecord replaces the record of a release, and takes a wish to retry off it. It returns when the watch
// shows the new one, so that nobody takes the old one for it and writes again.
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
	got, err := s.kube.CoreV1().ConfigMaps(key.namespace).Apply(ctx, cm, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	if err != nil {
		return fmt.Errorf("record of %s: %w", key, err)
	}
	return caughtUp(ctx, func() bool {
		have := s.recordObject(key)
		return have != nil && reached(have.ResourceVersion, got.ResourceVersion)
	})
}

// dropRecord removes the record of a release that is gone.
func (s *session) dropRecord(ctx context.Context, key releaseKey) error {
	err := s.kube.CoreV1().ConfigMaps(key.namespace).Delete(ctx, recordName(key.name), metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("record of %s: %w", key, err)
	}
	return nil
}

// AskRetry asks whoever acts on the cluster to try a release again now. It is the one thing, beside a freeze,
// that somebody who does not hold the Lease may write. Of a release that was never installed there is no
// record yet: an empty one carries the wish.
func (c *Cluster) AskRetry(ctx context.Context, id reconcile.ID) error {
	s, err := c.current()
	if err != nil {
		return err
	}
	ctx = withoutFence(ctx)
	now := time.Now().UTC().Format(time.RFC3339)
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, retryAnno, now)
	_, err = s.meta.Resource(configMapsResource).Namespace(id.Namespace).Patch(ctx, recordName(id.Name),
		types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: fieldManager + "-retry"})
	if apierrors.IsNotFound(err) {
		wish := &corev1.ConfigMap{Data: map[string]string{"record": "{}"}}
		wish.Name, wish.Labels, wish.Annotations = recordName(id.Name), map[string]string{recordLabel: id.Name}, map[string]string{retryAnno: now}
		_, err = s.kube.CoreV1().ConfigMaps(id.Namespace).Create(ctx, wish, metav1.CreateOptions{FieldManager: fieldManager + "-retry"})
	}
	if err != nil {
		return fmt.Errorf("asking to try %s again: %w", id, err)
	}
	return nil
}
