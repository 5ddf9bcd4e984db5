package charts

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func login(host, kind string) *fstest.MapFile {
	auth := map[string]string{
		"basic":  `"auth": "` + base64.StdEncoding.EncodeToString([]byte("me:pass")) + `"`,
		"bearer": `"registrytoken": "tok"`,
	}[kind]
	return &fstest.MapFile{Data: []byte(`{"auths": {"` + host + `": {` + auth + `}}}`)}
}

func hostOf(t *testing.T, s string) string {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// guarded lets nobody in without a login.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, pass, _ := r.BasicAuth()
		if user == "me" && pass == "pass" || r.Header.Get("Authorization") == "Bearer tok" {
			next.ServeHTTP(w, r)
			return
		}
		http.Error(w, "", http.StatusUnauthorized)
	})
}

func TestCredentialsAndCAsComeFromTheDirectoryAndAreReadAnew(t *testing.T) {
	srv := newChartServer(t, "1.0.0").startTLS(t)
	srv.through(guarded)
	creds := fstest.MapFS{}
	s := instant(Config{Credentials: creds})
	req := Request{Ref: Ref{Repo: srv.URL, Name: "demo"}}

	_, err := s.Resolve(context.Background(), req)
	wantError(t, err, "certificate signed by unknown authority", false)
	creds["ca/test.pem"] = caFile(srv)["ca/test.pem"]
	_, err = s.Resolve(context.Background(), req)
	wantError(t, err, "answered 401 Unauthorized; see that registries/config.json", false)
	for _, kind := range []string{"basic", "bearer"} {
		creds["registries/config.json"] = login(hostOf(t, srv.URL), kind)
		archive(t, s, resolve(t, s, req).Digest)
	}
	creds["registries/config.json"] = &fstest.MapFile{Data: []byte("junk")}
	_, err = s.Resolve(context.Background(), Request{Ref: Ref{Repo: srv.URL, Name: "demo", Version: "1.x"}})
	wantError(t, err, "is not a Docker configuration", false)
	creds["ca/test.pem"] = &fstest.MapFile{Data: []byte("junk")}
	delete(creds, "registries/config.json")
	_, err = s.Resolve(context.Background(), Request{Ref: Ref{Repo: srv.URL, Name: "demo", Version: "1.0.0"}})
	wantError(t, err, "ca/test.pem of the credentials directory holds no certificate", false)
}

// A repository may send its readers elsewhere: they go there without its credentials.
func TestARedirectToAnotherHostCarriesNoCredentials(t *testing.T) {
	other := newChartServer(t, "1.0.0").start(t)
	srv := newChartServer(t, "1.0.0").start(t)
	srv.through(func(next http.Handler) http.Handler {
		return guarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, ".tgz") {
				http.Redirect(w, r, other.URL+r.URL.Path, http.StatusFound)
				return
			}
			next.ServeHTTP(w, r)
		}))
	})
	copyFile(t, filepath.Join(srv.dir, "demo-1.0.0.tgz"), filepath.Join(other.dir, "demo-1.0.0.tgz"))
	creds := fstest.MapFS{"registries/config.json": login(hostOf(t, srv.URL), "basic")}
	s := instant(Config{Credentials: creds})
	allowed := []string{srv.URL, other.URL}
	c := resolve(t, s, Request{Ref: Ref{Repo: srv.URL, Name: "demo"}, Allowed: allowed})
	archive(t, s, c.Digest)
	if have := other.seen(); len(have) != 1 {
		t.Fatalf("the other server saw %v", have)
	}
	if slices.ContainsFunc(other.logins, func(s string) bool { return s != "" }) {
		t.Errorf("the other server was told %q", other.logins)
	}
}

// Nor does an archive that the index has on another host.
func TestAnArchiveOnAnotherHostIsFetchedWithoutCredentials(t *testing.T) {
	other := newChartServer(t, "1.0.0").start(t)
	srv := newChartServer(t, "1.0.0").start(t)
	srv.through(guarded)
	index := "entries:\n  demo:\n  - version: 1.0.0\n    urls: [" + other.URL + "/demo-1.0.0.tgz]\n"
	if err := os.WriteFile(filepath.Join(srv.dir, "index.yaml"), []byte(index), 0o644); err != nil {
		t.Fatal(err)
	}
	creds := fstest.MapFS{"registries/config.json": login(hostOf(t, srv.URL), "basic")}
	resolve(t, instant(Config{Credentials: creds}), Request{Ref: Ref{Repo: srv.URL, Name: "demo"}, Allowed: []string{srv.URL, other.URL}})
	if len(other.logins) != 1 || other.logins[0] != "" {
		t.Errorf("the other server was told %q", other.logins)
	}
}

