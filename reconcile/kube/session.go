package kube

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// session is one connection with everything that is watched through it. Rotated credentials end it and
// begin another.
type session struct {
	*conn
	ctx     context.Context
	cluster *Cluster // hears what happens

	secrets cache.SharedIndexInformer // metadata of Helm's Secrets
	state   cache.SharedIndexInformer // ConfigMaps about the cluster as a whole, in stateNamespace
	records cache.SharedIndexInformer // our ConfigMaps
	jobs    workqueue.TypedRateLimitingInterface[job]
	reads   *lru.Cache[readKey, *release.Release] // read for previews

	rendered *lru.Cache[renderKey, *rendering] // for previews

	mu    sync.Mutex // guards what follows
	kinds map[schema.GroupKind]cache.SharedIndexInformer

	doors        doors                                  // what guards providers
	identity     string                                 // the user name that we have there; empty: the cluster does not say
	environments map[watchKey]cache.SharedIndexInformer // what may be an environment
	counting     bool                                   // all that may be an environment is watched
	refs         map[string]cache.SharedIndexInformer   // by kind: what releases take values from
	space        map[string]bool                        // namespaces that are known to be there

	noted bool // what failed was to be written down through this session; guarded by the cluster's mu
}

// releaseKey names a release in a cluster.
type releaseKey struct{ namespace, name string }

func (k releaseKey) String() string { return k.namespace + "/" + k.name }

// byRelease is the index of informers by the release that an object belongs to.
const byRelease = "release"

// recordLabel marks the ConfigMaps that hold our records.
const recordLabel = markPrefix + "record"

// How long to wait before a job that failed is done again, at first and at most.
const firstRetry, lastRetry = 50 * time.Millisecond, 15 * time.Second

// startSession begins to watch.
func startSession(ctx context.Context, c *conn, cluster *Cluster) (*session, error) {
	reads, err := lru.New[readKey, *release.Release](keptReads)
	if err != nil {
		return nil, err
	}
	rendered, err := lru.New[renderKey, *rendering](keptReads)
	if err != nil {
		return nil, err
	}
	s := &session{
		reads: reads, rendered: rendered, conn: c, ctx: ctx, cluster: cluster, environments: map[watchKey]cache.SharedIndexInformer{},
		kinds: map[schema.GroupKind]cache.SharedIndexInformer{}, refs: map[string]cache.SharedIndexInformer{},
		space: map[string]bool{},
		jobs:  workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[job](firstRetry, lastRetry)),
	}
	s.secrets = metadatainformer.NewFilteredMetadataInformer(c.meta, schema.GroupVersionResource{Version: "v1", Resource: "secrets"},
		metav1.NamespaceAll, 0, cache.Indexers{byRelease: indexSecret}, func(o *metav1.ListOptions) {
			o.LabelSelector, o.FieldSelector = "owner=helm", "type="+secretType
		}).Informer()
	err = s.follow(s.secrets, stripManaged, func(obj metav1.Object) releaseKey {
		return releaseKey{obj.GetNamespace(), obj.GetLabels()["name"]}
	})
	if err != nil {
		return nil, err
	}
	if err := s.followRecords(); err != nil {
		return nil, err
	}
	if err := s.followState(); err != nil {
		return nil, err
	}
	if err := s.followDoors(); err != nil {
		return nil, err
	}
	s.identity = c.whoami(ctx)
	context.AfterFunc(ctx, s.jobs.ShutDown)
	return s, nil
}

// follow starts an informer and passes on which release each of its events belongs to.
func (s *session) follow(inf cache.SharedIndexInformer, keep cache.TransformFunc, key func(metav1.Object) releaseKey) error {
	return s.observe(inf, keep, func(was, obj metav1.Object) {
		if obj == nil {
			s.cluster.touch(releaseKey{})
			return
		}
		s.cluster.stir(key(obj), pressing(was, obj))
	})
}

// pressing says whether what changed of an object may be an edit, or asks for something. Its status alone does not, nor do
// our own notes.
func pressing(was, is metav1.Object) bool {
	switch now := is.(type) {
	case *object:
		before, there := was.(*object)
		return !there || before.mark != now.mark || before.owner != now.owner
	case *recordObject:
		before, there := was.(*recordObject)
		return now.retry && !(there && before.retry)
	}
	return true
}

// watch starts an informer and passes on its objects, and nil when all that there were have been.
func (s *session) watch(inf cache.SharedIndexInformer, keep cache.TransformFunc, tell func(metav1.Object)) error {
	return s.observe(inf, keep, func(_, obj metav1.Object) { tell(obj) })
}

// observe is watch, and passes on what each object was before; nil where it came or went.
func (s *session) observe(inf cache.SharedIndexInformer, keep cache.TransformFunc, tell func(was, obj metav1.Object)) error {
	if err := inf.SetTransform(keep); err != nil {
		return fmt.Errorf("watching: %w", err)
	}
	// The gate hears what goes wrong; the reflector tries again by itself.
	if err := inf.SetWatchErrorHandlerWithContext(func(context.Context, *cache.Reflector, error) {}); err != nil {
		return fmt.Errorf("watching: %w", err)
	}
	pass := func(was, obj any) {
		if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
			obj = gone.Obj
		}
		if o, ok := obj.(metav1.Object); ok {
			before, _ := was.(metav1.Object)
			tell(before, o)
		}
	}
	one := func(obj any) { pass(nil, obj) }
	reg, err := inf.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: one, DeleteFunc: one, UpdateFunc: pass})
	if err != nil {
		return fmt.Errorf("watching: %w", err)
	}
	go inf.RunWithContext(s.ctx)
	go func() {
		if cache.WaitForCacheSync(s.ctx.Done(), reg.HasSynced) {
			tell(nil, nil)
		}
	}()
	return nil
}

