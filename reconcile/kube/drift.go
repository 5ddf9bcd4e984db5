package kube

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	helmkube "helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/release"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/workspace-providers/reconcile/reconcile"
)

// build reads the objects of a release as they were applied, with Helm's marks on them.
func (s *session) build(rel *release.Release) (helmkube.ResourceList, error) {
	c := &client{conn: s.conn, namespace: rel.Namespace}
	infos, err := c.Build(bytes.NewBufferString(rel.Manifest), false)
	if err != nil {
		return nil, err
	}
	for _, info := range infos {
		obj := info.Object.(*unstructured.Unstructured)
		obj.SetLabels(merged(obj.GetLabels(), map[string]string{managedByLabel: "Helm"}))
		obj.SetAnnotations(merged(obj.GetAnnotations(), map[string]string{
			releaseNameAnno: rel.Name, releaseSpaceAnno: rel.Namespace,
		}))
	}
	return infos, nil
}

// compareAll compares the objects of a release whose marks moved with what was applied.
func (c *Cluster) compareAll(ctx context.Context, s *session, key releaseKey) error {
	moved := c.moved(s, key)
	if len(moved) == 0 {
		return nil
	}
	rel, err := s.newest(ctx, key)
	if err != nil {
		return err
	}
	infos, err := s.build(rel)
	if err != nil {
		return err
	}
	c.mu.Lock()
	ignore := c.items[key].Release.Ignore
	c.mu.Unlock()
	for _, info := range infos {
		ref := refOf(info)
		mark, there := moved[ref]
		if !there {
			continue
		}
		found, err := s.compare(ctx, info, ignore)
		if err != nil {
			return err
		}
		c.mu.Lock()
		if k := c.known[key]; k != nil && k.revision == rel.Version {
			k.note(ref, mark, found)
		}
		c.mu.Unlock()
	}
	return nil
}

// moved are the objects whose marks are not those that were examined last.
func (c *Cluster) moved(s *session, key releaseKey) map[objectRef]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[objectRef]string{}
	k := c.known[key]
	if k == nil {
		return out
	}
	for _, ref := range k.objects {
		if obj, known := s.object(ref); known && obj != nil && obj.mark != k.marks[ref] {
			out[ref] = obj.mark
		}
	}
	return out
}

// note remembers what a comparison found at an object with this mark.
func (k *known) note(ref objectRef, mark string, found []reconcile.Drift) {
	k.marks[ref] = mark
	if k.drift == nil {
		k.drift = map[objectRef][]reconcile.Drift{}
	}
	k.drift[ref] = found
}

// compare asks the API server what applying the declared object would change, which is the only
// comparison that knows the server's defaults, and what it would not: fields that nobody declared.
func (s *session) compare(ctx context.Context, info *resource.Info, ignore []reconcile.FieldRef) ([]reconcile.Drift, error) {
	diffs, live, err := s.diff(ctx, info, ignore)
	if err != nil {
		return nil, err
	}
	var out []reconcile.Drift
	for _, d := range diffs {
		out = append(out, reconcile.Drift{Object: refOf(info).String(), Field: d.pointer, Message: d.text(info, live)})
	}
	return out, nil
}

// difference is one declared field that is not as declared.
type difference struct {
	pointer    string
	want, have any
	there      bool // the field is there at all
}

// diff finds the declared fields of an object that are not as declared. An object that the API server
// would not accept as declared has none: applying it again would not help.
func (s *session) diff(ctx context.Context, info *resource.Info, ignore []reconcile.FieldRef) ([]difference, *unstructured.Unstructured, error) {
	obj := info.Object.(*unstructured.Unstructured)
	api := s.dynamic.Resource(info.Mapping.Resource).Namespace(info.Namespace)
	live, err := api.Get(ctx, info.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil, nil // that it is gone, the watch tells
	case err != nil:
		return nil, nil, err
	}
	want, err := api.Apply(ctx, info.Name, obj, metav1.ApplyOptions{
		DryRun: []string{metav1.DryRunAll}, FieldManager: fieldManager, Force: true,
	})
	switch {
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err), apierrors.IsBadRequest(err):
		return nil, live, nil
	case err != nil:
		return nil, nil, err
	}
	skip := map[string]bool{"/status": true}
	for _, f := range ignore {
		if f.Kind == info.Mapping.GroupVersionKind.Kind {
			skip[f.Pointer] = true
		}
	}
	for _, field := range []string{"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid"} {
		skip["/metadata/"+field] = true
	}
	return differences("", want.Object, live.Object, skip), live, nil
}

