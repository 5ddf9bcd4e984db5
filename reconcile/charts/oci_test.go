package charts

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
)

// registry is an OCI registry in memory that speaks the distribution protocol, served on loopback.
type registry struct {
	*chartServer
	blobs ociregistry.Interface
}

func newRegistry(t *testing.T) *registry {
	t.Helper()
	r := &registry{chartServer: newChartServer(t), blobs: ocimem.New()}
	h := ociserver.New(r.blobs, nil)
	r.through(func(http.Handler) http.Handler { return h })
	return r
}

// guard asks for a login, or for a token from another place.
func (r *registry) guard(realm string) {
	h := ociserver.New(r.blobs, nil)
	r.through(func(http.Handler) http.Handler {
		inner := guarded(h)
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			challenge := `Basic realm="x"`
			if realm != "" {
				challenge = `Bearer realm="` + realm + `",service="x"`
			}
			w.Header().Set("WWW-Authenticate", challenge)
			inner.ServeHTTP(w, req)
		})
	})
}

func (r *registry) ref(name string) Ref {
	return Ref{OCI: "oci://" + strings.TrimPrefix(strings.TrimPrefix(r.URL, "http://"), "https://") + "/charts", Name: name}
}

// push pushes a chart as Helm does and returns the digests of its manifest and of its archive.
func (r *registry) push(t *testing.T, name, version string) (string, string) {
	t.Helper()
	c := &chart.Chart{Metadata: &chart.Metadata{APIVersion: "v2", Name: name, Version: version}}
	saved, err := chartutil.Save(c, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(saved)
	if err != nil {
		t.Fatal(err)
	}
	return r.pushAs(t, name, tagOf(version), configMediaType, ocispec.Descriptor{MediaType: layerMediaType}, b)
}

func (r *registry) pushAs(t *testing.T, name, tag, config string, layer ocispec.Descriptor, b []byte) (string, string) {
	t.Helper()
	ctx := context.Background()
	blob := func(mediaType string, b []byte) ocispec.Descriptor {
		desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(b), Size: int64(len(b))}
		if _, err := r.blobs.PushBlob(ctx, "charts/"+name, desc, strings.NewReader(string(b))); err != nil {
			t.Fatal(err)
		}
		return desc
	}
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: blob(config, []byte(`{"name":"`+name+`","version":"`+strings.ReplaceAll(tag, "_", "+")+`"}`)), Layers: []ocispec.Descriptor{blob(layer.MediaType, b)}}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	desc, err := r.blobs.PushManifest(ctx, "charts/"+name, tag, text, m.MediaType)
	if err != nil {
		t.Fatal(err)
	}
	return desc.Digest.String(), m.Layers[0].Digest.String()
}

func TestARegistryGivesTheDigestBehindATagWithoutPullingTheChart(t *testing.T) {
	reg := newRegistry(t)
	reg.start(t)
	manifest, layer := reg.push(t, "demo", "1.2.0+build.1")
	s := instant(Config{})
	ref := reg.ref("demo")
	ref.Version = "1.2.0+build.1"
	c := resolve(t, s, Request{Ref: ref})
	if c.Digest != layer || c.Version != "1.2.0+build.1" || c.Source != ref.OCI+"/demo" {
		t.Errorf("have %+v", c)
	}
	resolve(t, s, Request{Ref: ref})
	config := digestOf([]byte(`{"name":"demo","version":"1.2.0+build.1"}`))
	want := []string{
		"HEAD /v2/charts/demo/manifests/1.2.0_build.1 OK", "GET /v2/charts/demo/manifests/" + manifest + " OK",
		"GET /v2/charts/demo/blobs/" + config + " OK",
		"HEAD /v2/charts/demo/manifests/1.2.0_build.1 OK",
	}
	if diff := cmp.Diff(want, reg.seen()); diff != "" {
		t.Error(diff)
	}
	if have := digestOf(archive(t, s, c.Digest)); have != layer {
		t.Errorf("have %s", have)
	}
	if diff := cmp.Diff([]string{"GET /v2/charts/demo/blobs/" + layer + " OK"}, reg.seen()); diff != "" {
		t.Error(diff)
	}
}

func TestARegistryGivesTheNewestVersionInARange(t *testing.T) {
	reg := newRegistry(t)
	reg.start(t)
	for _, v := range []string{"1.2.0", "1.10.0", "2.0.0", "3.0.0-rc.1"} {
		reg.push(t, "demo", v)
	}
	for wanted, version := range map[string]string{"^1.0": "1.10.0", "": "2.0.0", "1.2.0": "1.2.0"} {
		ref := reg.ref("demo")
		ref.Version = wanted
		if c := resolve(t, NewStore(Config{}), Request{Ref: ref}); c.Version != version {
			t.Errorf("%q: have %+v", wanted, c)
		}
	}
	ref := reg.ref("demo")
	ref.Version = "^4"
	_, err := NewStore(Config{}).Resolve(context.Background(), Request{Ref: ref})
	wantError(t, err, "no such version; the newest there are: 3.0.0-rc.1, 2.0.0", false)
	ref.Version = "9.9.9"
	_, err = NewStore(Config{}).Resolve(context.Background(), Request{Ref: ref})
	wantError(t, err, "not found", false)
}

