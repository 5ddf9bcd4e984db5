package kube

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// hub is the cluster through which the replicas of a daemon know of each other: each keeps a Lease there that says that
// it lives, and whoever holds one more Lease there speaks for all of them. What it says is a hint and no right: a
// replica that is wrong about the others waits for a Lease or gives one up too often, and that is all.
type hub struct {
	fleet   *Fleet
	replica string // our name among the replicas
	began   time.Time
	word    *lease // of whoever speaks for all

	mu      sync.Mutex // guards what follows
	peers   map[string]peer
	listed  bool      // all peers that there are were seen
	renewed time.Time // when the request was sent that last said that we live; zero: none did
	alive   []string  // peers that lived at a time, …
	at      time.Time // …this one
	noticed []string  // likewise, when somebody was last told
	poked   string    // when we last told others to look at the repository
	spoke   time.Time // when we began to speak for all; zero: we do not
	end     context.CancelFunc
	config  *rest.Config
	bell    chan struct{}       // there is something to say at once
	drafts  map[string]*draft   // by cluster: what we tell of it
	others  map[string]*heardOf // by cluster: what others tell of it
	news    chan struct{}       // there is something to tell
}

// peer is a replica as its Lease shows it.
type peer struct {
	identity, version string
	changed           time.Time       // when we saw its Lease change last
	misses            map[string]bool // clusters that it does not reach
	poked             string
}

// What the Lease of a replica has beside the Lease itself.
const (
	replicaLabel = markPrefix + "replica"     // its value is the deployment
	missesAnno   = markPrefix + "unreachable" // clusters that the replica does not reach
	pokeAnno     = markPrefix + "poke"        // when the replica was told to look at the repository
)

// replicaLease is the Lease that says that a replica lives.
func replicaLease(owner, replica string) string { return "reconcile-" + owner + ".replica." + replica }

// wordLease is the Lease of whoever speaks for all replicas.
func wordLease(owner string) string { return "reconcile-" + owner + ".statuses" }

// newHub makes the hub of a deployment; run makes it work.
func newHub(f *Fleet) *hub {
	h := &hub{
		fleet: f, replica: f.Replica, began: time.Now(), peers: map[string]peer{}, bell: make(chan struct{}, 1),
		drafts: map[string]*draft{}, others: map[string]*heardOf{}, news: make(chan struct{}, 1),
		word: &lease{namespace: f.Namespace, identity: f.Identity},
	}
	h.word.turn = h.mayspeak
	return h
}

// prefers says whether it is our turn to hold a cluster's Lease. While we cannot tell that we live, nobody leaves
// anything to us, and so we leave nothing to others.
func (h *hub) prefers(cluster string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if h.renewed.IsZero() || !h.listed || now.Sub(h.renewed) > leaseDuration {
		return now.Sub(h.began) > leaseDuration
	}
	alive := h.living(now)
	able := slices.DeleteFunc(slices.Clone(alive), func(name string) bool { return h.peers[name].misses[cluster] })
	if len(able) == 0 {
		able = alive
	}
	return first(cluster, able) == h.replica
}

// mayspeak says whether it is our turn to speak for all: nobody who lives reaches more clusters than we do.
func (h *hub) mayspeak() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.listed && !slices.ContainsFunc(h.living(time.Now()), func(name string) bool {
		return len(h.peers[name].misses) < len(h.peers[h.replica].misses)
	})
}

// living are the replicas that live, as far as we know. Whether a process on this machine is gone is not asked for
// each cluster anew.
func (h *hub) living(now time.Time) []string {
	if h.alive != nil && now.Sub(h.at) < time.Second {
		return h.alive
	}
	h.alive, h.at = []string{h.replica}, now
	for _, name := range slices.Sorted(maps.Keys(h.peers)) {
		p := h.peers[name]
		if name != h.replica && elapsed(p.changed, now) < leaseDuration && !dead(p.identity, h.fleet.Identity) {
			h.alive = append(h.alive, name)
		}
	}
	return h.alive
}