// differences walks two values side by side, in the order of their keys.
func differences(at string, want, have any, skip map[string]bool) []difference {
	if skip[at] || reflect.DeepEqual(want, have) {
		return nil
	}
	var out []difference
	switch w := want.(type) {
	case map[string]any:
		h, same := have.(map[string]any)
		if !same {
			break
		}
		for _, key := range slices.Sorted(maps.Keys(w)) {
			p := at + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
			if v, there := h[key]; there {
				out = append(out, differences(p, w[key], v, skip)...)
			} else if !skip[p] {
				out = append(out, difference{pointer: p, want: w[key]})
			}
		}
		return out
	case []any:
		h, same := have.([]any)
		if !same || len(h) != len(w) {
			break
		}
		for i := range w {
			out = append(out, differences(at+"/"+strconv.Itoa(i), w[i], h[i], skip)...)
		}
		return out
	}
	return []difference{{pointer: at, want: want, have: have, there: true}}
}

// text says what was found, what was declared, and who wrote last. What a Secret holds is not said.
func (d difference) text(info *resource.Info, live *unstructured.Unstructured) string {
	by := ""
	if who := lastWriter(live); who != "" {
		by = " (" + who + ")"
	}
	switch {
	case info.Mapping.GroupVersionKind.Kind == "Secret" && !strings.HasPrefix(d.pointer, "/metadata"):
		return "differs from what was declared" + by
	case !d.there:
		return fmt.Sprintf("is gone, declared %s%s", short(d.want), by)
	}
	return fmt.Sprintf("is %s, declared %s%s", short(d.have), short(d.want), by)
}

// short is a value as JSON, cut where it is long.
func short(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if runes := []rune(string(text)); len(runes) > 60 {
		return string(runes[:59]) + "…"
	}
	return string(text)
}

// lastWriter is whoever of the field managers wrote last, unless it was us or a controller of Kubernetes.
func lastWriter(live *unstructured.Unstructured) string {
	fields := slices.Clone(live.GetManagedFields())
	slices.SortStableFunc(fields, func(a, b metav1.ManagedFieldsEntry) int {
		if a.Time == nil || b.Time == nil {
			return cmp.Compare(b2i(b.Time != nil), b2i(a.Time != nil))
		}
		return b.Time.Compare(a.Time.Time)
	})
	for _, f := range fields {
		if f.Manager != fieldManager && f.Subresource == "" {
			return f.Manager
		}
	}
	return ""
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// repair puts the drifted fields of a release back, and creates objects that are gone. It makes no Helm
// revision and touches no other field.
func (op *operation) repair(ctx context.Context) error {
	rel, err := op.session.newest(ctx, op.key)
	if err != nil {
		return err
	}
	infos, err := op.session.build(rel)
	if err != nil {
		return err
	}
	drifted := map[string]bool{}
	for _, d := range op.action.Have.Drift {
		drifted[d.Object] = true
	}
	for _, info := range infos {
		if !drifted[refOf(info).String()] {
			continue
		}
		if err := op.repairOne(ctx, info); err != nil {
			return fmt.Errorf("%s: %w", refOf(info), err)
		}
		op.client.applied = append(op.client.applied, info)
	}
	err = op.seen(ctx, func() bool { return op.reflected(rel.Version) })
	op.noteRepaired(rel.Version)
	return err
}

// repairOne patches one object, or creates it where it is gone.
func (op *operation) repairOne(ctx context.Context, info *resource.Info) error {
	diffs, live, err := op.session.diff(ctx, info, op.action.Want.Release.Ignore)
	if err != nil {
		return err
	}
	api := op.session.dynamic.Resource(info.Mapping.Resource).Namespace(info.Namespace)
	if live == nil {
		made, err := api.Create(ctx, info.Object.(*unstructured.Unstructured), metav1.CreateOptions{FieldManager: fieldManager})
		if err != nil {
			return err
		}
		return info.Refresh(made, true)
	}
	if len(diffs) == 0 {
		return info.Refresh(live, true)
	}
	body, err := json.Marshal(patchOf(diffs))
	if err != nil {
		return err
	}
	made, err := api.Patch(ctx, info.Name, types.JSONPatchType, body, metav1.PatchOptions{FieldManager: fieldManager})
	switch {
	case apierrors.IsInvalid(err):
		return fmt.Errorf("%w: %w", errChanged, err)
	case err != nil:
		return err
	}
	return info.Refresh(made, true)
}

// patchOf is a JSON patch that puts fields back, if each still is what was compared.
func patchOf(diffs []difference) []map[string]any {
	var patch []map[string]any
	for _, d := range diffs {
		if !d.there {
			patch = append(patch, map[string]any{"op": "add", "path": d.pointer, "value": d.want})
			continue
		}
		patch = append(patch, map[string]any{"op": "test", "path": d.pointer, "value": d.have},
			map[string]any{"op": "replace", "path": d.pointer, "value": d.want})
	}
	return patch
}

// noteRepaired remembers the repaired objects as they are now.
func (op *operation) noteRepaired(revision int) {
	marks := op.takeMarks()
	op.mu.Lock()
	defer op.mu.Unlock()
	k := op.known[op.key]
	if k == nil || k.revision != revision {
		return
	}
	for ref, mark := range marks {
		k.note(ref, mark, nil)
	}
}
