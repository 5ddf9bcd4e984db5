package kube

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Whichever clock says more is believed: the monotonic one stands still while a machine sleeps.
func TestTheClockThatSaysMoreIsBelieved(t *testing.T) {
	now := time.Now()
	slept := now.Round(0).Add(time.Hour) // has no monotonic part
	if got := elapsed(now, slept); got != time.Hour {
		t.Errorf("by the wall clock alone %s passed, want 1h", got)
	}
	if got := elapsed(now, now.Add(time.Minute)); got != time.Minute {
		t.Errorf("by both %s passed, want 1m", got)
	}
}

// world of two replicas that want one Lease, and time that stands still while they work.
type contest struct {
	*testing.T
	api  *fake.Clientset
	turn atomic.Pointer[string]
	busy atomic.Bool
}

func (c *contest) lease(name string) *lease {
	l := &lease{name: "l", namespace: "default", identity: name, acting: c.busy.Load}
	l.turn = func() bool { return *c.turn.Load() == name }
	return l
}

// holder is who holds the Lease by what the API server has.
func (c *contest) holder() string {
	c.Helper()
	got, err := c.api.CoordinationV1().Leases("default").Get(c.Context(), "l", metav1.GetOptions{})
	if err != nil {
		c.Fatal(err)
	}
	return *got.Spec.HolderIdentity
}

// writes counts the requests that changed something since the last time.
func (c *contest) writes() (n int) {
	for _, a := range c.api.Actions() {
		if a.GetVerb() != "get" {
			n++
		}
	}
	c.api.ClearActions()
	return n
}

// A Lease goes to the replica whose turn it is, after what is in hand; one that is gone is succeeded.
func TestALeaseIsHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &contest{T: t, api: fake.NewClientset()}
		name := "a"
		c.turn.Store(&name)
		a, b := c.lease("a"), c.lease("b")
		ctxA, killA := context.WithCancel(t.Context())
		ctxB, endB := context.WithCancel(t.Context())
		var ended [2]chan struct{}
		for i, l := range []*lease{a, b} {
			ended[i] = make(chan struct{})
			go func() {
				l.run([]context.Context{ctxA, ctxB}[i], c.api, func() {})
				close(ended[i])
			}()
		}
		pass := func(d time.Duration) { time.Sleep(d); synctest.Wait() }
		pass(10 * time.Second)
		if !a.free() || b.held() {
			t.Fatalf("a holds it: %v, b: %v", a.held(), b.held())
		}
		c.writes()
		pass(5 * time.Minute)
		if n := c.writes(); n < 18 || n > 21 {
			t.Errorf("it was written %d times in 5 min, want 20", n)
		}
		name2 := "b"
		c.busy.Store(true)
		c.turn.Store(&name2)
		pass(5 * time.Minute)
		if !a.held() || a.free() || b.held() {
			t.Fatalf("while something is in hand: a holds it: %v, begins something: %v; b holds it: %v", a.held(), a.free(), b.held())
		}
		c.busy.Store(false)
		pass(12 * time.Second)
		if a.held() || !b.free() || c.holder() != "b" {
			t.Fatalf("12 s after that: a holds it: %v, b: %v; it is %s's", a.held(), b.held(), c.holder())
		}
		c.turn.Store(&name) // it is a's again, who dies right after that
		pass(12 * time.Second)
		killA()
		<-ended[0]
		c.turn.Store(&name2)
		pass(leaseDuration - 20*time.Second)
		if b.held() {
			t.Error("b took it while it was a's")
		}
		pass(40 * time.Second)
		if !b.free() {
			t.Error("b did not take it after that")
		}
		endB()
		<-ended[1]
	})
}

// A write ends before the Lease may be somebody else's, and what waited on its way is not sent without the Lease.
func TestAWriteIsBoundToTheLease(t *testing.T) {
	asked := make(chan string, 10)
	url := server(t, func(_ http.ResponseWriter, r *http.Request) { asked <- r.URL.Query().Get("timeout") })
	l := &lease{}
	renewed := func(ago time.Duration) { at := time.Now().Add(-ago); l.renewed.Store(&at) }
	g := &gate{next: http.DefaultTransport, heard: func(error) {}, stats: &Stats{}, lease: l, fence: func() error {
		if !l.held() {
			return fenced("another")
		}
		return nil
	}}
	send := func(body io.Reader) error {
		req := httptest.NewRequest("POST", url+"/api/v1/namespaces/n/secrets", body).WithContext(t.Context())
		req.RequestURI = ""
		resp, err := g.RoundTrip(req)
		if err == nil {
			err = resp.Body.Close()
		}
		return err
	}
	for _, tt := range []struct{ age, least, most time.Duration }{
		{0, requestTimeout - time.Second, requestTimeout},
		{40 * time.Second, 14 * time.Second, leaseDuration - leaseSlack - 40*time.Second},
	} {
		renewed(tt.age)
		if err := send(strings.NewReader("{}")); err != nil {
			t.Fatal(err)
		}
		if d, err := time.ParseDuration(<-asked); err != nil || d < tt.least || d > tt.most {
			t.Errorf("%s after it was renewed the API server is given %s (%v), want %s to %s", tt.age, d, err, tt.least, tt.most)
		}
	}
	renewed(0)
	slow := readerFunc(func([]byte) (int, error) {
		renewed(leaseDuration) // as long as it took to get here
		return 0, io.EOF
	})
	if err := send(io.MultiReader(strings.NewReader("{"), slow, strings.NewReader("}"))); !errors.Is(err, reconcile.ErrFenced) {
		t.Errorf("what was sent while the Lease was lost ended with %v", err)
	}
	if n := l.writing.Load(); n != 0 {
		t.Errorf("%d writes are under way still", n)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A Lease is not given back under a write.
func TestALeaseIsNotGivenBackUnderAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &contest{T: t, api: fake.NewClientset()}
		name := "a"
		c.turn.Store(&name)
		l := c.lease("a")
		ctx, end := context.WithCancel(t.Context())
		go l.run(ctx, c.api, func() {})
		time.Sleep(time.Second)
		leave := l.enter()
		end()
		synctest.Wait()
		go func() { time.Sleep(time.Second); leave() }()
		if err := l.release(c.api); err != nil {
			t.Fatal(err)
		}
		if l.writing.Load() != 0 || c.holder() != "" {
			t.Errorf("it was given back to %q with %d writes under way", c.holder(), l.writing.Load())
		}
		now := time.Now()
		l.renewed.Store(&now)
		l.enter()
		if err := l.release(c.api); !errors.Is(err, errWriting) || l.held() {
			t.Errorf("with a write that does not end: %v, held: %v", err, l.held())
		}
	})
}
