package kube

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"time"

	helmkube "helm.sh/helm/v3/pkg/kube"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/workspace-providers/reconcile/reconcile"
)

var (
	secretsResource    = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	configMapsResource = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
)

// Charts hands out charts that were found before.
type Charts interface {
	// Archive is the packed chart of a digest. Twice is the same as once.
	Archive(ctx context.Context, digest string) ([]byte, error)
}

// Options are what a fleet needs to know.
type Options struct {
	Identity    string // of this process, in Leases; see Identity
	Namespace   string // where the Lease of each cluster is; empty: "default"
	Credentials Credentials
	Charts      Charts
	HTTP        *http.Client // asks for evidence of readiness; nil: the usual one
	Authorities fs.FS        // has the certificate authorities that evidence may name in its folder ca; nil: none

	CheckInterval time.Duration // how often everything is looked at anew without an event; 0: every 30 min
	ReadOnly      bool          // write to no cluster and take no Lease

	Replica string       // our name among the replicas that share the clusters; empty: there are no others
	Poked   func()       // called when another replica was told to look at the repository; may be nil
	Log     *slog.Logger // what is wrong with the hub; may be nil
}

// Fleet is the clusters of one deployment. It connects to those that matter and stays connected.
type Fleet struct {
	Options
	ctx     context.Context
	changed chan bool
	waiting sync.WaitGroup // goroutines of clusters
	hub     *hub           // nil: there are no other replicas
	shelf   shelf

	mu       sync.Mutex // guards what follows
	owner    string     // name of the deployment, the same for as long as the fleet is
	clusters map[string]*Cluster
	contexts map[string]string // by cluster, as declared
	pending  bool              // a wake is on its way
	soon     bool              // what it tells may have to be answered soon
	trouble  string            // what is wrong with the hub, as it was last said
}

var _ reconcile.Fleet = (*Fleet)(nil)

// once sets what Helm keeps for the whole process.
var once sync.Once

// NewFleet makes an empty fleet. It works until ctx ends; Wait tells when its last goroutine did.
func NewFleet(ctx context.Context, o Options) *Fleet {
	once.Do(func() { helmkube.ManagedFieldsManager = fieldManager })
	if o.HTTP == nil {
		o.HTTP = http.DefaultClient
	}
	if o.CheckInterval <= 0 {
		o.CheckInterval = 30 * time.Minute
	}
	if o.Namespace == "" {
		o.Namespace = "default"
	}
	f := &Fleet{
		Options: o, ctx: ctx, changed: make(chan bool, 1),
		clusters: map[string]*Cluster{}, contexts: map[string]string{},
	}
	if o.Replica != "" && !o.ReadOnly {
		f.hub = newHub(f)
	}
	return f
}

// Wait returns when everything that the fleet started has ended, Leases given back.
func (f *Fleet) Wait() { f.waiting.Wait() }

// Changed receives after something changed in a cluster, and whether that may have to be answered soon.
func (f *Fleet) Changed() <-chan bool { return f.changed }

// gather is how long changes are collected before the loop looks at them.
const gather = 20 * time.Millisecond

// wake tells the loop that something changed that may wait, as what an action of ours brings about does.
func (f *Fleet) wake() { f.rouse(false) }

// rouse tells the loop that something changed, once for all that comes meanwhile, and whether any of it may have to be
// answered soon.
func (f *Fleet) rouse(soon bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.soon = f.soon || soon
	if f.pending {
		return
	}
	f.pending = true
	time.AfterFunc(gather, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.pending = false
		select {
		case before := <-f.changed:
			f.soon = f.soon || before
		default:
		}
		f.changed <- f.soon // nobody else sends, so that there is room
		f.soon = false
	})
}

// Use says which clusters matter and what is wanted there.
func (f *Fleet) Use(want reconcile.Desired) {
	all, has := map[string]*wanted{}, map[string]bool{}
	of := func(cluster string) *wanted {
		if all[cluster] == nil {
			all[cluster] = &wanted{
				bare: map[string]reconcile.ProviderWant{}, doors: map[string]reconcile.ProviderWant{}, recognition: want.Recognition,
				accessURL: want.AccessURL,
			}
		}
		return all[cluster]
	}
	for _, it := range want.Items {
		of(it.ID.Cluster).items = append(of(it.ID.Cluster).items, it)
		has[it.Provider] = true
	}
	for name, p := range want.Providers {
		if !has[name] && p.BuiltIn {
			of(p.Cluster).bare[name] = p
		}
		if p.Admission != nil {
			of(p.Cluster).doors[name] = p
		}
	}
	news := f.know(want)
	var names []string
	if !want.Narrowed { // a cluster that is not declared any more may still hold something of ours
		names, _ = f.Credentials.Names() // where that cannot be read, the declared ones say why
	}
	for name := range want.Clusters {
		names = append(names, name)
	}
	for _, name := range names {
		f.Real(name).want(*of(name))
	}
	if news && f.hub != nil { // the first thing that is said there is which clusters we miss
		f.hub.word.name = wordLease(want.Owner)
		f.waiting.Go(f.hub.run)
	}
}

// know notes what is to be known of the deployment and its clusters before they can be connected to, and says whether
// its name is known only now.
func (f *Fleet) know(want reconcile.Desired) (news bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, c := range want.Clusters {
		f.contexts[name] = c.Context
	}
	news = f.owner == "" && want.Owner != ""
	if news {
		f.owner = want.Owner
	}
	return news
}

// Cluster is the cluster of that name; it is connected to from the first time on.
func (f *Fleet) Cluster(name string) reconcile.Cluster { return f.Real(name) }

// Real is Cluster, with what only a real cluster can do.
func (f *Fleet) Real(name string) *Cluster {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, there := f.clusters[name]
	if !there {
		c = &Cluster{name: name, owner: f.owner, fleet: f}
		c.lease = &lease{name: leaseName(f.owner, name), namespace: f.Namespace, identity: f.Identity, acting: c.busy}
		if f.hub != nil {
			c.lease.turn = func() bool { return f.hub.prefers(name) }
			_, _ = c.seek(f.contexts[name]) // before others are told what to leave to us
		}
		f.clusters[name] = c
		f.waiting.Go(c.run)
	}
	return c
}

// Clusters are those that matter.
func (f *Fleet) Clusters() map[string]reconcile.Cluster {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make(map[string]reconcile.Cluster, len(f.clusters))
	for name, c := range f.clusters {
		out[name] = c
	}
	return out
}

// Reconnect reads all credentials anew. Clusters whose credentials are as they were stay connected.
func (f *Fleet) Reconnect() {
	f.mu.Lock()
	clusters := maps.Clone(f.clusters)
	f.mu.Unlock()
	for _, c := range clusters {
		c.rotate()
	}
	if f.hub != nil {
		f.hub.rotate()
	}
}

// context is the declared kubeconfig context of a cluster.
func (f *Fleet) context(name string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.contexts[name]
}

// unreachable says who could not reach whom, and why.
func unreachable(name string, err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no answer within %s", requestTimeout)
	}
	return fmt.Sprintf("the daemon cannot reach cluster %s: %v", name, err)
}
