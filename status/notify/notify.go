package notify

import (
	"cmp"
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Notifier tells receivers of incidents. It is a reconcile.Reporter: Report leaves the newest report with Run, which
// never waits for a receiver.
type Notifier struct {
	o       Options
	bell    chan struct{}
	tracker *tracker // Run's alone

	speaking  bool                 // Run's alone
	receivers map[string]*receiver // Run's alone
	told      book                 // what receivers were told that there are none of yet; Run's alone
	kept      []byte               // what the memory holds; Run's alone
	tasks     sync.WaitGroup       // receivers

	mu     sync.Mutex // guards report
	report *reconcile.Report
}

// Options say whom a Notifier tells. Functions are asked at each use, so that a change counts at once.
type Options struct {
	Receivers   func() []Receiver            // nobody while the declarations are not known
	Deployment  func() string                // its name
	Speaks      func() bool                  // whether it is us who speaks for all replicas; nil: yes
	Page        func() string                // where the pages are; empty, or nil: nowhere
	Credentials fs.FS                        // the credentials directory; nil: there is none
	Memory      Memory                       // what receivers were told; nil: it is forgotten at the end
	HTTP        func() (*http.Client, error) // nil: the usual one
	Patience    Patience
	Every       time.Duration             // between two messages to a receiver, and after the first failure; 1 s when zero
	Timeout     time.Duration             // for one delivery; 10 s when zero
	Count       func(kind, result string) // counts deliveries, by "ok" and "error"; may be nil
	Log         *slog.Logger              // failures and recoveries; may be nil
}

// filled has what is built in where nothing is set.
func (o Options) filled() Options {
	o.Every, o.Timeout = cmp.Or(o.Every, time.Second), cmp.Or(o.Timeout, 10*time.Second)
	if o.Speaks == nil {
		o.Speaks = func() bool { return true }
	}
	if o.Page == nil {
		o.Page = func() string { return "" }
	}
	if o.Memory == nil {
		o.Memory = &forgetful{}
	}
	if o.HTTP == nil {
		o.HTTP = func() (*http.Client, error) { return http.DefaultClient, nil }
	}
	if o.Count == nil {
		o.Count = func(string, string) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// client follows no redirect.
func (o *Options) client() (*http.Client, error) {
	c, err := o.HTTP()
	if err != nil {
		return nil, err
	}
	own := *c
	own.CheckRedirect = noRedirects
	return &own, nil
}

// New makes a Notifier; Run makes it tell.
func New(o Options) *Notifier {
	return &Notifier{
		o: o.filled(), bell: make(chan struct{}, 1), tracker: newTracker(o.Patience), receivers: map[string]*receiver{},
		told: book{}, kept: []byte("{}"),
	}
}

// Report leaves a report to be told of.
func (n *Notifier) Report(r reconcile.Report) {
	n.mu.Lock()
	n.report = &r
	n.mu.Unlock()
	ring(n.bell)
}

// Run tells until the context ends. What was not told by then is told by whoever comes next.
func (n *Notifier) Run(ctx context.Context) {
	for ctx.Err() == nil {
		wait := n.turn(ctx)
		if !rest(ctx, n.bell, wait) {
			break
		}
		rest(ctx, nil, n.o.Every) // what else happens is told with it
	}
	for _, x := range n.receivers {
		x.end()
	}
	n.tasks.Wait()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	n.remember(end)
}

// lastWords is how long it may take at the end to note what was told.
const lastWords = 3 * time.Second

// rest waits for a bell or some time; it is false when ctx has ended.
func rest(ctx context.Context, bell <-chan struct{}, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-bell:
	case <-timer.C:
	}
	return true
}

// turn looks at the newest report and says how long it can rest if no other comes.
func (n *Notifier) turn(ctx context.Context) time.Duration {
	n.mu.Lock()
	r := n.report
	n.mu.Unlock()
	if r == nil {
		return never
	}
	speaks := n.o.Speaks()
	if speaks && !n.speaking {
		n.recall(ctx)
	}
	n.speaking = speaks
	now := time.Now()
	n.tracker.look(find(r), now)
	n.serve(ctx, n.tracker.open(now))
	if speaks {
		n.remember(ctx)
	}
	if wait := n.tracker.next(now); wait >= 0 {
		return wait
	}
	return never
}

// serve offers every receiver that is declared what is open; while others speak, there is none.
func (n *Notifier) serve(ctx context.Context, open []Incident) {
	want := map[string]Receiver{}
	if n.speaking {
		for _, who := range n.o.Receivers() {
			want[who.Name] = who
		}
	}
	for name := range n.receivers {
		if _, there := want[name]; !there {
			n.dismiss(name)
		}
	}
	for name, who := range want {
		x := n.receivers[name]
		if x == nil {
			x = newReceiver(n, who, n.told[name])
			n.receivers[name] = x
			var within context.Context
			within, x.end = context.WithCancel(ctx)
			n.tasks.Go(func() { x.run(within) })
		}
		x.offer(who, open)
	}
}

// dismiss ends what tells a receiver. What one that is not declared any more was told is forgotten.
func (n *Notifier) dismiss(name string) {
	x := n.receivers[name]
	x.end()
	delete(n.receivers, name)
	delete(n.told, name)
	if !n.speaking { // it is another's turn, and may be ours again
		n.told[name] = x.knows()
	}
}