// A tag stands for a while; what is pinned by its digest stands for ever.
func TestWhatStandsIsNotAskedForAgain(t *testing.T) {
	reg := newRegistry(t)
	reg.start(t)
	manifest, _ := reg.push(t, "demo", "1.2.0")
	tagged, pinned := reg.ref("demo"), reg.ref("demo")
	tagged.Version, pinned.Version, pinned.Digest = "1.2.0", "1.2.0", manifest
	for name, c := range map[string]struct {
		store *Store
		ref   Ref
	}{"tagged": {NewStore(Config{}), tagged}, "pinned": {instant(Config{MaxMemory: -1}), pinned}} {
		resolve(t, c.store, Request{Ref: c.ref})
		reg.seen()
		resolve(t, c.store, Request{Ref: c.ref})
		if have := reg.seen(); len(have) > 0 {
			t.Errorf("%s: asked again: %v", name, have)
		}
	}
}

// Helm prints the digest of the manifest, others that of the archive: both name the chart.
func TestAPinnedChartOfARegistry(t *testing.T) {
	reg := newRegistry(t)
	reg.start(t)
	manifest, layer := reg.push(t, "demo", "1.2.0")
	dir := t.TempDir()
	s := NewStore(Config{Dir: dir})
	for _, c := range []struct{ version, digest string }{{"1.2.0", manifest}, {"1.2.0", layer}, {"", manifest}} {
		ref := reg.ref("demo")
		ref.Version, ref.Digest = c.version, c.digest
		have := resolve(t, s, Request{Ref: ref})
		if have.Digest != layer || have.Version != "1.2.0" {
			t.Errorf("%+v: have %+v", c, have)
		}
		archive(t, s, have.Digest)
	}
	reg.push(t, "demo", "1.3.0")
	ref := reg.ref("demo")
	ref.Version, ref.Digest = "1.3.0", layer
	_, err := NewStore(Config{}).Resolve(context.Background(), Request{Ref: ref})
	wantError(t, err, "digest "+layer+" is declared, the source has ", false)

	reg.Close()
	for _, d := range []string{manifest, layer} {
		ref.Version, ref.Digest = "1.2.0", d
		again := NewStore(Config{Dir: dir})
		archive(t, again, resolve(t, again, Request{Ref: ref}).Digest)
	}
}

func TestWhatIsNoChartIsRefused(t *testing.T) {
	reg := newRegistry(t)
	reg.start(t)
	reg.pushAs(t, "image", "1.0.0", ocispec.MediaTypeImageConfig, ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayerGzip}, []byte("x"))
	reg.pushAs(t, "empty", "1.0.0", configMediaType, ocispec.Descriptor{MediaType: "text/plain"}, []byte("x"))
	_, layer := reg.pushAs(t, "junk", "1.0.0", configMediaType, ocispec.Descriptor{MediaType: layerMediaType}, []byte("x"))
	s := NewStore(Config{})
	for name, want := range map[string]string{"image": "is no Helm chart (application/vnd.oci.image.config.v1+json)", "empty": "has no layer with a chart"} {
		ref := reg.ref(name)
		ref.Version = "1.0.0"
		_, err := s.Resolve(context.Background(), Request{Ref: ref})
		wantError(t, err, want, false)
	}
	ref := reg.ref("junk")
	ref.Version = "1.0.0"
	resolve(t, s, Request{Ref: ref})
	_, err := s.Archive(context.Background(), layer)
	wantError(t, err, "it is not a gzipped tar file", false)
}

func TestARegistryThatWantsALogin(t *testing.T) {
	reg := newRegistry(t)
	reg.startTLS(t)
	reg.push(t, "demo", "1.2.0")
	reg.guard("")
	creds := caFile(reg.chartServer)
	s := instant(Config{Credentials: creds})
	ref := reg.ref("demo")
	ref.Version = "1.2.0"
	_, err := s.Resolve(context.Background(), Request{Ref: ref})
	wantError(t, err, "basic credential not found", false)
	creds["registries/config.json"] = login(hostOf(t, reg.URL), "basic")
	archive(t, s, resolve(t, s, Request{Ref: ref}).Digest)
}

// A token server on another host gets the login, as the protocol has it; one in a private network only
// when somebody allowed it.
func TestARegistryWithATokenServer(t *testing.T) {
	tokens := newChartServer(t).start(t)
	tokens.through(func(http.Handler) http.Handler {
		return guarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(`{"token": "tok"}`)) }))
	})
	reg := newRegistry(t)
	reg.start(t)
	reg.push(t, "demo", "1.2.0")
	reg.guard(tokens.URL + "/token")
	creds := fstest.MapFS{"registries/config.json": login(hostOf(t, reg.URL), "basic")}
	ref := reg.ref("demo")
	ref.Version = "1.2.0"
	_, err := instant(Config{Credentials: creds}).Resolve(context.Background(), Request{Ref: ref})
	wantError(t, err, "a private address", false)
	s := instant(Config{Credentials: creds})
	allowed := []string{ref.OCI, tokens.URL}
	archive(t, s, resolve(t, s, Request{Ref: ref, Allowed: allowed}).Digest)
}

func TestManyPullOnlyOnce(t *testing.T) {
	reg := newRegistry(t)
	reg.start(t)
	_, layer := reg.push(t, "demo", "1.2.0")
	s := NewStore(Config{MaxMemory: -1, Dir: filepath.Join(t.TempDir(), "charts")})
	ref := reg.ref("demo")
	ref.Version = "1.2.0"
	resolve(t, s, Request{Ref: ref})
	reg.seen()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { archive(t, s, layer) })
	}
	all.Wait()
	if have := reg.seen(); len(have) != 1 {
		t.Errorf("have %v", have)
	}
}
