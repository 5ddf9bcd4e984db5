package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"helm.sh/helm/v3/pkg/chartutil"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/workspace-providers/reconcile/reconcile"
)

// preflightTime bounds what a plan waits for the answers about one release.
const preflightTime = 20 * time.Second

// Preflight asks the cluster what it would refuse of an action, or do otherwise than somebody may expect. It
// changes nothing: it reads, asks for its own rights, and has changes tried with dryRun=All where it has the
// right to make them. What many releases would ask is asked once; what the cluster does not tell is left out.
func (c *Cluster) Preflight(ctx context.Context, a reconcile.Action, change reconcile.Change) []string {
	s, err := c.current()
	if err != nil {
		return nil
	}
	return s.preflight(ctx, a, change)
}

func (c *conn) preflight(ctx context.Context, a reconcile.Action, change reconcile.Change) []string {
	ctx, cancel := context.WithTimeout(ctx, preflightTime)
	defer cancel()
	caps, err := c.capabilities()
	if err != nil {
		return nil
	}
	f := &flight{conn: c, action: a, client: &client{conn: c, namespace: a.ID.Namespace}, kinds: caps.APIVersions}
	f.adds, f.removes, f.hooks = f.read(change.Adds), f.read(change.Removes), f.read(change.Hooks)
	f.keeps, f.definitions = f.read(change.Keeps), f.read(change.Kinds)
	for _, e := range change.Edits {
		if before, after := f.object(e.Before), f.object(e.After); before != nil && after != nil {
			f.edits = append(f.edits, edited{before, after})
		}
	}
	return slices.Concat(f.permissions(ctx), f.storage(ctx), f.outdated(ctx), f.immutable(ctx))
}

// flight is one action before it is carried out.
type flight struct {
	*conn
	action reconcile.Action
	client *client
	kinds  chartutil.VersionSet // that the cluster serves

	adds, keeps, removes, hooks, definitions []*resource.Info
	edits                                    []edited
}

// edited is an object before and after an action.
type edited struct{ before, after *resource.Info }

// read finds out how to reach objects, and leaves out those of kinds that the cluster does not serve: the
// plan says so already, or the chart brings them.
func (f *flight) read(objects []json.RawMessage) []*resource.Info {
	var out []*resource.Info
	for _, raw := range objects {
		if info := f.object(raw); info != nil {
			out = append(out, info)
		}
	}
	return out
}

func (f *flight) object(raw json.RawMessage) *resource.Info {
	obj := &unstructured.Unstructured{}
	if err := json.Unmarshal(raw, &obj.Object); err != nil {
		return nil
	}
	gvk := obj.GroupVersionKind()
	if !f.kinds.Has(gvk.GroupVersion().String() + "/" + gvk.Kind) {
		return nil // the mapper would download everything anew to find it
	}
	info, err := f.client.info(obj)
	if err != nil {
		return nil
	}
	return info
}

// all are the objects that the release will hold.
func (f *flight) all() []*resource.Info {
	out := slices.Concat(f.adds, f.keeps)
	for _, e := range f.edits {
		out = append(out, e.after)
	}
	return out
}

// title is an object as the plan names it: "Deployment coder/envproxy".
func title(info *resource.Info) string {
	kind := info.Mapping.GroupVersionKind.Kind
	if info.Namespace == "" {
		return kind + " " + info.Name
	}
	return fmt.Sprintf("%s %s/%s", kind, info.Namespace, info.Name)
}

// content is what an object holds.
func content(info *resource.Info) map[string]any {
	return info.Object.(*unstructured.Unstructured).Object
}
