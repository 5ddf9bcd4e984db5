package charts

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
)

// Media types of Helm charts in registries: helm.sh/docs/topics/registries.
const (
	configMediaType = "application/vnd.cncf.helm.config.v1+json"
	layerMediaType  = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	oldLayerType    = "application/tar+gzip"
)

const maxManifest = 1 << 20

// registries finds charts in OCI registries. A tag is asked for with HEAD; the manifest is fetched once
// for each digest, and the chart itself only when somebody wants it.
type registries struct {
	credentials fs.FS
	blobs       *cache // of manifests, so that a pinned one needs no network
}

func (r *registries) find(ctx context.Context, req Request) (found, error) {
	if p, ok := r.pinned(req.Ref); ok {
		return r.found(req, p)
	}
	return within(ctx, r, req, func(repo *remote.Repository) (found, error) {
		tag, err := wantedTag(ctx, repo, req.Ref)
		if err != nil {
			return found{}, err
		}
		desc, err := repo.Resolve(ctx, tag)
		if err != nil {
			return found{}, err
		}
		p, err := r.read(ctx, repo, desc)
		if err != nil {
			return found{}, err
		}
		return r.found(req, p)
	})
}

// published is what a registry says of one chart: its manifest, and Chart.yaml as JSON.
type published struct {
	digest   string // of the manifest
	manifest ocispec.Manifest
	chart    struct{ Name, Version string }
}

// pinned is what the declaration names by the digest of its manifest, if it was seen before.
func (r *registries) pinned(ref Ref) (published, bool) {
	p := published{digest: ref.Digest}
	b, ok := r.blobs.get(ref.Digest)
	if !ok || json.Unmarshal(b, &p.manifest) != nil { // an archive is no JSON
		return p, false
	}
	b, ok = r.blobs.get(p.manifest.Config.Digest.String())
	return p, ok && json.Unmarshal(b, &p.chart) == nil
}

func (r *registries) read(ctx context.Context, repo *remote.Repository, desc ocispec.Descriptor) (published, error) {
	p := published{digest: desc.Digest.String()}
	b, err := r.small(ctx, repo, desc)
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(b, &p.manifest); err != nil {
		return p, fmt.Errorf("manifest %s: %w", p.digest, err)
	}
	if p.manifest.Config.MediaType != configMediaType {
		return p, fmt.Errorf("%s is no Helm chart (%s)", p.digest,
			cmp.Or(p.manifest.Config.MediaType, desc.MediaType, "no media type"))
	}
	if b, err = r.small(ctx, repo.Blobs(), p.manifest.Config); err != nil {
		return p, err
	}
	if err := json.Unmarshal(b, &p.chart); err != nil {
		return p, fmt.Errorf("configuration of manifest %s: %w", p.digest, err)
	}
	return p, nil
}

// small fetches what describes a chart, once for each digest.
func (r *registries) small(ctx context.Context, from content.Fetcher, desc ocispec.Descriptor) ([]byte, error) {
	if b, ok := r.blobs.get(desc.Digest.String()); ok {
		return b, nil
	}
	if desc.Size > maxManifest {
		return nil, fmt.Errorf("%s is larger than %d MiB", desc.Digest, maxManifest>>20)
	}
	b, err := content.FetchAll(ctx, from, desc)
	if err != nil {
		return nil, err
	}
	r.blobs.put(desc.Digest.String(), b)
	return b, nil
}

// wantedTag is the tag or digest to ask for.
func wantedTag(ctx context.Context, repo *remote.Repository, ref Ref) (string, error) {
	if exact(ref.Version) {
		return tagOf(ref.Version), nil
	}
	if ref.Version == "" && ref.Digest != "" {
		return ref.Digest, nil
	}
	var versions []string
	err := repo.Tags(ctx, "", func(tags []string) error {
		for _, t := range tags {
			versions = append(versions, strings.ReplaceAll(t, "_", "+"))
		}
		if len(versions) > maxVersions {
			return fmt.Errorf("there are more than %d tags; declare an exact version", maxVersions)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	v, err := newest(ref.Version, versions)
	if err != nil {
		return "", err
	}
	return tagOf(v), nil
}

// tagOf writes a version as a tag, in which "+" is not allowed: Helm writes "_".
func tagOf(version string) string { return strings.ReplaceAll(version, "+", "_") }

// found reads what a registry says.
func (r *registries) found(req Request, p published) (found, error) {
	if p.chart.Name != req.Name {
		return found{}, fmt.Errorf("the chart there is called %s", p.chart.Name)
	}
	for _, layer := range p.manifest.Layers {
		if layer.MediaType != layerMediaType && layer.MediaType != oldLayerType {
			continue
		}
		if layer.Size > maxArchive {
			return found{}, fmt.Errorf("the chart is larger than %d MiB", maxArchive>>20)
		}
		f := found{name: req.Name, version: p.chart.Version, digest: layer.Digest.String(), manifest: p.digest}
		f.fetch = func(ctx context.Context) ([]byte, error) { return r.pull(ctx, req, layer) }
		return f, nil
	}
	return found{}, fmt.Errorf("manifest %s has no layer with a chart", p.digest)
}

func (r *registries) pull(ctx context.Context, req Request, layer ocispec.Descriptor) ([]byte, error) {
	return within(ctx, r, req, func(repo *remote.Repository) ([]byte, error) {
		return content.FetchAll(ctx, repo.Blobs(), layer)
	})
}

// within asks one repository of a registry. A registry on loopback may speak plain HTTP; that is tried
// when it does not speak TLS.
func within[T any](ctx context.Context, r *registries, req Request, ask func(*remote.Repository) (T, error)) (T, error) {
	var zero T
	w, err := newWeb(r.credentials, req)
	if err != nil {
		return zero, err
	}
	defer w.close()
	repo, err := remote.NewRepository(strings.TrimPrefix(req.source(), "oci://"))
	if err != nil {
		return zero, err
	}
	repo.Client = &auth.Client{Client: w.client(), Credential: w.credential, Cache: auth.NewCache()}
	repo.MaxMetadataBytes = maxManifest
	out, err := ask(repo)
	if errors.Is(err, http.ErrSchemeMismatch) && isLoopback(w.home.Hostname()) {
		w.home.Scheme, repo.PlainHTTP = "http", true
		out, err = ask(repo)
	}
	return out, err
}
