package charts

import (
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"strings"
	"sync"
	"time"
)

// found is a chart that a source has.
type found struct {
	name     string
	version  string
	digest   string                                    // of the archive
	manifest string                                    // digest of the OCI manifest, another name for the same
	archive  []byte                                    // where it had to be fetched anyway
	fetch    func(ctx context.Context) ([]byte, error) // the archive, not verified
}

const (
	maxIndex    = 64 << 20
	maxVersions = 10_000 // of one chart
)

// repositories finds charts in HTTP(S) chart repositories. It remembers, for each of them, the versions
// of the charts that were asked for.
type repositories struct {
	credentials fs.FS
	recheck     time.Duration

	mu      sync.Mutex // guards indexes
	indexes map[string]*index
}

// index is what is known of one repository.
type index struct {
	mu     sync.Mutex // guards the rest; held while asking, so that nobody asks twice
	at     time.Time
	etag   string
	charts map[string][]release // by name
}

func (r *repositories) find(ctx context.Context, req Request) (found, error) {
	base, err := url.Parse(strings.TrimSuffix(req.Repo, "/") + "/")
	if err != nil {
		return found{}, err
	}
	w, err := newWeb(r.credentials, req)
	if err != nil {
		return found{}, err
	}
	defer w.close()
	rel, err := r.release(ctx, w, req.Ref, base)
	if err != nil {
		return found{}, err
	}
	f := found{name: req.Name, version: rel.Version, fetch: func(ctx context.Context) ([]byte, error) {
		return r.archive(ctx, req, rel.at(base))
	}}
	if rel.Digest != "" {
		f.digest = "sha256:" + strings.TrimPrefix(strings.ToLower(rel.Digest), "sha256:")
		if !digestForm.MatchString(f.digest) {
			return found{}, fmt.Errorf("the index gives the digest %q, which is no sha256", rel.Digest)
		}
		return f, nil
	}
	if f.archive, err = f.fetch(ctx); err != nil {
		return found{}, err
	}
	f.digest = digestOf(f.archive)
	return f, nil
}

// release asks the index, which is fetched again when it is old or does not have what is wanted.
func (r *repositories) release(ctx context.Context, w *web, ref Ref, base *url.URL) (release, error) {
	r.mu.Lock()
	x := r.indexes[ref.Repo]
	if x == nil {
		x = &index{charts: map[string][]release{}}
		r.indexes[ref.Repo] = x
	}
	r.mu.Unlock()

	x.mu.Lock()
	defer x.mu.Unlock()
	if time.Since(x.at) < r.recheck {
		if rel, err := x.pick(ref); err == nil {
			return rel, nil
		}
	}
	if err := x.refresh(ctx, w, base.JoinPath("index.yaml"), ref.Name); err != nil {
		return release{}, err
	}
	return x.pick(ref)
}

func (x *index) refresh(ctx context.Context, w *web, u *url.URL, name string) error {
	etag := x.etag
	if _, ok := x.charts[name]; !ok {
		etag = "" // its lines were not kept
	}
	p, err := w.get(ctx, u, etag, maxIndex)
	if err != nil {
		return err
	}
	x.at = time.Now()
	if p.unchanged {
		return nil
	}
	versions, err := parseIndex(p.body, name)
	if err != nil {
		return err
	}
	if len(versions) > maxVersions {
		return fmt.Errorf("the index has more than %d versions of it", maxVersions)
	}
	if p.etag == "" || p.etag != x.etag {
		clear(x.charts) // of another state of the repository
	}
	x.etag, x.charts[name] = p.etag, versions
	return nil
}

func (x *index) pick(ref Ref) (release, error) {
	all := x.charts[ref.Name]
	versions := make([]string, len(all))
	for i, rel := range all {
		versions[i] = rel.Version
	}
	v, err := newest(ref.Version, versions)
	if err != nil {
		return release{}, err
	}
	for _, rel := range all {
		if rel.Version == v {
			return rel, nil
		}
	}
	return release{}, fmt.Errorf("version %s is not in the index", v)
}

// at is where the archive is; relative to the repository unless the index says otherwise.
func (rel release) at(base *url.URL) []*url.URL {
	var out []*url.URL
	for _, s := range rel.URLs {
		if u, err := base.Parse(s); err == nil && (u.Scheme == "https" || u.Scheme == "http") {
			out = append(out, u)
		}
	}
	return out
}

// archive fetches from the first of the places that answers.
func (r *repositories) archive(ctx context.Context, req Request, places []*url.URL) ([]byte, error) {
	w, err := newWeb(r.credentials, req)
	if err != nil {
		return nil, err
	}
	defer w.close()
	err = fmt.Errorf("the index names no place for its archive")
	for _, u := range places {
		var p page
		if p, err = w.get(ctx, u, "", maxArchive); err == nil {
			return p.body, nil
		}
	}
	return nil, err
}
