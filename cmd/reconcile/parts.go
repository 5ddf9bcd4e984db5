package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/charts"
	"github.com/workspace-providers/reconcile/reconcile/git"
	"github.com/workspace-providers/reconcile/reconcile/kube"
	"github.com/workspace-providers/reconcile/reconcile/preview"
	"github.com/workspace-providers/reconcile/reconcile/probe"
	"github.com/workspace-providers/reconcile/reconcile/pull"
	"github.com/workspace-providers/reconcile/reconcile/source"
	"github.com/workspace-providers/reconcile/reconcile/trace"
	"github.com/workspace-providers/reconcile/reconcile/worker"
	"github.com/workspace-providers/reconcile/status"
	"github.com/workspace-providers/reconcile/status/signin"
)

// parts is the program put together: what reads, what acts, what renders.
type parts struct {
	*settings
	repo   *git.Repo // nil with --dir
	source *source.Source
	store  *charts.Store
	shown  *pull.Memory
	fleet  *kube.Fleet
	urls   *probe.Prober
	loop   *reconcile.Loop
	traces *trace.Tracer // nil: nothing is traced
	gate   *signin.Gate  // nil: nothing is served
	log    *slog.Logger
	end    context.CancelFunc
	tasks  sync.WaitGroup // what works until end
	frugal frugal         // while workers are there

	certificate *certificate // nil: there is none

	requestPoke hint                      // look at pull requests now
	poke        hint                      // look at the repository now
	looked      atomic.Pointer[time.Time] // when the last look at it began; nil: there was none

	telling   sync.Mutex // guards what follows, which is about where commit statuses go
	complaint string     // the last one
	known     *status.Known
	knownOf   string // the repository that known is of
}

// assemble puts the parts together. They work until ctx ends; close waits until they have ended.
func (s *settings) assemble(ctx context.Context, log *slog.Logger, readOnly bool) (*parts, error) {
	p := &parts{settings: s, log: log, requestPoke: make(hint, 1), poke: make(hint, 1)}
	if bad := validation.IsDNS1123Label(s.replica); s.replica != "" && len(bad) > 0 {
		return nil, fmt.Errorf("--replica %q: %s", s.replica, bad[0])
	}
	origin, err := p.origin()
	if err != nil {
		return nil, err
	}
	pool := &worker.Pool{Beside: p.frugal.begin}
	if err := pool.Fits(source.Tasks()...); err != nil {
		log.Warn("the system may end this process under load", "reason", err.Error())
	}
	p.store = charts.NewStore(charts.Config{
		Credentials: s.credentialFiles(), Dir: s.cacheDir("charts"), Recheck: s.checkInterval, Log: log,
	})
	p.source = &source.Source{Reader: source.Reader{Origin: origin, Evaluate: source.Evaluator(pool), Resolver: p.store}}
	p.shown = pull.NewMemory(s.cacheDir("pulls"))
	p.source.Shown, p.source.Accepted, p.source.Log = p.shown.Shown, p.acceptedFile(), log
	ctx, p.end = context.WithCancel(context.WithoutCancel(ctx))
	p.fleet = kube.NewFleet(ctx, kube.Options{
		Identity: kube.Identity(), Namespace: s.stateNamespace, Credentials: s.kubeCredentials(),
		Charts: p.store, ReadOnly: readOnly, CheckInterval: s.checkInterval, Authorities: s.credentialFiles(),
		Replica: s.replica, Poked: p.lookNow, Log: log,
	})
	p.urls = &probe.Prober{Credentials: s.credentialFiles()}
	p.tasks.Go(func() { p.urls.Run(ctx) })
	p.loop = &reconcile.Loop{
		Source: &narrowed{Source: p.source, provider: s.provider, cluster: s.cluster, looked: &p.looked},
		Fleet:  p.fleet, URLs: p.urls, ReadOnly: readOnly, Grace: 20 * time.Second,
		Previewer: p.previewer(pool),
	}
	return p, nil
}

// previewer renders in a pool, and takes from other replicas what it cannot see.
func (p *parts) previewer(pool *worker.Pool) reconcile.Previewer {
	return p.fleet.Foretelling(&preview.Previewer{
		Archive: p.store.Archive, Worker: source.Renderer(pool),
		Cluster: func(name string) (preview.Cluster, error) { return p.fleet.Real(name), nil },
	})
}

// lookNow has the repository looked at now, and what is asked to be merged into it.
func (p *parts) lookNow() {
	p.poke.give()
	p.requestPoke.give()
}

// acceptedFile keeps which revision of this repository was accepted last.
func (p *parts) acceptedFile() string {
	dir := p.cacheDir("verify")
	if dir == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(p.settings.repo + " " + p.ref + " " + p.path))
	return filepath.Join(dir, hex.EncodeToString(sum[:8]))
}

