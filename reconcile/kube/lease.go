package kube

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// How long a Lease counts and how often it is renewed. An idle cluster sees 240 renewals an hour; a
// process that died is succeeded within a minute.
const (
	leaseDuration = 60 * time.Second
	leaseRenew    = 45 * time.Second
	leaseRetry    = 15 * time.Second
)

// leaseMargin is how much earlier than the Lease says we stop writing: a request sent before the end must
// not arrive after it.
const leaseMargin = requestTimeout / 2

// lease is the right to act on one cluster. The right is the Lease object in that cluster; until is how
// long we may believe that it is ours, by our own clock and no other.
type lease struct {
	name, namespace, identity string

	until  atomic.Int64 // monotonic offset from start, in nanoseconds; 0: not ours
	start  time.Time
	holder atomic.Pointer[string] // who holds it; nil: not known
}

func newLease(namespace, owner, identity string) *lease {
	return &lease{name: "reconcile-" + owner, namespace: namespace, identity: identity, start: time.Now()}
}

// held says whether we may write now.
func (l *lease) held() bool {
	until := l.until.Load()
	return until != 0 && time.Since(l.start) < time.Duration(until)
}

// holding names the holder.
func (l *lease) holding() string {
	if who := l.holder.Load(); who != nil {
		return *who
	}
	return ""
}

// extend counts the Lease as ours, from before the request that renewed it was sent.
func (l *lease) extend(from time.Time) {
	l.until.Store(int64(from.Sub(l.start) + leaseDuration - leaseMargin))
}

// run takes the Lease, keeps it, and takes it again when it was lost, until ctx ends. It is ours beyond
// that, for as long as it lasts; see release. changed is called whenever it was won or lost.
func (l *lease) run(ctx context.Context, client kubernetes.Interface, changed func()) {
	lock := &watchedLock{lease: l, changed: changed, LeaseLock: l.lock(client)}
	for ctx.Err() == nil {
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: lock, Name: l.name, LeaseDuration: leaseDuration, RenewDeadline: leaseRenew, RetryPeriod: leaseRetry,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { changed() },
				OnStoppedLeading: func() {
					if ctx.Err() == nil {
						l.until.Store(0)
					}
					changed()
				},
			},
		})
		if err != nil {
			panic(fmt.Sprintf("lease: %v", err)) // the durations above do not fit together
		}
		elector.Run(ctx)
	}
}

func (l *lease) lock(client kubernetes.Interface) resourcelock.LeaseLock {
	return resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Name: l.name, Namespace: l.namespace},
		Client:     client.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: l.identity},
	}
}

// release gives the Lease back if it is ours, so that whoever comes next need not wait for its end.
func (l *lease) release(client kubernetes.Interface) error {
	if l.until.Swap(0) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
	defer cancel()
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

// watchedLock is a Lease lock that notes how long we may believe in it, and takes over at once what a
// process on this machine left behind when it died.
type watchedLock struct {
	resourcelock.LeaseLock
	lease   *lease
	changed func()
}

// Get reads the Lease.
func (w *watchedLock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := w.LeaseLock.Get(ctx)
	if err != nil {
		return record, raw, err
	}
	if dead(record.HolderIdentity, w.lease.identity) {
		record.HolderIdentity = ""
	}
	w.note(record.HolderIdentity)
	return record, raw, nil
}

// Create makes the Lease ours.
func (w *watchedLock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	from := time.Now()
	return w.wrote(from, record, w.LeaseLock.Create(ctx, record))
}

// Update makes the Lease ours, keeps it, or gives it back.
func (w *watchedLock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	from := time.Now()
	return w.wrote(from, record, w.LeaseLock.Update(ctx, record))
}

func (w *watchedLock) wrote(from time.Time, record resourcelock.LeaderElectionRecord, err error) error {
	if err != nil {
		return err
	}
	w.note(record.HolderIdentity)
	if record.HolderIdentity == w.lease.identity {
		w.lease.extend(from)
		return nil
	}
	w.lease.until.Store(0)
	return nil
}

// note remembers who holds the Lease, and tells when that changed.
func (w *watchedLock) note(holder string) {
	before := w.lease.holder.Swap(&holder)
	if before == nil || *before != holder {
		w.changed()
	}
}

var _ resourcelock.Interface = (*watchedLock)(nil)

// Identity names this process in Leases: host, process namespace, process and its start, which together
// let a process that starts on the same machine see that its predecessor is gone, and a random part that
// no two processes share.
func Identity() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return strings.Join([]string{host, pidNamespace(), strconv.Itoa(os.Getpid()), startTime(os.Getpid()), uuid.NewString()[:8]}, "_")
}

// dead says whether holder was a process of our own process namespace that is gone.
func dead(holder, own string) bool {
	theirs, ours := strings.Split(holder, "_"), strings.Split(own, "_")
	if len(theirs) != 5 || len(ours) != 5 || theirs[0] != ours[0] || theirs[1] != ours[1] || ours[1] == "" {
		return false
	}
	pid, err := strconv.Atoi(theirs[2])
	return err == nil && theirs[3] != "" && startTime(pid) != theirs[3]
}

// pidNamespace tells one set of process numbers from another; empty where the system does not say.
func pidNamespace() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	ns, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return strings.Trim(strings.TrimPrefix(ns, "pid:"), "[]") + "-" + string(boot[:min(8, len(boot))])
}

// startTime is when a process was started, in the system's own count; empty: there is none.
func startTime(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) || err != nil {
		return ""
	}
	_, rest, found := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if !found || len(fields) < 20 || fields[0] == "Z" { // a zombie has ended and waits to be collected
		return ""
	}
	return fields[19] // field 22 of proc(5)
}
