package status

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// replicas are two posters in front of one hub, one of which may post.
type replicas struct {
	*posting
	posters [2]*Poster
	speaks  atomic.Int64
}

func startReplicas(t *testing.T) *replicas {
	h := newHub("github")
	r := &replicas{posting: &posting{hub: h}}
	ctx, cancel := context.WithCancel(t.Context())
	var ended []chan struct{}
	for i := range r.posters {
		forge := h.forge(t, &http.Client{Transport: direct{h}}, "https://github.example.com")
		r.posters[i] = NewPoster(PosterOptions{Forge: func() Forge {
			if r.speaks.Load() != int64(i) {
				return nil
			}
			return forge
		}})
		done := make(chan struct{})
		ended = append(ended, done)
		go func() {
			defer close(done)
			r.posters[i].Run(ctx)
		}()
	}
	r.stop = func() {
		cancel()
		for _, done := range ended {
			<-done
		}
	}
	return r
}

// report gives both, or one of them, a report.
func (r *replicas) report(rep reconcile.Report, to ...int) {
	for _, i := range to {
		r.posters[i].Report(rep)
	}
	time.Sleep(time.Minute)
	synctest.Wait()
}

// Of several replicas one posts, and whoever comes next says what is so then: what stands there is left alone where it
// is right, and put right where it is not.
func TestOneOfSeveralReplicasPosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startReplicas(t)
		defer r.stop()
		w, it := one()
		r.report(w.report(), 0, 1)
		r.want(t, "1a2b3c4 apply pending 0 of 1 providers applied (1)", "1a2b3c4 apply/eu pending 0 of 1 providers applied (1)")
		r.speaks.Store(1)
		r.report(w.report(), 0, 1)
		r.want(t, "1a2b3c4 apply pending 0 of 1 providers applied (1)", "1a2b3c4 apply/eu pending 0 of 1 providers applied (1)")
		w.put(it, nil)
		r.report(w.report(), 0, 1)
		done := []string{"1a2b3c4 apply success 1 of 1 Ready (2)", "1a2b3c4 apply/eu success 1 of 1 Ready (2)"}
		r.want(t, done...)
		r.speaks.Store(0)
		r.report(w.report(), 0, 1)
		r.want(t, done...)
	})
}

// A replica that missed how a commit ended does not call it overtaken when it comes to post.
func TestTheLastWordOnAnOlderCommitStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startReplicas(t)
		defer r.stop()
		w, it := one()
		r.report(w.report(), 0, 1)
		w.put(it, nil)
		r.report(w.report(), 0)
		w.Commit.SHA, w.Head.SHA = "5d6e7f8", "5d6e7f8"
		w.Want.Commit.SHA = "5d6e7f8"
		r.speaks.Store(1)
		r.report(w.report(), 1)
		r.want(t, "1a2b3c4 apply success 1 of 1 Ready (2)", "1a2b3c4 apply/eu success 1 of 1 Ready (2)",
			"5d6e7f8 apply success 1 of 1 Ready (1)", "5d6e7f8 apply/eu success 1 of 1 Ready (1)")
	})
}
