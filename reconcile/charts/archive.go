package charts

import (
	"context"
	"errors"
	"fmt"

	"github.com/workspace-providers/reconcile/reconcile"
)

// directory packs a directory of the declarations.
func (s *Store) directory(req Request) (reconcile.Chart, error) {
	if req.Tree == nil {
		return reconcile.Chart{}, errors.New("there are no declarations to find it in")
	}
	b, err := pack(req.Tree, req.Path)
	if err != nil {
		return reconcile.Chart{}, err
	}
	f, known := s.origin(digestOf(b))
	if !known {
		info, err := Scan(b)
		if err != nil {
			return reconcile.Chart{}, err
		}
		f = found{name: info.Name, version: info.Version, digest: digestOf(b)}
	}
	f.fetch = func(context.Context) ([]byte, error) { return pack(req.Tree, req.Path) } // from the newest tree
	c := reconcile.Chart{Name: f.name, Version: f.version, Source: req.source(), Digest: f.digest}
	switch {
	case req.Digest != "" && req.Digest != c.Digest:
		return reconcile.Chart{}, fmt.Errorf("digest %s is declared, the directory has %s; declare that one or none",
			req.Digest, c.Digest)
	case req.Name != "" && req.Name != c.Name:
		return reconcile.Chart{}, fmt.Errorf("name %s is declared, Chart.yaml says %s", req.Name, c.Name)
	case req.Version != "" && !fits(req.Version, c.Version):
		return reconcile.Chart{}, fmt.Errorf("version %s is declared, Chart.yaml says %s", req.Version, c.Version)
	}
	s.cache.remember(c.Digest, b)
	s.remember(f)
	return c, nil
}

// remember keeps in mind where an archive can be had.
func (s *Store) remember(f found) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.origins.put(f.digest, f, 1)
}

// origin is where an archive can be had again.
func (s *Store) origin(digest string) (found, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.origins.get(digest)
}

// Archive returns the archive of that digest, verified and scanned. It must have been resolved by this
// Store or be in its directory. However many ask, it is fetched once. The caller must not change it.
func (s *Store) Archive(ctx context.Context, digest string) ([]byte, error) {
	if b, ok := s.cache.get(digest); ok {
		return b, nil
	}
	f, ok := s.origin(digest)
	if !ok {
		return nil, fmt.Errorf("chart archive %s: it is not known where to find it; resolve its chart first", digest)
	}
	done := s.once.DoChan("archive "+digest, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTime)
		defer cancel()
		if b, ok := s.cache.get(digest); ok { // somebody was faster
			return b, nil
		}
		b, err := f.fetch(ctx)
		if err != nil {
			return b, fmt.Errorf("chart %s %s: %w", f.name, f.version, classify(err))
		}
		return b, s.keep(f, b)
	})
	select {
	case r := <-done:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.([]byte), nil
	case <-ctx.Done():
		return nil, gaveUp(ctx, "chart archive "+digest)
	}
}

// keep verifies an archive against what was said of it and caches it.
func (s *Store) keep(f found, b []byte) error {
	if have := digestOf(b); have != f.digest {
		return fmt.Errorf("chart %s %s: digest %s is announced, the archive has %s; do not use it before you know why",
			f.name, f.version, f.digest, have)
	}
	info, err := Scan(b)
	if err != nil {
		return err
	}
	if info.Name != f.name || !fits(f.version, info.Version) {
		return fmt.Errorf("chart %s %s: the archive holds %s %s", f.name, f.version, info.Name, info.Version)
	}
	s.cache.put(f.digest, b)
	return nil
}
