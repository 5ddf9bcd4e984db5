package kube

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"
)

// leaseKnock is how often client-go's elector wants to do something about the Lease. Most of it is answered without
// asking the API server: a Lease is renewed each leaseRenew, and looked at as rarely by whoever would have to wait
// for it in any case, and each leaseLook by whoever leaves it to another replica.
const (
	leaseKnock = 3 * time.Second
	leaseLook  = 30 * time.Second
)

// run takes the Lease, keeps it, and takes it again when it was lost, until ctx ends. It is ours beyond
// that, for as long as it lasts; see release. It is given up where it is somebody else's turn. changed is called
// whenever it was won or lost.
func (l *lease) run(ctx context.Context, client kubernetes.Interface, changed func()) {
	ctx = klog.NewContext(ctx, klog.Logger{}) // the elector would log each time that it is not our turn
	l.barred.Store(false)
	for ctx.Err() == nil {
		term, end := context.WithCancel(ctx)
		lock := &watchedLock{lease: l, changed: changed, end: end, LeaseLock: l.lock(client)}
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: lock, Name: l.name, LeaseDuration: leaseDuration, RenewDeadline: leaseDeadline, RetryPeriod: leaseKnock,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { changed() },
				OnStoppedLeading: func() {
					if term.Err() == nil {
						l.renewed.Store(nil)
					}
					changed()
				},
			},
		})
		if err != nil {
			panic(fmt.Sprintf("lease: %v", err)) // the durations above do not fit together
		}
		elector.Run(term)
		end()
		if lock.yielded {
			_ = l.release(client) // if that fails, it ends by itself
			changed()
		}
		l.leaving.Store(false)
	}
}

// watchedLock is a Lease lock that notes how long we may believe in it, leaves it alone where it is not our turn, and
// takes over at once what a process on this machine left behind when it died.
type watchedLock struct {
	resourcelock.LeaseLock
	lease   *lease
	changed func()
	end     func() // ends the elector
	yielded bool   // it was ended since it is somebody else's turn

	asked time.Time // when the API server was last asked, which answered:
	said  *resourcelock.LeaderElectionRecord
	raw   []byte
	err   error
	cried string // what was complained about last
}

var (
	errNotOurTurn = errors.New("it is another replica's turn")
	errGivenUp    = errors.New("it is given up for another replica")
)

// Get reads the Lease. Whoever would not take it now, or has to wait for its holder, does not ask often.
func (w *watchedLock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	if pause := w.pause(); !w.asked.IsZero() && time.Since(w.asked) < pause-leaseKnock/2 {
		return w.said, w.raw, w.err
	}
	ctx, cancel := context.WithTimeout(ctx, leaseRequest)
	defer cancel()
	w.asked = time.Now()
	w.said, w.raw, w.err = w.LeaseLock.Get(ctx)
	w.complain(w.err)
	if w.err != nil {
		return w.said, w.raw, w.err
	}
	if dead(w.said.HolderIdentity, w.lease.identity) {
		w.said.HolderIdentity = ""
	}
	w.note(w.said.HolderIdentity)
	return w.said, w.raw, nil
}

// pause is how long what was said about the Lease is believed.
func (w *watchedLock) pause() time.Duration {
	switch {
	case w.lease.turn == nil:
		return leaseRenew
	case w.lease.turn():
		return leaseKnock
	}
	return leaseLook
}

// Create makes the Lease ours.
func (w *watchedLock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return w.write(ctx, record, w.LeaseLock.Create)
}

// Update makes the Lease ours, or keeps it. It is kept without asking while it was renewed a moment ago.
func (w *watchedLock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	if !w.lease.held() {
		return w.write(ctx, record, w.LeaseLock.Update)
	}
	was := w.lease.leaving.Load()
	if w.lease.yields() {
		w.yielded = true
		w.end()
		return errGivenUp
	}
	if w.lease.leaving.Load() != was {
		w.changed()
	}
	if age, ours := w.lease.age(); ours && age < leaseRenew-leaseKnock/2 {
		return nil
	}
	return w.write(ctx, record, w.LeaseLock.Update)
}

// write has the Lease changed, and notes from before the request that did it that it is ours.
func (w *watchedLock) write(ctx context.Context, record resourcelock.LeaderElectionRecord,
	do func(context.Context, resourcelock.LeaderElectionRecord) error,
) error {
	if !w.lease.held() && !w.lease.ourTurn() {
		return errNotOurTurn
	}
	ctx, cancel := context.WithTimeout(ctx, leaseRequest)
	defer cancel()
	from := time.Now()
	if err := do(ctx, record); err != nil {
		w.asked = time.Time{} // it is not as it was said to be
		w.complain(err)
		return err
	}
	w.note(record.HolderIdentity)
	w.lease.renewed.Store(&from)
	w.lease.barred.Store(false)
	return nil
}

// complain logs what is wrong with the Lease, once until something else is. That somebody was faster, or that there
// is none yet, is not wrong.
func (w *watchedLock) complain(err error) {
	switch {
	case err == nil:
		w.cried = ""
	case apierrors.IsNotFound(err), apierrors.IsConflict(err), apierrors.IsAlreadyExists(err), errors.Is(err, context.Canceled):
	case err.Error() != w.cried:
		if apierrors.IsForbidden(err) {
			w.lease.barred.Store(true) // until it is written, or asked for with other credentials
		}
		w.cried = err.Error()
		klog.Background().Error(err, "lease", "name", w.lease.name)
	}
}

// note remembers who holds the Lease, and tells when that changed.
func (w *watchedLock) note(holder string) {
	before := w.lease.holder.Swap(&holder)
	if before == nil || *before != holder {
		w.changed()
	}
}

var _ resourcelock.Interface = (*watchedLock)(nil)
