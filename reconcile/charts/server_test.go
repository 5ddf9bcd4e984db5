package charts

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/repo"
)

// chartServer is a chart repository as Helm makes it, served on loopback.
type chartServer struct {
	*httptest.Server
	dir string

	mu       sync.Mutex // guards the rest
	requests []string   // "GET /index.yaml 304"
	logins   []string   // Authorization headers that came
	wrap     func(http.Handler) http.Handler
}

func newChartServer(t *testing.T, versions ...string) *chartServer {
	t.Helper()
	s := &chartServer{dir: t.TempDir()}
	s.Server = httptest.NewUnstartedServer(s)
	for _, v := range versions {
		s.publish(t, v)
	}
	return s
}

func (s *chartServer) start(t *testing.T) *chartServer {
	t.Helper()
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *chartServer) startTLS(t *testing.T) *chartServer {
	t.Helper()
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// publish adds a version of the chart demo and writes the index anew.
func (s *chartServer) publish(t *testing.T, version string) {
	t.Helper()
	c := &chart.Chart{
		Metadata:  &chart.Metadata{APIVersion: "v2", Name: "demo", Version: version, Description: "a: b\n  - c: d"},
		Templates: []*chart.File{{Name: "templates/a.yaml", Data: []byte("kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n")}},
	}
	if _, err := chartutil.Save(c, s.dir); err != nil {
		t.Fatal(err)
	}
	index, err := repo.IndexDirectory(s.dir, "")
	if err != nil {
		t.Fatal(err)
	}
	index.SortEntries()
	if err := index.WriteFile(filepath.Join(s.dir, "index.yaml"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (s *chartServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := &recorder{ResponseWriter: w, code: http.StatusOK}
	var h http.Handler = http.HandlerFunc(s.serveFile)
	s.mu.Lock()
	wrap := s.wrap
	s.mu.Unlock()
	if wrap != nil {
		h = wrap(h)
	}
	h.ServeHTTP(rec, r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path+" "+http.StatusText(rec.code))
	s.logins = append(s.logins, r.Header.Get("Authorization"))
}

// serveFile answers with an ETag over the content.
func (s *chartServer) serveFile(w http.ResponseWriter, r *http.Request) {
	b, err := os.ReadFile(filepath.Join(s.dir, filepath.Base(r.URL.Path)))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("ETag", `"`+digestOf(b)+`"`)
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(b)))
}

// through puts something before the server.
func (s *chartServer) through(wrap func(http.Handler) http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrap = wrap
}

// seen are the requests since the last call.
func (s *chartServer) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.requests
	s.requests = nil
	return out
}

type recorder struct {
	http.ResponseWriter
	code int
}

func (r *recorder) WriteHeader(code int) {
	r.code = code
	r.ResponseWriter.WriteHeader(code)
}

// caFile makes the credentials directory trust a test server.
func caFile(srv *chartServer) fstest.MapFS {
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	return fstest.MapFS{"ca/test.pem": &fstest.MapFile{Data: b}}
}
