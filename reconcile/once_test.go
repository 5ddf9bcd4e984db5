package reconcile

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestOnceEnds(t *testing.T) {
	it, other := testItem("eu", "frankfurt"), testItem("us", "boston")
	for _, test := range []struct {
		name  string
		takes time.Duration
		given func(r *rig)
	}{
		{"when everything is in place, and well", time.Second, func(*rig) {}},
		{"not before what is in hand is done", time.Minute + time.Second, func(r *rig) {
			r.fleet.clusters["eu"].do = func(context.Context, Action) error { time.Sleep(time.Minute); return nil }
		}},
		{"when only failures are left", time.Second, func(r *rig) {
			r.fleet.clusters["eu"].do = func(context.Context, Action) error { return errRefused }
		}},
		{"when only holds are left", time.Second, func(r *rig) {
			foreign := inPlace(it)
			foreign.Owner = ""
			r.fleet.clusters["eu"].live.Releases[it.ID] = foreign
		}},
		{"when what is left works no more", time.Second, func(r *rig) {
			broken := inPlace(it)
			broken.Health = Unhealthy
			r.fleet.clusters["eu"].live.Releases[it.ID] = broken
		}},
		{"when a cluster cannot be reached", time.Second, func(r *rig) {
			r.fleet.clusters["eu"].live = ClusterLive{Err: "connection refused"}
		}},
		{"not before every cluster was looked at", time.Minute, func(r *rig) {
			r.fleet.clusters["eu"].live.Looked = false
			r.soon("eu", func(live *ClusterLive) { live.Looked = true })
		}},
		{"not before a cluster is known to answer or not", time.Minute + time.Second, func(r *rig) {
			r.fleet.clusters["eu"].live = ClusterLive{}
			r.soon("eu", func(live *ClusterLive) {
				*live = ClusterLive{Reachable: true, Looked: true, Counted: true, Held: true, Releases: map[ID]Observed{}}
			})
		}},
		{"not before we may act", time.Minute + time.Second, func(r *rig) {
			r.fleet.clusters["eu"].live.Held = false
			r.soon("eu", func(live *ClusterLive) { live.Held = true })
		}},
		{"not before what was seen is written down", time.Minute, func(r *rig) {
			r.fleet.clusters["eu"].live.Noting = true
			r.soon("eu", func(live *ClusterLive) { live.Noting = false })
		}},
		{"not because somebody was faster", 2 * time.Second, func(r *rig) {
			outrun := false
			r.fleet.clusters["eu"].do = func(context.Context, Action) error {
				if !outrun {
					outrun = true
					return ErrMoved
				}
				return nil
			}
		}},
		{"when an end waits for what cannot be", time.Second, func(r *rig) {
			left := testItem("us", "frankfurt")
			r.fleet.clusters["us"].live.Releases[left.ID] = inPlace(left)
			r.fleet.clusters["eu"].do = func(context.Context, Action) error { return errRefused }
		}},
		{"at once when nothing is valid", 0, func(r *rig) { r.source.set(Target{HeadErr: errRefused}) }},
		{"at once when nothing can be read", 0, func(r *rig) { r.source.set(Target{FetchErr: errRefused}) }},
		{"read-only, after one look", 0, func(r *rig) { r.ReadOnly = true }},
		{"read-only, not before everything was rendered", time.Minute, func(r *rig) {
			r.ReadOnly, r.Previewer = true, r.preview
			r.preview.takes = func(string) time.Duration { return time.Minute }
		}},
		{"read-only, when something cannot be rendered", 0, func(r *rig) {
			r.ReadOnly, r.Previewer = true, r.preview
			r.preview.fails = func(Action) error { return errRefused }
		}},
	} {
		bubble(t, test.name, func(t *testing.T) {
			r := newRig(it, other)
			r.Once = true
			test.given(r)
			began := time.Now()
			ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
			defer cancel()
			rep := r.Run(ctx)
			if took := time.Since(began); took != test.takes {
				t.Errorf("it ended after %v, want %v; %v", took, test.takes, started(rep.Plan, rep.Want, rep.Live))
			}
			synctest.Wait()
		})
	}
}

// soon changes a cluster in a minute.
func (r *rig) soon(cluster string, change func(live *ClusterLive)) {
	time.AfterFunc(time.Minute, func() { r.fleet.clusters[cluster].edit(change) })
}