// saw notes what the Lease of a replica says. One that is listed again as it was says nothing new.
func (h *hub) saw(l *coordinationv1.Lease) {
	name, version := strings.TrimPrefix(l.Name, replicaLease(h.fleet.owned(), "")), l.ResourceVersion
	h.mu.Lock()
	was, known := h.peers[name]
	now := peer{version: version, changed: time.Now(), misses: map[string]bool{}, poked: l.Annotations[pokeAnno]}
	if l.Spec.HolderIdentity != nil {
		now.identity = *l.Spec.HolderIdentity
	}
	for cluster := range strings.FieldsFuncSeq(l.Annotations[missesAnno], func(r rune) bool { return r == ',' }) {
		now.misses[cluster] = true
	}
	if known && was.version == version {
		now.changed = was.changed
	}
	h.peers[name], h.alive = now, nil
	h.mu.Unlock()
	if known && name != h.replica && was.poked != now.poked && h.fleet.Poked != nil {
		h.fleet.Poked()
	}
	if !known || was.identity != now.identity {
		h.fleet.rouse(true)
	}
}

// lost notes that a replica took its leave.
func (h *hub) lost(l *coordinationv1.Lease) {
	h.mu.Lock()
	delete(h.peers, strings.TrimPrefix(l.Name, replicaLease(h.fleet.owned(), "")))
	h.alive = nil
	h.mu.Unlock()
}

// poke tells all other replicas to look at the repository now.
func (h *hub) poke() {
	h.mu.Lock()
	h.poked = time.Now().UTC().Format(time.RFC3339Nano)
	h.mu.Unlock()
	h.ring()
}

// ring has what we say of ourselves said anew. Where there is no hub, nobody hears it.
func (h *hub) ring() {
	if h == nil {
		return
	}
	select {
	case h.bell <- struct{}{}:
	default:
	}
}

// run keeps in touch with the hub until the fleet ends: with one set of credentials after another.
func (h *hub) run() {
	ctx := h.fleet.ctx
	for wait := time.Second; ctx.Err() == nil; wait = min(2*wait, reconnect) {
		if h.connected(ctx) {
			wait = time.Second
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// connected works with one set of credentials until they are others, or the fleet ends.
func (h *hub) connected(ctx context.Context) bool {
	config, err := h.fleet.Credentials.hub(h.fleet.context(BuiltIn))
	if err != nil {
		h.fleet.complain(err)
		return false
	}
	quick := compact(config)
	quick.UserAgent, quick.QPS = "reconcile", -1
	client, err := kubernetes.NewForConfig(quick)
	if err != nil {
		h.fleet.complain(err)
		return false
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	h.mu.Lock()
	h.end, h.config = end, config
	h.mu.Unlock()
	var tasks sync.WaitGroup
	tasks.Go(func() { h.follow(ctx, client) })
	tasks.Go(func() { h.word.run(ctx, client, h.worded) })
	tasks.Go(func() { h.listen(ctx, client) })
	tasks.Go(func() { h.write(ctx, client) })
	h.attend(ctx, client)
	tasks.Wait()
	if h.fleet.ctx.Err() != nil {
		_ = h.word.release(client) // if that fails, it ends by itself, as does the next
		h.leave(client)
	}
	return true
}

// worded is called when we may speak for all from now on, or not any more. What we say then is to be of now.
func (h *hub) worded() {
	h.mu.Lock()
	begins := h.word.held() && h.spoke.IsZero()
	switch {
	case begins:
		h.spoke = time.Now()
	case !h.word.held():
		h.spoke = time.Time{}
	}
	h.mu.Unlock()
	if begins && h.fleet.Poked != nil {
		h.fleet.Poked()
	}
	h.fleet.rouse(true)
}

// speaks says whether we speak for all, and have done so since before a time.
func (h *hub) speaks(at time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.word.held() && !h.spoke.IsZero() && h.spoke.Before(at)
}

// rotate ends the connection if the credentials are not any more what it was made with.
func (h *hub) rotate() {
	config, err := h.fleet.Credentials.hub(h.fleet.context(BuiltIn))
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil && h.end != nil && !reflect.DeepEqual(fromCredentials(config), fromCredentials(h.config)) {
		h.end()
	}
}
