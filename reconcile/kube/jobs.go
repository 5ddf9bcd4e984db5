package kube

import (
	"context"
	"errors"
	"fmt"

	"helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/workspace-providers/reconcile/reconcile"
)

// job is something to find out about a release that no watch tells. Jobs run beside the loop, each at
// most once at a time.
type job struct {
	key  releaseKey
	kind jobKind
}

type jobKind string

const (
	readRelease   jobKind = "read"    // what the release holds, from Helm's storage
	followObjects jobKind = "follow"  // watch the kinds that it holds
	compareAll    jobKind = "compare" // whether objects whose marks moved are still as declared
	askPods       jobKind = "pods"    // why its pods are not ready
	noteReady     jobKind = "ready"   // write down since when it is ready
	noteTrials    jobKind = "trials"  // write down what failed; of no release
	notePools     jobKind = "pools"   // write down what organizations may choose from; likewise
)

// work does the jobs of a session until it ends.
func (c *Cluster) work(s *session) {
	for {
		j, down := s.jobs.Get()
		if down {
			return
		}
		news, err := c.doJob(s, j)
		if err != nil && s.ctx.Err() == nil {
			s.jobs.AddRateLimited(j)
		} else {
			s.jobs.Forget(j)
		}
		s.jobs.Done(j)
		if news {
			c.stir(j.key, j.kind == compareAll && c.drifted(j.key))
		}
	}
}

// doJob does one job and says whether it found out something.
func (c *Cluster) doJob(s *session, j job) (news bool, err error) {
	ctx, cancel := context.WithTimeout(s.ctx, requestTimeout)
	defer cancel()
	switch j.kind {
	case readRelease:
		return true, c.readRelease(ctx, s, j.key)
	case followObjects:
		return true, c.followAll(s, j.key)
	case compareAll:
		err := c.compareAll(ctx, s, j.key)
		c.noteCompared(j.key)
		return true, err
	case askPods:
		return c.askPods(ctx, s, j.key)
	case noteReady:
		defer c.noted(j.key)
		return false, c.noteReady(ctx, s, j.key) // the watch tells what was written
	case noteTrials:
		return false, c.noteTrials(ctx, s)
	case notePools:
		return false, c.notePools(ctx, s)
	}
	return false, nil
}

// noteCompared notes that a comparison of a release was tried.
func (c *Cluster) noteCompared(key releaseKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.known[key]; k != nil {
		k.compared = true
	}
}

// drifted says whether a release was found not to be as it was applied.
func (c *Cluster) drifted(key releaseKey) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.known[key]
	return k != nil && len(k.drift) > 0
}

// newest reads the newest revision of a release from Helm's storage.
func (s *session) newest(ctx context.Context, key releaseKey) (*release.Release, error) {
	revs := s.revisions(key)
	if len(revs) == 0 {
		return nil, errChanged
	}
	secret, err := s.kube.CoreV1().Secrets(key.namespace).Get(ctx, revs[len(revs)-1].key, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	rel, err := unpack(secret.Data["release"])
	if err != nil {
		return nil, fmt.Errorf("%w: %s %w", errCorrupt, secret.Name, err)
	}
	return rel, nil
}

// errCorrupt says that a stored release cannot be read, now or later.
var errCorrupt = errors.New("corrupt")

// readRelease finds out what a release holds.
func (c *Cluster) readRelease(ctx context.Context, s *session, key releaseKey) error {
	rel, err := s.newest(ctx, key)
	if err != nil && !errors.Is(err, errCorrupt) {
		return err
	}
	var refs []objectRef
	if err == nil {
		refs, err = s.refsOf(rel)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.known[key]
	if k == nil {
		return nil
	}
	if err != nil {
		k.corrupt = err.Error()
		return nil
	}
	if rel.Version == k.revision {
		k.objects = refs
		s.jobs.Add(job{key, followObjects})
	}
	return nil
}

// refsOf names the objects of a release's manifest.
func (s *session) refsOf(rel *release.Release) ([]objectRef, error) {
	infos, err := s.build(rel)
	if err != nil {
		return nil, err
	}
	refs := []objectRef{}
	for _, info := range infos {
		refs = append(refs, refOf(info))
	}
	return refs, nil
}

// followAll watches every kind that a release holds. A kind that the cluster does not know any more makes
// the release unreadable until it does.
func (c *Cluster) followAll(s *session, key releaseKey) error {
	c.mu.Lock()
	var refs []objectRef
	if k := c.known[key]; k != nil {
		refs = k.objects
	}
	c.mu.Unlock()
	for _, ref := range refs {
		if err := s.followKind(ref.groupKind()); err != nil {
			c.corrupt(key, err.Error())
			return err
		}
	}
	c.corrupt(key, "")
	return nil
}

// corrupt notes why what a release holds is not known; empty: it is.
func (c *Cluster) corrupt(key releaseKey, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.known[key]; k != nil {
		k.corrupt = why
	}
}

func (c *Cluster) id(key releaseKey) reconcile.ID {
	return reconcile.ID{Cluster: c.name, Kind: reconcile.KindRelease, Namespace: key.namespace, Name: key.name}
}
