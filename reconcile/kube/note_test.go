package kube

import (
	"context"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/release"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
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
				fleet: &Fleet{Options: Options{ReadOnly: tt.readOnly}}, lease: &lease{}, session: &session{jobs: jobs},
			}
			if tt.held {
				now := time.Now()
				c.lease.renewed.Store(&now)
			}
			obs := reconcile.Observed{Health: reconcile.Healthy, Revision: 1, ReadySince: noon()}
			c.remember(releaseKey{"ns", "web"}, &known{}, obs, record{Revision: 1})
			if got := len(c.noting) > 0; got != tt.want || (jobs.Len() > 0) != tt.want {
				t.Errorf("noting: %v with %d jobs, want %v", got, jobs.Len(), tt.want)
			}
		})
	}
}

func TestWhatIsFoundOfARevisionWithoutRecord(t *testing.T) {
	before := record{
		Revision: 1, Digest: "d1", Author: "ada", ReadySince: &time.Time{}, Survived: true,
		History: []transition{{Revision: 2, Error: "no image", Digest: "d2"}, {Revision: 1, Digest: "d1", Ready: true}},
	}
	update := rev(3, release.StatusDeployed, map[string]string{markCommit: "dir.ab12"})
	rollback := rev(3, release.StatusDeployed, map[string]string{markAttempted: "d2", markDigest: "d1"})
	for name, tt := range map[string]struct {
		had  record
		rev  revision
		want transition
	}{
		"lost":      {record{}, update, transition{Revision: 3, Commit: "dir:ab12", Digest: "d3"}},
		"outrun":    {before, update, transition{Revision: 3, Commit: "dir:ab12", Digest: "d3"}},
		"went back": {before, rollback, transition{Revision: 3, Error: "no image"}},
		"both so":   {record{}, rollback, transition{Revision: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			got := tt.had.found(tt.rev)
			if got.Revision != 3 || got.Digest != tt.rev.labels[markDigest] || !got.made().Equal(tt.rev.made) || got.Author != "" {
				t.Errorf("the record is %+v", got)
			}
			if len(got.History) != len(tt.had.History)+1 {
				t.Errorf("the history is %+v", got.History)
			}
			step := got.last()
			step.At, step.Op, step.Reason = time.Time{}, "", ""
			if step != tt.want {
				t.Errorf("found is %+v, want %+v", step, tt.want)
			}
		})
	}
}

func TestARecordThatIsLostIsWrittenAgain(t *testing.T) {
	w := newWorld(t)
	w.want.Commit.SHA = "dir:ab12"
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap, "d.yaml": deployment}), map[string]any{"size": int64(1)})
	has := func() reconcile.Observed { return w.plan(it.ID).Have }
	told := func() bool { obs := has(); return obs.Survived && len(obs.Past) > 0 && obs.Past[0].Ready }
	w.do(it.ID, reconcile.OpCreate)
	w.until("it to be noted", told)
	since := has().ReadySince
	maps := w.kube.CoreV1().ConfigMaps(w.space)
	drop := func() {
		if err := maps.Delete(t.Context(), recordName("web"), metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	drop()
	w.until("the record to be seen gone and written again", func() bool {
		told := told()
		got, err := maps.Get(t.Context(), recordName("web"), metav1.GetOptions{})
		return told && err == nil && got.Labels[recordLabel] == "web"
	})
	if obs := has(); !obs.ReadySince.Equal(since) || obs.Commit != "dir:ab12" || obs.Past[0].Digest != obs.Digest || obs.Past[0].Commit != "dir:ab12" {
		t.Errorf("since %s, want %s; %+v", obs.ReadySince, since, obs)
	}

	w.stop()
	drop()
	w.start(kubetest.Dir(t))
	w.until("another process to write it", told)
	w.until("its objects to be marked", func() bool {
		told, rec := told(), w.saved(nil) // it is looked at when somebody asks
		return told && rec.Revision == 1 && rec.last().Op == "found" && len(rec.Objects) == 2 && rec.Objects[0].Mark != "" && rec.Objects[1].Mark != ""
	})
	if obs := has(); !obs.ReadySince.After(since) {
		t.Errorf("it is told to be ready since %s, which nobody knows any more", obs.ReadySince)
	}
}

// A process that is killed between Helm's last word and the record leaves the one before.
func TestARecordThatIsOutrunIsWrittenAgain(t *testing.T) {
	w := newWorld(t)
	w.want.Commit.SHA = "dir:ab12"
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap}), map[string]any{"size": int64(1)})
	has := func() reconcile.Observed { return w.plan(it.ID).Have }
	told := func() bool { obs := has(); return obs.Survived && len(obs.Past) > 0 && obs.Past[0].Ready }
	w.do(it.ID, reconcile.OpCreate)
	w.until("it to be noted", told)
	before := w.saved(nil)
	it.Release.Values, w.want.Commit.SHA = map[string]any{"size": int64(2)}, "dir:cd34"
	w.do(it.ID, reconcile.OpUpdate)
	w.until("it to be noted again", told)
	w.stop()
	w.saved(func(rec *record) { *rec = before })
	w.start(kubetest.Dir(t))
	w.until("the record to catch up", func() bool { return told() && len(has().Past) == 2 })
	if obs := has(); obs.Commit != "dir:cd34" || obs.Past[0].Digest != obs.Digest || obs.Past[0].Commit != "dir:cd34" || obs.Past[1].Commit != "dir:ab12" {
		t.Errorf("then it is %+v", obs)
	}
}

// Whoever only looks tells the same and is soon done.
func TestWhoeverOnlyLooksNotesNothing(t *testing.T) {
	w := newWorld(t)
	it := w.item("web", w.chart("1.0.0", map[string]string{"c.yaml": configMap}), map[string]any{"size": int64(1)})
	w.do(it.ID, reconcile.OpCreate)
	w.inSync(it.ID)
	w.stop()
	maps := w.kube.CoreV1().ConfigMaps(w.space)
	if err := maps.Delete(t.Context(), recordName("web"), metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w.end = cancel
	w.fleet = NewFleet(ctx, Options{Identity: Identity(), Credentials: Credentials{Dir: kubetest.Dir(t)}, Charts: w.charts, ReadOnly: true})
	w.fleet.Use(w.want)
	w.cluster = w.fleet.Real("eu")
	w.until("it to be looked at", func() bool { return w.cluster.Live().Looked })
	w.until("it to be quiet", func() bool {
		live := w.cluster.Live()
		select {
		case <-w.fleet.Changed():
			return false
		case <-time.After(200 * time.Millisecond):
			return live.Releases[it.ID].Health == reconcile.Healthy
		}
	})
	if live := w.cluster.Live(); live.Noting || live.Releases[it.ID].ReadySince.IsZero() {
		t.Errorf("noting %v; it is ready since %s", live.Noting, live.Releases[it.ID].ReadySince)
	}
	if _, err := maps.Get(t.Context(), recordName("web"), metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the record: %v", err)
	}
}
