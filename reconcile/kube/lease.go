package kube

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// How long a Lease counts, how often it is renewed, and how long that may fail. An idle cluster sees 240
// renewals an hour; a process that died is succeeded within little more than a minute.
const (
	leaseDuration = 60 * time.Second
	leaseRenew    = 15 * time.Second
	leaseDeadline = 45 * time.Second
	leaseRequest  = 10 * time.Second // bounds one request about a Lease
)

// leaseMargin is how much earlier than the Lease says nothing is begun to be written any more, and leaseSlack how
// much earlier what was begun is given up: what is left is for clocks that do not run equally fast, and for the API
// server to stop what it was at.
const (
	leaseMargin = 15 * time.Second
	leaseSlack  = 5 * time.Second
)

// lease is the right to act on one cluster. The right is the Lease object in that cluster; renewed tells how long we
// may believe that it is ours, by our own clock and no other.
type lease struct {
	name, namespace, identity string

	turn   func() bool // whether it is our turn to hold it; nil: always
	acting func() bool // whether something is in hand that needs it; nil: never

	renewed atomic.Pointer[time.Time] // when the request was sent that last made it ours; nil: it is not ours
	writing atomic.Int64              // requests under way that need it
	leaving atomic.Bool               // it is given up as soon as nothing is in hand
	holder  atomic.Pointer[string]    // who holds it; nil: not known
	barred  atomic.Bool               // the cluster does not let us have it, by its rules
}

// leaseName is the Lease of a cluster. Two names for one API server are two clusters here as everywhere.
func leaseName(owner, cluster string) string { return "reconcile-" + owner + ".cluster." + cluster }

// age is how long ago the Lease was last made ours; ours is false where it is not. Both of the system's clocks are
// asked, and the one that says more is believed: one of them stands still while a machine sleeps, the other may be set.
func (l *lease) age() (age time.Duration, ours bool) {
	from := l.renewed.Load()
	if from == nil {
		return 0, false
	}
	return elapsed(*from, time.Now()), true
}

// elapsed is the longer of what passed between two times by the monotonic clock and by the wall clock.
func elapsed(from, to time.Time) time.Duration {
	return max(to.Sub(from), to.Round(0).Sub(from.Round(0)))
}

// held says whether we may write now.
func (l *lease) held() bool {
	age, ours := l.age()
	return ours && age < leaseDuration-leaseMargin
}

// free says whether something may be begun: the Lease is ours, and we do not want to give it up.
func (l *lease) free() bool { return l.held() && !l.leaving.Load() }

// left is for how long what is begun now may go on.
func (l *lease) left() time.Duration {
	age, ours := l.age()
	if !ours {
		return 0
	}
	return leaseDuration - leaseSlack - age
}

// enter notes that a request is under way that needs the Lease, until the function that it returns is called. Only
// after that may it be asked whether the Lease is held: whoever gives it up waits for what has entered.
func (l *lease) enter() (leave func()) {
	l.writing.Add(1)
	return func() { l.writing.Add(-1) }
}

// holding names the holder.
func (l *lease) holding() string {
	if who := l.holder.Load(); who != nil {
		return *who
	}
	return ""
}

// ourTurn says whether we should hold it, if we can.
func (l *lease) ourTurn() bool { return l.turn == nil || l.turn() }

// yields says whether a Lease that is ours is to be given up now: it is somebody else's turn, and nothing is in hand
// any more. Until then nothing is begun.
func (l *lease) yields() bool {
	if l.ourTurn() {
		l.leaving.Store(false)
		return false
	}
	l.leaving.Store(true)
	return l.acting == nil || !l.acting()
}

func (l *lease) lock(client kubernetes.Interface) resourcelock.LeaseLock {
	return resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Name: l.name, Namespace: l.namespace},
		Client:     client.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: l.identity},
	}
}

// errWriting says that the Lease cannot be given back since something is still being written.
var errWriting = errors.New("something is being written still")

// release gives the Lease back if it is ours, so that whoever comes next need not wait for its end. What is being
// written is waited for; where that takes long, the Lease is left to end by itself.
func (l *lease) release(client kubernetes.Interface) error {
	if l.renewed.Swap(nil) == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
	defer cancel()
	for tick := time.NewTicker(5 * time.Millisecond); l.writing.Load() > 0; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return fmt.Errorf("lease %s: %w", l.name, errWriting)
		case <-tick.C:
		}
	}
	lock := l.lock(client)
	record, _, err := lock.Get(ctx)
	if err != nil || record.HolderIdentity != l.identity {
		return err
	}
	return lock.Update(ctx, resourcelock.LeaderElectionRecord{
		LeaseDurationSeconds: 1, AcquireTime: record.AcquireTime, RenewTime: metav1.Now(),
		LeaderTransitions: record.LeaderTransitions,
	})
}

// releaseTimeout bounds giving the Lease back: a cluster that does not answer must not hold up the end.
const releaseTimeout = 3 * time.Second
