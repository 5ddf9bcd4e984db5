package kube

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	helmkube "helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/release"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
)

// fieldManager owns the fields that we write.
const fieldManager = "reconcile"

// client is what Helm talks to the cluster through, for one action. It differs from Helm's own in what it
// leaves out: it looks nothing up that the connection or the watches know, and does not read an object
// that the upgrade does not change.
type client struct {
	*helmkube.Client                 // hooks and uninstall
	ctx              context.Context // of the session: Helm's interface has none
	conn             *conn
	namespace        string
	release          string
	watched          watched
	ignore           []reconcile.FieldRef      // what others may change
	built            bool                      // what the chart made was read
	terse            bool                      // of what is read, but for hooks, the cluster is asked for metadata alone
	applied          []*resource.Info          // as the cluster answered
	untouched        map[objectRef]string      // marks of what it was not asked about
	bodies           map[string][]byte         // what is known of documents already, as JSON, by their digest
	read             map[string]map[string]any // objects, by the text that they were read from
	texts            map[*resource.Info]string // that the objects were read from
	defines          map[schema.GroupKind]bool // kinds that the chart brings
}

// watched is what the watches know of single objects.
type watched interface {
	frozen() error // why nothing may be written now
	// undisturbed says that the object is there and was not changed by hand since it was applied, and its mark.
	undisturbed(ref objectRef) (mark string, yes bool)
	// ownedBy is the release that the object says it belongs to; empty where that is not known.
	ownedBy(ref objectRef) (namespace, release string)
}

// Helm asks for more than its Interface; what is not here, its own client does past all of this.
var (
	_ helmkube.Interface                    = (*client)(nil)
	_ helmkube.InterfaceThreeWayMerge       = (*client)(nil)
	_ helmkube.InterfaceDeletionPropagation = (*client)(nil)
)

// IsReachable is for those who do not know: every request tells.
func (c *client) IsReachable() error { return nil }

// Build reads objects. It does not validate them: the API server does, and downloading what it knows for
// that is nine tenths of what a release costs. Helm has the same text read up to three times in an upgrade;
// it is read once.
func (c *client) Build(from io.Reader, _ bool) (helmkube.ResourceList, error) {
	if c.read == nil {
		c.read, c.texts = map[string]map[string]any{}, map[*resource.Info]string{}
	}
	var out helmkube.ResourceList
	docs := yaml.NewYAMLReader(bufio.NewReader(from))
	for {
		text, err := docs.Read()
		switch {
		case errors.Is(err, io.EOF):
			c.built = true
			return out, nil
		case err != nil:
			return nil, fmt.Errorf("reading rendered objects: %w", err)
		}
		raw, err := c.parse(string(text))
		switch {
		case err != nil:
			return nil, err
		case len(raw) == 0:
			continue
		}
		info, err := c.info(&unstructured.Unstructured{Object: runtime.DeepCopyJSON(raw)})
		if err != nil {
			return nil, err
		}
		c.texts[info] = string(text)
		out = append(out, info)
	}
}

// parse reads one object; nothing where the text holds none.
func (c *client) parse(text string) (map[string]any, error) {
	if raw, there := c.read[text]; there {
		return raw, nil
	}
	var raw map[string]any
	var err error
	if body, known := c.bodies[charts.DocumentDigest(text)]; known {
		err = json.Unmarshal(body, &raw)
	} else {
		err = yaml.Unmarshal([]byte(text), &raw)
	}
	if err != nil {
		return nil, fmt.Errorf("reading rendered objects: %w", err)
	}
	c.read[text] = raw
	return raw, nil
}

// info finds out how to reach an object.
func (c *client) info(obj *unstructured.Unstructured) (*resource.Info, error) {
	gvk := obj.GroupVersionKind()
	mapping, err := c.mapping(gvk)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", gvk.Kind, obj.GetName(), err)
	}
	rest, err := c.conn.restFor(gvk, c.terse && obj.GetAnnotations()[release.HookAnnotation] == "")
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace && obj.GetNamespace() == "" {
		obj.SetNamespace(c.namespace)
	}
	return &resource.Info{
		Client: rest, Mapping: mapping, Namespace: obj.GetNamespace(), Name: obj.GetName(), Object: obj,
		ResourceVersion: obj.GetResourceVersion(),
	}, nil
}

// How long to wait for a kind that was just defined, as Helm does, and between two questions.
const definedWait, definedRest = time.Minute, 200 * time.Millisecond

// mapping finds out how a kind is served. One that the chart defines may have been defined by another release a moment
// ago: Helm waits for what it has defined itself, and takes what was there before for served.
func (c *client) mapping(kind schema.GroupVersionKind) (found *meta.RESTMapping, err error) {
	found, err = c.conn.mapping(kind.GroupKind(), kind.Version, kindsAge)
	if !c.defines[kind.GroupKind()] || !meta.IsNoMatchError(err) {
		return found, err
	}
	waited := wait.PollUntilContextTimeout(c.ctx, definedRest, definedWait, false, func(context.Context) (bool, error) {
		if err := c.watched.frozen(); err != nil {
			return false, err
		}
		found, err = c.conn.mapping(kind.GroupKind(), kind.Version, definedRest)
		return !meta.IsNoMatchError(err), nil
	})
	if waited != nil && !wait.Interrupted(waited) {
		return nil, waited
	}
	return found, err
}

