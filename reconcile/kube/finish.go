package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"helm.sh/helm/v3/pkg/release"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/workspace-providers/reconcile/reconcile"
)

// catchUp bounds the wait for the watches after an action.
const catchUp = 10 * time.Second

// settle notes what an action made of the release, and waits until the watches have seen it.
func (op *operation) settle(ctx context.Context, rel *release.Release, began time.Time) error {
	stored, there := op.storage.revs[rel.Version]
	if !there || stored.labels["status"] != string(release.StatusDeployed) {
		return fmt.Errorf("revision %d was applied and could not be stored as deployed; it is taken up again", rel.Version)
	}
	marks := op.takeMarks()
	rec := op.nextRecord(rel.Version, nil)
	rec.Applied, rec.Digest, rec.Ignored = began, stored.labels[markDigest], ignored(op.action.Want.Release)
	rec.baseline(op.ran)
	for _, info := range op.client.applied {
		ref := refOf(info)
		rec.Objects = append(rec.Objects, recorded{ref.group, ref.kind, ref.namespace, ref.name, marks[ref]})
	}
	op.learn(rel.Version, rec)
	if err := op.session.writeRecord(ctx, op.key, rec); err != nil {
		return err
	}
	for _, info := range op.client.applied {
		if err := op.session.followKind(refOf(info).groupKind()); err != nil {
			return err
		}
	}
	return op.seen(ctx, func() bool { return op.reflected(rel.Version) })
}

// learn makes what the action did what is known of the release.
func (op *operation) learn(revision int, rec record) {
	op.mu.Lock()
	defer op.mu.Unlock()
	if op.known == nil {
		op.known = map[releaseKey]*known{}
	}
	k := &known{
		revision: revision, newest: revision, state: reconcile.Deployed, since: time.Now(), marks: map[objectRef]string{},
	}
	k.recall(rec)
	op.known[op.key] = k
}

// takeMarks remembers how the objects were right after they were applied, so that what changes later is
// seen to be somebody else's doing.
func (op *operation) takeMarks() map[objectRef]string {
	out := map[objectRef]string{}
	for _, info := range op.client.applied {
		ref := refOf(info)
		if info.ResourceVersion == "" { // it was not touched
			if mark := op.client.untouched[ref]; mark != "" {
				out[ref] = mark
			}
			continue
		}
		out[ref] = markOf(info.Object.(metav1.Object))
	}
	return out
}

// nextRecord is the record of a release with one more transition.
func (op *operation) nextRecord(revision int, err error) record {
	rec, _ := op.session.record(op.key)
	if err == nil {
		rec.Objects, rec.ReadySince = nil, nil
	}
	a := op.action
	step := transition{
		At: time.Now(), Op: string(a.Op), Reason: string(a.Reason), Revision: revision,
		Commit: a.Commit.SHA, Author: a.Commit.Author,
	}
	if err != nil {
		step.Error = err.Error()
	} else {
		rec.Revision = revision
	}
	switch {
	case a.Op != reconcile.OpRollback:
		step.Digest = a.Digest
		rec.spell(a.Want.AccessURL)
	case err == nil:
		step.Error = a.Message // what it went back from
	}
	rec.Commit, rec.Author = a.Commit.SHA, a.Commit.Author
	rec.History = append([]transition{step}, rec.History...)
	return rec
}

// failed notes why an action failed. What was only outrun by somebody else is no failure.
func (op *operation) failed(ctx context.Context, err error) error {
	if apierrors.IsNotFound(err) { // perhaps it is the namespace that somebody deleted
		op.session.noteNamespace(op.key.namespace, false)
	}
	switch {
	case errors.Is(err, errChanged):
		return fmt.Errorf("%w: %w", reconcile.ErrMoved, err)
	case errors.Is(err, reconcile.ErrFenced), errors.Is(err, errReadOnly):
		return err
	}
	if why := op.frozen(); why != nil { // Helm does not always pass on what stopped it
		return errors.Join(why, err)
	}
	revision := op.storage.newest()
	if _, asked := op.session.record(op.key); revision == 0 && asked {
		return errors.Join(err, op.session.writeRecord(ctx, op.key, record{})) // it was tried again
	}
	if revision == 0 {
		return err // nothing was left behind that a record would be about
	}
	if recErr := op.session.writeRecord(ctx, op.key, op.nextRecord(revision, err)); recErr != nil {
		return errors.Join(err, recErr)
	}
	return errors.Join(err, op.seen(ctx, func() bool { return op.reflected(revision) }))
}

// relabel changes the marks of revisions; an empty value takes a mark off.
func (op *operation) relabel(ctx context.Context, revs []*stored, labels map[string]string) error {
	set := map[string]any{}
	for name, value := range labels {
		set[name] = value
		if value == "" {
			set[name] = nil
		}
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": set}})
	if err != nil {
		return err
	}
	var version string
	for _, rev := range revs {
		got, err := op.session.meta.Resource(secretsResource).Namespace(op.key.namespace).
			Patch(ctx, rev.key, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
		if err != nil {
			return fmt.Errorf("marking %s: %w", rev.key, err)
		}
		version = got.ResourceVersion
	}
	return op.seen(ctx, func() bool { return reached(op.session.secrets.LastSyncResourceVersion(), version) })
}

// reflected says whether the watches have seen what the action did.
func (op *operation) reflected(revision int) bool {
	revs := op.session.revisions(op.key)
	if len(revs) == 0 || revs[len(revs)-1].number < revision || revs[len(revs)-1].status.IsPending() {
		return false
	}
	for _, info := range op.client.applied {
		obj, known := op.session.object(refOf(info))
		if !known || obj == nil || !atLeast(obj, info) {
			return false
		}
	}
	return true
}

// atLeast says whether a watched object is as new as the cluster's answer was.
func atLeast(obj *object, info *resource.Info) bool {
	return info.ResourceVersion == "" || reached(obj.ResourceVersion, info.ResourceVersion)
}

// reached compares resource versions, which Kubernetes has promised to be ordered.
func reached(have, want string) bool {
	order, err := resourceversion.CompareResourceVersion(have, want)
	return err != nil || order >= 0
}

// seen waits until the watches show what was done, and has it looked at.
func (op *operation) seen(ctx context.Context, ok func() bool) error {
	defer op.touch(op.key)
	return caughtUp(ctx, ok)
}

// caughtUp waits until the watches show what was done. That they do not in time is no failure: the next
// look is merely late.
func caughtUp(ctx context.Context, ok func() bool) error {
	err := wait.PollUntilContextTimeout(ctx, 5*time.Millisecond, catchUp, true, func(context.Context) (bool, error) {
		return ok(), nil
	})
	if err != nil && ctx.Err() == nil {
		return nil
	}
	return err
}

// undisturbed says that the object is there, and as it was when it was last known to be as declared, and its mark.
func (op *operation) undisturbed(ref objectRef) (mark string, yes bool) {
	op.mu.Lock()
	defer op.mu.Unlock()
	k := op.known[op.key]
	obj, known := op.session.object(ref)
	if k == nil || !known || obj == nil || k.marks[ref] != obj.mark || len(k.drift[ref]) > 0 {
		return "", false
	}
	return obj.mark, true
}

// ownedBy is the release that an object says it belongs to.
func (op *operation) ownedBy(ref objectRef) (namespace, name string) {
	if obj, known := op.session.object(ref); known && obj != nil {
		key := ownerKey(obj.owner)
		return key.namespace, key.name
	}
	return "", ""
}
