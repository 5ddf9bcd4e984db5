package charts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/workspace-providers/reconcile/reconcile"
)

// Config says what a Store may use. The zero Config works: no credentials, no disk, a small memory.
type Config struct {
	Credentials fs.FS         // registries/config.json and ca/*.pem; read anew for each look
	Dir         string        // where archives are kept between runs; empty: nowhere. It may be deleted at any time
	MaxDisk     int64         // bytes in Dir; 0: 1 GiB
	MaxMemory   int64         // bytes of archives in memory; 0: 32 MiB, negative: none
	Recheck     time.Duration // for how long a version that was looked up stands; 0: 5m
	Log         *slog.Logger  // nil: none
}

// Store finds charts and keeps their archives. It is safe for concurrent use.
type Store struct {
	cache   *cache
	repos   source // HTTP(S) chart repositories
	oci     source // OCI registries
	recheck time.Duration
	log     *slog.Logger
	once    singleflight.Group

	mu      sync.Mutex // guards answers and origins
	answers *lru[answer]
	origins *lru[found] // by digest: where an archive can be had again
}

// source is a kind of place that has charts.
type source interface {
	// find says which archive is meant, without fetching it where that can be helped.
	find(ctx context.Context, req Request) (found, error)
}

// answer is what came of looking up a Ref.
type answer struct {
	chart   reconcile.Chart // zero: never found
	at      time.Time       // when it was found
	err     error           // of the newest look
	retryAt time.Time       // not to be asked again before
}

const (
	lookTime    = 2 * time.Minute  // for one look or one download
	retryAfter  = 15 * time.Second // a look that failed stands for so long
	maxAnswers  = 4096
	defaultDisk = 1 << 30
	defaultMem  = 32 << 20
)

// NewStore makes a Store. It touches neither the disk nor the network.
func NewStore(c Config) *Store {
	log := cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	blobs := &cache{dir: c.Dir, maxDisk: cmp.Or(c.MaxDisk, defaultDisk), log: log,
		memory: newLRU[[]byte](max(0, cmp.Or(c.MaxMemory, defaultMem)))}
	recheck := cmp.Or(c.Recheck, 5*time.Minute)
	return &Store{
		cache:   blobs,
		repos:   &repositories{credentials: c.Credentials, recheck: recheck, indexes: map[string]*index{}},
		oci:     &registries{credentials: c.Credentials, blobs: blobs},
		recheck: recheck,
		log:     log,
		answers: newLRU[answer](maxAnswers),
		origins: newLRU[found](maxAnswers),
	}
}

// Resolve finds the chart that is asked for: its version and the digest of its archive. A version that
// was looked up stands for Config.Recheck, and for longer while its source does not answer; a pinned
// digest that is cached needs no network at all. What may help by itself is an ErrTemporary.
func (s *Store) Resolve(ctx context.Context, req Request) (reconcile.Chart, error) {
	if err := req.check(); err != nil {
		return reconcile.Chart{}, err
	}
	if req.Path != "" {
		c, err := s.directory(req)
		if err != nil {
			return c, fmt.Errorf("%s: %w", req.Ref, err)
		}
		return c, nil
	}
	key := strings.Join([]string{req.Repo, req.OCI, req.Name, req.Version, req.Digest}, " ")
	if a, ok := s.standing(key, req.Ref); ok {
		return a.chart, a.err
	}
	done := s.once.DoChan("look "+key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTime)
		defer cancel()
		return s.look(ctx, key, req)
	})
	select {
	case r := <-done:
		return r.Val.(reconcile.Chart), r.Err
	case <-ctx.Done():
		return reconcile.Chart{}, gaveUp(ctx, req.Ref.String())
	}
}

// standing is the answer that need not be asked for again yet.
func (s *Store) standing(key string, ref Ref) (answer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.answers.get(key)
	now := time.Now()
	switch {
	case !ok:
		return a, false
	case a.chart.Digest != "":
		a.err = nil
		return a, ref.Digest != "" || now.Sub(a.at) < s.recheck || now.Before(a.retryAt)
	}
	return a, now.Before(a.retryAt)
}

// look asks the source and remembers what it said. While it says nothing, what it said before stands.
func (s *Store) look(ctx context.Context, key string, req Request) (reconcile.Chart, error) {
	c, err := s.ask(ctx, req)
	if err != nil {
		err = fmt.Errorf("%s: %w", req.Ref, classify(err))
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	a, _ := s.answers.get(key)
	switch {
	case err == nil:
		a = answer{chart: c, at: now}
	case errors.Is(err, ErrTemporary) && a.chart.Digest != "":
		s.log.Warn("chart source does not answer; what it said before stands", "chart", req.Ref.String(), "err", err)
		a.retryAt, err = now.Add(min(retryAfter, s.recheck)), nil
	default:
		a = answer{err: err, retryAt: now.Add(min(retryAfter, s.recheck))}
	}
	s.answers.put(key, a, 1)
	return a.chart, err
}

func (s *Store) ask(ctx context.Context, req Request) (reconcile.Chart, error) {
	if c, ok := s.pinned(req.Ref); ok {
		return c, nil
	}
	from := s.repos
	if req.OCI != "" {
		from = s.oci
	}
	f, err := from.find(ctx, req)
	if err != nil {
		return reconcile.Chart{}, err
	}
	if req.Digest != "" && req.Digest != f.digest && req.Digest != f.manifest {
		return reconcile.Chart{}, fmt.Errorf("digest %s is declared, the source has %s; "+
			"see which one you trust and declare it", req.Digest, f.digest)
	}
	if req.Version != "" && !fits(req.Version, f.version) {
		return reconcile.Chart{}, fmt.Errorf("the source has version %s under that name", f.version)
	}
	if f.archive != nil {
		if err := s.keep(f, f.archive); err != nil {
			return reconcile.Chart{}, err
		}
		f.archive = nil
	}
	s.remember(f)
	return reconcile.Chart{Name: f.name, Version: f.version, Source: req.source(), Digest: f.digest}, nil
}

// pinned is a chart whose archive is cached under the declared digest.
func (s *Store) pinned(ref Ref) (reconcile.Chart, bool) {
	b, ok := s.cache.get(ref.Digest)
	if !ok {
		return reconcile.Chart{}, false
	}
	info, err := Scan(b)
	if err != nil || info.Name != ref.Name || ref.Version != "" && !fits(ref.Version, info.Version) {
		return reconcile.Chart{}, false // the source will say what is wrong
	}
	return reconcile.Chart{Name: info.Name, Version: info.Version, Source: ref.source(), Digest: ref.Digest}, true
}

func fits(wanted, version string) bool { return wanted == version || inRange(wanted, version) }
