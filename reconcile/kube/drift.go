package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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

// compareAll compares the objects of a release whose marks moved with what was applied. One that cannot be compared
// now keeps no other from being.
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
	item := c.items[key]
	c.mu.Unlock()
	var failed []error
	for _, info := range infos {
		ref := refOf(info)
		mark, there := moved[ref]
		if !there {
			continue
		}
		found, err := s.compare(ctx, info, item)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", ref, err))
			continue
		}
		c.mu.Lock()
		if k := c.known[key]; k != nil && k.revision == rel.Version {
			k.note(ref, mark, found)
		}
		c.mu.Unlock()
	}
	return errors.Join(failed...)
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
// comparison that knows the server's defaults and what its webhooks make of it.
func (s *session) compare(ctx context.Context, info *resource.Info, item reconcile.Item) ([]reconcile.Drift, error) {
	diffs, live, err := s.diff(ctx, info, item.Release.Ignore)
	if err != nil {
		return nil, err
	}
	if live == nil { // the watch may tell that later, or, if it has broken, never
		return []reconcile.Drift{{Object: refOf(info).String(), Message: "is gone"}}, nil
	}
	all, secret := len(secretive(item)) > 0, info.Mapping.GroupVersionKind.Kind == "Secret"
	var out []reconcile.Drift
	for _, d := range diffs {
		blind := all || secret && !strings.HasPrefix(d.pointer, "/metadata")
		out = append(out, reconcile.Drift{Object: refOf(info).String(), Field: d.pointer, Message: d.text(blind), By: d.by})
	}
	return out, nil
}

// diff finds the declared fields of an object that are not as declared; live is nil where it is gone. An object
// that the API server would not accept as declared has none: applying it again would not help.
func (s *session) diff(ctx context.Context, info *resource.Info, ignore []reconcile.FieldRef) (
	diffs []difference, live *unstructured.Unstructured, err error) {
	obj := info.Object.(*unstructured.Unstructured)
	api := s.dynamic.Resource(info.Mapping.Resource).Namespace(info.Namespace)
	live, err = api.Get(ctx, info.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil, nil
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
	for _, way := range leftAlone(obj, live, ignore) {
		way.Keep(want.Object, live.Object)
	}
	diffs = differences("", declaredOf(obj), want.Object, live.Object)
	for i := range diffs {
		diffs[i].by = writerOf(live, diffs[i])
	}
	return diffs, live, nil
}

// repair puts the drifted fields of a release back, and creates objects that are gone. It makes no Helm
// revision and touches no other field. What came of it is compared anew: somebody may have edited another field
// meanwhile.
func (op *operation) repair(ctx context.Context) error {
	rel, err := op.session.newest(ctx, op.key)
	if err != nil {
		return err
	}
	infos, err := op.session.build(rel)
	if err != nil {
		return err
	}
	op.client.built = true
	drifted, contested := map[string]bool{}, map[string]bool{}
	for _, d := range op.action.Have.Drift {
		drifted[d.Object] = drifted[d.Object] || !d.Contested
		contested[d.Object+d.Field] = d.Contested
	}
	var failed []error
	for _, info := range infos {
		if !drifted[refOf(info).String()] {
			continue
		}
		if err := op.repairOne(ctx, info, contested); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", refOf(info), op.discreet(err)))
			continue
		}
		op.client.applied = append(op.client.applied, info)
		op.suspect(refOf(info))
	}
	return errors.Join(append(failed, op.seen(ctx, func() bool { return op.reflected(rel.Version) }))...)
}

// suspect has an object compared anew, whatever was known of it.
func (op *operation) suspect(ref objectRef) {
	op.mu.Lock()
	defer op.mu.Unlock()
	if k := op.known[op.key]; k != nil {
		delete(k.marks, ref)
	}
}

// repairOne patches one object, all but what is contested, or creates it where it is gone.
func (op *operation) repairOne(ctx context.Context, info *resource.Info, contested map[string]bool) error {
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
	diffs = slices.DeleteFunc(diffs, func(d difference) bool { return contested[refOf(info).String()+d.pointer] })
	if len(diffs) == 0 {
		return info.Refresh(live, true)
	}
	body, err := json.Marshal(patchOf(diffs, live.Object))
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
