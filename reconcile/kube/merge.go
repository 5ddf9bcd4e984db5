package kube

import (
	"encoding/json"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/workspace-providers/reconcile/reconcile"
)

// maxMerges bounds how often an object is merged anew because somebody else wrote to it meanwhile.
const maxMerges = 5

// updateOne brings one object to its next revision and says whether it had to be created.
func (c *client) updateOne(before, info *resource.Info) (created bool, err error) {
	if before != nil && c.texts[before] == c.texts[info] {
		if mark, yes := c.watched.undisturbed(refOf(info)); yes {
			c.leave(refOf(info), mark)
			return false, nil
		}
	}
	for n := 0; ; n++ {
		created, err = c.merge(before, info, n < maxMerges)
		if n == maxMerges || !apierrors.IsConflict(err) {
			return created, err
		}
	}
}

// leave notes that an object was not touched, and how it was then.
func (c *client) leave(ref objectRef, mark string) {
	if c.untouched == nil {
		c.untouched = map[objectRef]string{}
	}
	c.untouched[ref] = mark
}

// merge patches one object, or creates it. Guarded, that fails where somebody else has written to it since it was
// read: the answer would have an edit in it, which would be taken for ours.
func (c *client) merge(before, info *resource.Info, guarded bool) (created bool, err error) {
	whole, terse, err := c.helpers(info)
	if err != nil {
		return false, err
	}
	got, err := whole.Get(info.Namespace, info.Name)
	switch {
	case apierrors.IsNotFound(err):
		obj, err := terse.Create(info.Namespace, true, info.Object)
		if err != nil {
			return true, err
		}
		return true, info.Refresh(obj, true)
	case err != nil:
		return false, err
	}
	live := got.(*unstructured.Unstructured)
	was, next := live, info.Object.(*unstructured.Unstructured)
	if before != nil {
		was = before.Object.(*unstructured.Unstructured)
	}
	was, next = spare(was, next, live, c.ignore)
	patch, kind, err := threeWay(was, next, live)
	if err != nil {
		return false, err
	}
	if string(patch) == "{}" {
		return false, info.Refresh(live, true)
	}
	if guarded {
		if patch, err = guard(patch, live.GetResourceVersion()); err != nil {
			return false, err
		}
	}
	obj, err := terse.Patch(info.Namespace, info.Name, kind, patch, nil)
	if err != nil {
		return false, err
	}
	return false, info.Refresh(obj, true)
}

// helpers ask the cluster about an object: one for the whole of it, one for its metadata.
func (c *client) helpers(info *resource.Info) (whole, terse *resource.Helper, err error) {
	full, err := c.conn.restFor(info.Mapping.GroupVersionKind, false)
	if err != nil {
		return nil, nil, err
	}
	meta, err := c.conn.restFor(info.Mapping.GroupVersionKind, true)
	if err != nil {
		return nil, nil, err
	}
	about := func(rest resource.RESTClient) *resource.Helper {
		return resource.NewHelper(rest, info.Mapping).WithFieldManager(fieldManager)
	}
	return about(full), about(meta), nil
}

// guard makes a merge patch one of a certain version of an object.
func guard(patch []byte, version string) ([]byte, error) {
	var out map[string]any
	if err := json.Unmarshal(patch, &out); err != nil {
		return nil, err
	}
	meta, _ := out["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
	}
	meta["resourceVersion"] = version
	out["metadata"] = meta
	return json.Marshal(out)
}

// threeWay is the patch that takes live from one revision to the next and keeps what others added to it.
// Kinds that Kubernetes knows are merged by their own rules, custom ones as JSON.
func threeWay(was, next, live runtime.Object) ([]byte, types.PatchType, error) {
	var docs [3][]byte
	for i, obj := range []runtime.Object{was, next, live} {
		doc, err := json.Marshal(obj)
		if err != nil {
			return nil, "", err
		}
		docs[i] = doc
	}
	gvk := next.GetObjectKind().GroupVersionKind()
	typed, err := scheme.Scheme.New(gvk)
	if err != nil {
		patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(docs[0], docs[1], docs[2])
		return patch, types.MergePatchType, err
	}
	rules, err := strategicpatch.NewPatchMetaFromStruct(typed)
	if err != nil {
		return nil, "", err
	}
	patch, err := strategicpatch.CreateThreeWayMergePatch(docs[0], docs[1], docs[2], rules, true)
	return patch, types.StrategicMergePatchType, err
}

// spare makes an upgrade leave alone what is others': both what it comes from and what it leads to have there what
// is live. Where the chart does not declare such a field any more, it is not taken away.
func spare(was, next, live *unstructured.Unstructured, ignore []reconcile.FieldRef) (*unstructured.Unstructured, *unstructured.Unstructured) {
	kept := leftAlone(next, live, ignore)
	left := leftAlone(was, live, ignore)
	if len(kept)+len(left) == 0 {
		return was, next
	}
	was, next = was.DeepCopy(), next.DeepCopy()
	for _, way := range kept {
		way.Keep(next.Object, live.Object)
	}
	for _, way := range left {
		way.Omit(was.Object)
	}
	return was, next
}
