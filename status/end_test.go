package status

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

func TestTheLastWordsArePostedAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPosting(t)
		w, it := one()
		p.Report(w.report())
		synctest.Wait()
		w.put(it, func(o *reconcile.Observed) { o.Health = reconcile.Progressing })
		p.Report(w.report())
		p.stop()
		p.want(t, "1a2b3c4 apply pending 1 of 1 providers applied, 0 Ready (2)",
			"1a2b3c4 apply/eu pending 1 of 1 providers applied, 0 Ready (2)")
	})
}

func TestTheEndDoesNotWaitForTheNextTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPosting(t)
		w, it := one()
		w.put(it, nil)
		p.isDown(true)
		p.Report(w.report())
		time.Sleep(time.Hour)
		p.isDown(false)
		p.stop()
		p.want(t, "1a2b3c4 apply success 1 of 1 Ready (1)", "1a2b3c4 apply/eu success 1 of 1 Ready (1)")
	})
}

func TestAHungForgeDoesNotHoldUpTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPosting(t)
		p.failNext(hang, hang, hang, hang)
		w, _ := one()
		p.Report(w.report())
		synctest.Wait()
		began := time.Now()
		p.stop()
		if took := time.Since(began); took != lastWords {
			t.Errorf("took %s", took)
		}
	})
}
