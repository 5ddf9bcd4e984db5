package kube

import (
	"testing"
	"time"

	"k8s.io/client-go/util/workqueue"

	"github.com/workspace-providers/reconcile/reconcile"
)

// noon is when tests begin.
func noon() time.Time { return time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) }

// TestSinceWhenAReleaseIsReady: each step is a look, a minute after the one before.
func TestSinceWhenAReleaseIsReady(t *testing.T) {
	type look struct {
		health   reconcile.Health
		recorded int // minutes after noon, in the record; 0: not written down
		want     int // likewise, what is told
	}
	const well, ill, unknown = reconcile.Healthy, reconcile.Progressing, reconcile.HealthUnknown
	for name, looks := range map[string][]look{
		"from the first look on, before it is written down": {{well, 0, 1}, {well, 0, 1}, {well, 1, 1}},
		"what is written down holds":                        {{well, -60, -60}, {well, -60, -60}},
		"and is remembered when that is lost":               {{well, -60, -60}, {well, 0, -60}},
		"after it was not, from when it is again":           {{well, -60, -60}, {ill, -60, -60}, {well, -60, 3}, {well, -60, 3}, {well, 3, 3}},
		"so in a process that began meanwhile":              {{ill, -60, -60}, {well, -60, 2}},
		"where another process wrote that down":             {{well, -60, -60}, {ill, -60, -60}, {well, 3, 3}},
		"not knowing changes nothing":                       {{well, 0, 1}, {unknown, 0, 0}, {well, 0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			at := func(minutes int) time.Time {
				if minutes == 0 {
					return time.Time{}
				}
				return noon().Add(time.Duration(minutes) * time.Minute)
			}
			k := &known{}
			for i, l := range looks {
				obs := reconcile.Observed{Health: l.health, ReadySince: at(l.recorded)}
				k.stay(&obs, at(i+1))
				if !obs.ReadySince.Equal(at(l.want)) {
					t.Errorf("look %d: since %s, want %s", i+1, obs.ReadySince, at(l.want))
				}
			}
		})
	}
}

func TestOnlyTheHolderOfTheLeaseNotesWhatIsReady(t *testing.T) {
	for name, tt := range map[string]struct{ held, readOnly, want bool }{
		"the holder": {held: true, want: true},
		"a standby":  {},
		"read-only":  {held: true, readOnly: true},
	} {
		t.Run(name, func(t *testing.T) {
			jobs := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[job]())
			t.Cleanup(jobs.ShutDown)
			c := &Cluster{
				fleet: &Fleet{Options: Options{ReadOnly: tt.readOnly}}, lease: newLease("default", "acme", "me"), session: &session{jobs: jobs},
			}
			if tt.held {
				c.lease.extend(time.Now())
			}
			obs := reconcile.Observed{Health: reconcile.Healthy, Revision: 1, ReadySince: noon()}
			c.remember(releaseKey{"ns", "web"}, &known{}, &obs, record{Revision: 1})
			if got := len(c.noting) > 0; got != tt.want || (jobs.Len() > 0) != tt.want {
				t.Errorf("noting: %v with %d jobs, want %v", got, jobs.Len(), tt.want)
			}
		})
	}
}