// What a source leads to may not be within a private network, unless somebody allowed it by name.
func TestASourceCannotLeadIntoAPrivateNetwork(t *testing.T) {
	inner := newChartServer(t, "1.0.0").start(t)
	srv := newChartServer(t, "1.0.0").start(t)
	index := "entries:\n  demo:\n  - version: 1.0.0\n    urls: [" + inner.URL + "/demo-1.0.0.tgz]\n"
	if err := os.WriteFile(filepath.Join(srv.dir, "index.yaml"), []byte(index), 0o644); err != nil {
		t.Fatal(err)
	}
	ref := Ref{Repo: srv.URL, Name: "demo"}
	_, err := instant(Config{}).Resolve(context.Background(), Request{Ref: ref})
	wantError(t, err, "a private address; if that is meant, add the host to deployment.chartSources", false)
	if have := inner.seen(); len(have) != 0 {
		t.Errorf("it was asked: %v", have)
	}
	resolve(t, instant(Config{}), Request{Ref: ref, Allowed: []string{srv.URL, inner.URL}})

	index = strings.ReplaceAll(index, inner.URL, "http://169.254.169.254")
	if err := os.WriteFile(filepath.Join(srv.dir, "index.yaml"), []byte(index), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = instant(Config{}).Resolve(context.Background(), Request{Ref: ref})
	wantError(t, err, "leads to http://169.254.169.254/demo-1.0.0.tgz, which is not https", false)
}

// Registries send their readers to signed links: who sees the link has the blob.
func TestTheQueryOfASignedLinkIsNotTold(t *testing.T) {
	srv := newChartServer(t, "1.0.0").start(t)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for name, target := range map[string]string{"answers": srv.URL + "/none?sig=hunter2", "is closed": closed.URL + "/x?sig=hunter2"} {
		srv.through(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("sig") == "" {
					http.Redirect(w, r, target, http.StatusFound)
					return
				}
				next.ServeHTTP(w, r)
			})
		})
		req := Request{Ref: Ref{Repo: srv.URL, Name: "demo"}, Allowed: []string{srv.URL, closed.URL}}
		_, err := instant(Config{}).Resolve(context.Background(), req)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: have %v", name, err)
		}
	}
}

func TestOnlyPublic(t *testing.T) {
	for address, want := range map[string]bool{
		"8.8.8.8:443": true, "[2606:4700::1111]:443": true, "127.0.0.1:80": false, "10.1.2.3:80": false, "172.16.0.1:80": false,
		"192.168.1.1:80": false, "169.254.169.254:80": false, "100.64.0.1:80": false, "0.0.0.0:80": false, "224.0.0.1:80": false,
		"[::1]:80": false, "[fe80::1]:80": false, "[fd00::1]:80": false, "[::ffff:10.0.0.1]:80": false, "[::]:80": false, "junk": false,
	} {
		if have := onlyPublic("tcp", address, nil) == nil; have != want {
			t.Errorf("%s: %v", address, have)
		}
	}
}

func TestEndlessAndHugeAnswersAreCutShort(t *testing.T) {
	srv := newChartServer(t, "1.0.0").start(t)
	s := instant(Config{})
	srv.through(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) })
	})
	_, err := s.Resolve(context.Background(), Request{Ref: Ref{Repo: srv.URL, Name: "demo"}})
	wantError(t, err, "more than 5 redirects", false)
	srv.through(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			line := []byte(strings.Repeat("# ", 1<<20))
			for range 33 {
				w.Write(line)
			}
		})
	})
	_, err = s.Resolve(context.Background(), Request{Ref: Ref{Repo: srv.URL, Name: "demo"}})
	wantError(t, err, "index.yaml: it is larger than 64 MiB", false)
}

// A server that says nothing costs its caller no more time than the caller has.
func TestASilentServerIsLeftWhenTheCallerIsDone(t *testing.T) {
	hang := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer srv.Close()
	defer close(hang)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := NewStore(Config{}).Resolve(ctx, Request{Ref: Ref{Repo: srv.URL, Name: "demo"}})
	wantError(t, err, "context canceled", true)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