// define notes the kinds that objects define.
func (c *client) define(resources helmkube.ResourceList) {
	for _, info := range resources {
		obj, is := info.Object.(*unstructured.Unstructured)
		if !is || obj.GetKind() != "CustomResourceDefinition" {
			continue
		}
		group, _, _ := unstructured.NestedString(obj.Object, "spec", "group")
		kind, _, _ := unstructured.NestedString(obj.Object, "spec", "names", "kind")
		if c.defines == nil {
			c.defines = map[schema.GroupKind]bool{}
		}
		c.defines[schema.GroupKind{Group: group, Kind: kind}] = true
	}
}

// Create creates objects: those that the release holds from then on, which carry its marks, and hooks and
// kinds, which belong to nobody.
func (c *client) Create(resources helmkube.ResourceList) (*helmkube.Result, error) {
	if err := c.watched.frozen(); err != nil {
		return nil, err
	}
	c.define(resources)
	res, err := c.Client.Create(resources)
	for _, info := range resources {
		if info.Object.(metav1.Object).GetAnnotations()[releaseNameAnno] == c.release {
			c.applied = append(c.applied, info)
		}
	}
	return res, err
}

// Update brings objects from one revision to the next: what the revision changes or somebody disturbed is
// read and patched, what is missing is created, what left the chart is deleted if it is still ours.
func (c *client) Update(original, target helmkube.ResourceList, _ bool) (*helmkube.Result, error) {
	res := &helmkube.Result{}
	for _, info := range target {
		if err := c.watched.frozen(); err != nil {
			return res, err
		}
		created, err := c.updateOne(original.Get(info), info)
		if err != nil {
			return res, fmt.Errorf("%s %s: %w", info.Mapping.GroupVersionKind.Kind, info.Name, err)
		}
		c.applied = append(c.applied, info)
		if created {
			res.Created = append(res.Created, info)
		} else {
			res.Updated = append(res.Updated, info)
		}
	}
	for _, info := range original.Difference(target) {
		deleted, err := c.remove(info)
		if err != nil {
			return res, fmt.Errorf("removing %s %s: %w", info.Mapping.GroupVersionKind.Kind, info.Name, err)
		}
		if deleted {
			res.Deleted = append(res.Deleted, info)
		}
	}
	return res, nil
}

// Helm's marks of ownership, and ours of what must stay.
const (
	managedByLabel   = "app.kubernetes.io/managed-by"
	releaseNameAnno  = "meta.helm.sh/release-name"
	releaseSpaceAnno = "meta.helm.sh/release-namespace"
	policyAnno       = "helm.sh/resource-policy"
)

// UpdateThreeWayMerge is Update, which merges the same way.
func (c *client) UpdateThreeWayMerge(original, target helmkube.ResourceList, force bool) (*helmkube.Result, error) {
	return c.Update(original, target, force)
}

// Delete removes objects, and what they own after them.
func (c *client) Delete(resources helmkube.ResourceList) (*helmkube.Result, []error) {
	return c.DeleteWithPropagationPolicy(resources, metav1.DeletePropagationBackground)
}

// DeleteWithPropagationPolicy removes objects, but no volumes, and not those that meanwhile belong to another
// release.
func (c *client) DeleteWithPropagationPolicy(resources helmkube.ResourceList, policy metav1.DeletionPropagation) (*helmkube.Result, []error) {
	if err := c.watched.frozen(); err != nil {
		return nil, []error{err}
	}
	var ours helmkube.ResourceList
	for _, info := range resources {
		space, name := c.watched.ownedBy(refOf(info))
		if !keepsData(info) && (name == "" || name == c.release && space == c.namespace) {
			ours = append(ours, info)
		}
	}
	if len(ours) == 0 {
		return &helmkube.Result{}, nil
	}
	return c.Client.DeleteWithPropagationPolicy(ours, policy)
}

// keepsData says whether an object holds what nobody can make again: a volume outlives its release, unless it
// was a hook's.
func keepsData(info *resource.Info) bool {
	obj, is := info.Object.(metav1.Object)
	return is && info.Mapping.GroupVersionKind.Kind == "PersistentVolumeClaim" && obj.GetAnnotations()[release.HookAnnotation] == ""
}

// remove deletes one object that left the chart, unless it must stay or is not ours.
func (c *client) remove(info *resource.Info) (bool, error) {
	if keepsData(info) {
		return false, nil
	}
	helper := resource.NewHelper(info.Client, info.Mapping)
	live, err := helper.Get(info.Namespace, info.Name)
	switch {
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, err
	}
	marks := live.(metav1.Object).GetAnnotations()
	if marks[policyAnno] == helmkube.KeepPolicy || marks[releaseNameAnno] != c.release || marks[releaseSpaceAnno] != c.namespace {
		return false, nil
	}
	background := metav1.DeletePropagationBackground
	_, err = helper.DeleteWithOptions(info.Namespace, info.Name, &metav1.DeleteOptions{PropagationPolicy: &background})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}