// followKind watches a kind that some release holds, if it is not watched yet. Objects of releases carry
// Helm's label, so that nothing else is received.
func (s *session) followKind(gk schema.GroupKind) error {
	s.mu.Lock()
	_, there := s.kinds[gk]
	s.mu.Unlock()
	if there {
		return nil
	}
	mapping, err := s.mapper.RESTMapping(gk) // which may ask the cluster: nobody should wait for that meanwhile
	if err != nil {
		return fmt.Errorf("kind %s: %w", gk, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.kinds[gk]; there {
		return nil
	}
	only := func(o *metav1.ListOptions) { o.LabelSelector = managedByLabel + "=Helm" }
	index := cache.Indexers{byRelease: indexObject}
	var inf cache.SharedIndexInformer
	if stateless[gk] {
		inf = metadatainformer.NewFilteredMetadataInformer(s.meta, mapping.Resource, metav1.NamespaceAll, 0, index, only).Informer()
	} else if inf, err = s.whole(mapping, index, only); err != nil {
		return err
	}
	s.kinds[gk] = inf
	return s.follow(inf, slim, func(obj metav1.Object) releaseKey { return ownerKey(obj.(*object).owner) })
}

// followRefs watches the metadata of a kind that releases take values from.
func (s *session) followRefs(kind string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.refs[kind]; there {
		return nil
	}
	resource := map[string]string{"Secret": "secrets", "ConfigMap": "configmaps"}[kind]
	inf := metadatainformer.NewFilteredMetadataInformer(s.meta, schema.GroupVersionResource{Version: "v1", Resource: resource},
		metav1.NamespaceAll, 0, cache.Indexers{}, func(o *metav1.ListOptions) { o.LabelSelector = "owner!=helm" }).Informer()
	s.refs[kind] = inf
	return s.follow(inf, slim, func(metav1.Object) releaseKey { return releaseKey{} })
}

// object looks one object up. known is false while its kind is not fully listed.
func (s *session) object(ref objectRef) (obj *object, known bool) {
	s.mu.Lock()
	inf, watched := s.kinds[schema.GroupKind{Group: ref.group, Kind: ref.kind}]
	s.mu.Unlock()
	if !watched || !inf.HasSynced() {
		return nil, false
	}
	key := ref.name
	if ref.namespace != "" {
		key = ref.namespace + "/" + ref.name
	}
	if got, there, err := inf.GetStore().GetByKey(key); err == nil && there {
		return got.(*object), true
	}
	return nil, true
}

// reference looks up what a release takes values from. known is false while its kind is not fully listed.
func (s *session) reference(kind, namespace, name string) (obj *object, known bool) {
	s.mu.Lock()
	inf, watched := s.refs[kind]
	s.mu.Unlock()
	if !watched || !inf.HasSynced() {
		return nil, false
	}
	if got, there, err := inf.GetStore().GetByKey(namespace + "/" + name); err == nil && there {
		return got.(*object), true
	}
	return nil, true
}

// looked says whether everything that is watched was listed at least once.
func (s *session) looked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.secrets.HasSynced() || !s.records.HasSynced() {
		return false
	}
	for _, inf := range s.refs {
		if !inf.HasSynced() {
			return false
		}
	}
	for _, inf := range s.kinds {
		if !inf.HasSynced() {
			return false
		}
	}
	return true
}

// revisions are the revisions of a release, by number.
func (s *session) revisions(key releaseKey) []revision {
	found, err := s.secrets.GetIndexer().ByIndex(byRelease, key.String())
	if err != nil {
		return nil
	}
	var out []revision
	for _, obj := range found {
		if rev, ok := revisionOf(obj.(metav1.Object)); ok {
			out = append(out, rev)
		}
	}
	slices.SortFunc(out, func(a, b revision) int { return a.number - b.number })
	return out
}

// hasNamespace says whether a namespace is known to be there.
func (s *session) hasNamespace(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.space[name]
}

func (s *session) noteNamespace(name string, there bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.space[name] = there
}

// stripManaged drops what a release Secret has too much of.
func stripManaged(in any) (any, error) {
	if obj, ok := in.(metav1.Object); ok {
		obj.SetManagedFields(nil)
		obj.SetAnnotations(nil)
	}
	return in, nil
}

func indexSecret(obj any) ([]string, error) {
	o, ok := obj.(metav1.Object)
	if !ok {
		return nil, nil
	}
	return []string{releaseKey{o.GetNamespace(), o.GetLabels()["name"]}.String()}, nil
}

func indexObject(obj any) ([]string, error) {
	if o, ok := obj.(*object); ok && o.owner != "" {
		return []string{o.owner}, nil
	}
	return nil, nil
}