// close ends everything and gives the Leases back.
func (p *parts) close() {
	p.end()
	p.fleet.Wait()
	p.tasks.Wait()
	if p.repo != nil {
		if err := p.repo.Close(); err != nil {
			p.log.Warn("closing the repository", "error", err)
		}
	}
	if p.traces != nil {
		p.traces.Close()
	}
}

// trace has what is done traced, where the environment says to whom. With an environment that makes no sense,
// which somebody else may have set for many programs, clusters are kept all the same.
func (p *parts) trace(planner *pull.Planner) {
	tracer, err := trace.New(trace.Options{Env: os.Getenv, Version: build().Version, Log: p.log})
	if err != nil {
		p.log.Warn("nothing is traced", "reason", err.Error())
	}
	if tracer != nil {
		p.traces = tracer
		tracer.Wrap(p.loop, p.source)
		if planner != nil {
			tracer.WrapPlanner(planner)
		}
	}
}

// origin is where the declarations are.
func (p *parts) origin() (source.Origin, error) {
	if p.settings.repo == "" {
		return source.Dir(p.dir), nil
	}
	p.repo = &git.Repo{
		URL: p.settings.repo, Ref: p.ref, Path: p.path, Cache: p.cacheDir("git"),
		Auth: p.below("git"), CA: p.below("ca"),
	}
	return source.Git{Repo: p.repo}, nil
}

// below is a directory of the credentials; empty where there are none.
func (s *settings) below(name string) string {
	if s.credentials == "" {
		return ""
	}
	return filepath.Join(s.credentials, name)
}

// credentialFiles is the credentials directory as a file system; nil where there is none.
func (s *settings) credentialFiles() fs.FS {
	if s.credentials == "" {
		return nil
	}
	return os.DirFS(s.credentials)
}

// kubeCredentials says where kubeconfigs are.
func (s *settings) kubeCredentials() kube.Credentials {
	dir := s.clusters
	if dir == "" {
		dir = s.below("clusters")
	}
	return kube.Credentials{
		Dir: dir, Kubeconfig: s.kubeconfig, AllowExec: s.allowExec, Home: s.inCluster, Hub: s.below("hub.kubeconfig"),
	}
}

// cacheDir is a directory for what can be fetched again; empty where the system has no place for it.
func (s *settings) cacheDir(name string) string {
	base := s.cache
	if base == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return ""
		}
		base = filepath.Join(user, "reconcile")
	}
	return filepath.Join(base, name)
}

// narrowed is a source of which only one provider or cluster counts.
type narrowed struct {
	*source.Source
	provider, cluster string
	looked            *atomic.Pointer[time.Time]
}

// Latest reads the newest revision and leaves out what was not asked for. What is left out is not taken
// for removed: it is not looked at.
func (n *narrowed) Latest(ctx context.Context) reconcile.Target {
	began := time.Now()
	t := n.Source.Latest(ctx)
	n.looked.Store(&began)
	if n.provider == "" && n.cluster == "" || t.Commit.SHA == "" {
		return t
	}
	want, err := t.Want.Narrow(n.provider, n.cluster)
	if err != nil {
		t.HeadErr = errors.Join(t.HeadErr, err)
		t.Commit, t.Want = reconcile.Commit{}, reconcile.Desired{Narrowed: true} // nothing was asked for that there is
		return t
	}
	t.Want = want
	return t
}

// look looks at everything once and changes nothing.
func (s *settings) look(ctx context.Context, io *streams) (reconcile.Report, error) {
	r, p, err := s.lookOn(ctx, io)
	if p != nil {
		p.close()
	}
	return r, err
}

// lookOn looks at everything once and stays connected until the parts are closed; where there are none,
// nothing could be looked at.
func (s *settings) lookOn(ctx context.Context, io *streams) (reconcile.Report, *parts, error) {
	p, err := s.assemble(ctx, slog.New(slog.DiscardHandler), true)
	if err != nil {
		return reconcile.Report{}, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, min(s.timeout, 30*time.Second))
	defer cancel()
	p.loop.Once = true
	r := p.loop.Run(ctx)
	return r, p, problems(r, io)
}

// problems writes to err what is wrong before any plan: with the declarations, the repository or a
// cluster. It returns exit 1 if something is.
func problems(r reconcile.Report, io *streams) error {
	var found []error
	for _, err := range []error{r.FetchErr, r.HeadErr} {
		if err != nil {
			found = append(found, err)
		}
	}
	if len(found) == 0 && r.Commit.SHA == "" {
		found = append(found, errors.New("there was no time to read the declarations; give more with --timeout"))
	}
	for _, c := range r.Plan.Clusters {
		switch live := r.Live.Clusters[c.Name]; {
		case !c.Reachable && c.Err != "":
			found = append(found, fmt.Errorf("cluster %s: %s", c.Name, c.Err))
		case !live.Looked:
			found = append(found, fmt.Errorf("cluster %s: it did not answer in time; give it more with --timeout", c.Name))
		}
	}
	for _, err := range found {
		fmt.Fprintln(io.err, err)
	}
	if len(found) > 0 {
		return exit(exitError)
	}
	return nil
}
