package charts

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/workspace-providers/reconcile/reconcile"
)

// instant is a Store that looks anew each time.
func instant(c Config) *Store {
	c.Recheck = time.Nanosecond
	return NewStore(c)
}

func resolve(t *testing.T, s *Store, req Request) reconcile.Chart {
	t.Helper()
	c, err := s.Resolve(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func archive(t *testing.T, s *Store, digest string) []byte {
	t.Helper()
	b, err := s.Archive(context.Background(), digest)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// wantError fails unless err says text and is, or is not, temporary.
func wantError(t *testing.T, err error, text string, temporary bool) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("have %v, want %q", err, text)
	}
	if errors.Is(err, ErrTemporary) != temporary {
		t.Errorf("temporary is %v: %v", !temporary, err)
	}
}

func TestARepositoryGivesTheVersionThatIsDeclared(t *testing.T) {
	srv := newChartServer(t, "1.0.0", "1.2.0", "1.10.0", "2.0.0", "3.0.0-rc.1", "1.2.0+build").start(t)
	s := NewStore(Config{})
	for _, c := range []struct{ wanted, version, err string }{
		{"1.2.0", "1.2.0", ""},
		{"1.2.0+build", "1.2.0+build", ""},
		{"^1.0", "1.10.0", ""},
		{"~1.2.0", "1.2.0", ""},
		{"", "2.0.0", ""},
		{">=3.0.0-0", "3.0.0-rc.1", ""},
		{"4.0.0", "", "no such version; the newest there are: 3.0.0-rc.1, 2.0.0, 1.10.0, 1.2.0"},
		{"latest", "", `version "latest" is neither a version nor a range`},
	} {
		have, err := s.Resolve(context.Background(), Request{Ref: Ref{Repo: srv.URL, Name: "demo", Version: c.wanted}})
		if c.err != "" {
			wantError(t, err, c.err, false)
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", c.wanted, err)
		} else if have.Version != c.version || have.Name != "demo" || have.Source != srv.URL {
			t.Errorf("%q: have %+v, want %s", c.wanted, have, c.version)
		} else if digestOf(archive(t, s, have.Digest)) != have.Digest {
			t.Errorf("%q: another archive", c.wanted)
		}
	}
	_, err := s.Resolve(context.Background(), Request{Ref: Ref{Repo: srv.URL, Name: "other"}})
	wantError(t, err, "there is none at all: see that the name is right", false)
}

func TestALookStandsForAWhileAndIsThenConditional(t *testing.T) {
	srv := newChartServer(t, "1.0.0").start(t)
	req := Request{Ref: Ref{Repo: srv.URL + "/", Name: "demo", Version: "1.x"}}
	s := NewStore(Config{})
	resolve(t, s, req)
	srv.publish(t, "1.1.0")
	if c := resolve(t, s, req); c.Version != "1.0.0" {
		t.Errorf("looked again at once: %+v", c)
	}
	if c := resolve(t, s, Request{Ref: Ref{Repo: srv.URL + "/", Name: "demo", Version: "1.1.0"}}); c.Version != "1.1.0" {
		t.Errorf("a version that the index known so far does not have: %+v", c)
	}
	want := []string{"GET /index.yaml OK", "GET /index.yaml OK"}
	if diff := cmp.Diff(want, srv.seen()); diff != "" {
		t.Error(diff)
	}

	s = instant(Config{})
	resolve(t, s, req)
	resolve(t, s, req)
	if diff := cmp.Diff([]string{"GET /index.yaml OK", "GET /index.yaml Not Modified"}, srv.seen()); diff != "" {
		t.Error(diff)
	}
	srv.publish(t, "1.3.0")
	if c := resolve(t, s, req); c.Version != "1.3.0" {
		t.Errorf("have %+v", c)
	}
}

func TestWhileTheRepositoryIsDownWhatItSaidStands(t *testing.T) {
	srv := newChartServer(t, "1.0.0").start(t)
	req := Request{Ref: Ref{Repo: srv.URL, Name: "demo", Version: "1.x"}}
	s := instant(Config{})
	want := resolve(t, s, req)
	srv.through(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "", http.StatusBadGateway) })
	})
	if have := resolve(t, s, req); have != want {
		t.Errorf("have %+v", have)
	}
	_, err := s.Resolve(context.Background(), Request{Ref: Ref{Repo: srv.URL, Name: "demo", Version: "1.0.0"}})
	wantError(t, err, "answered 502", true)
	_, err = s.Archive(context.Background(), want.Digest)
	wantError(t, err, "answered 502", true)
	srv.through(nil)
	archive(t, s, want.Digest)
	srv.Close()
	archive(t, s, want.Digest)
	_, err = s.Resolve(context.Background(), Request{Ref: Ref{Repo: srv.URL, Name: "other"}})
	wantError(t, err, "connection refused", true)
}

func TestAWrongDigestIsRefusedAndBothAreNamed(t *testing.T) {
	srv := newChartServer(t, "1.0.0").start(t)
	s := instant(Config{})
	ref := Ref{Repo: srv.URL, Name: "demo", Version: "1.0.0"}
	good := resolve(t, s, Request{Ref: ref})
	pinned := ref
	pinned.Digest = "sha256:" + strings.Repeat("0", 64)
	_, err := s.Resolve(context.Background(), Request{Ref: pinned})
	wantError(t, err, "digest sha256:0000000000000000000000000000000000000000000000000000000000000000 is declared, the source has "+good.Digest, false)
	pinned.Digest = good.Digest
	if have := resolve(t, s, Request{Ref: pinned}); have != good {
		t.Errorf("have %+v", have)
	}
	name := filepath.Join(srv.dir, "demo-1.0.0.tgz")
	if err := os.WriteFile(name, tgz(t, file("demo/Chart.yaml", demoChart)), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = s.Archive(context.Background(), good.Digest)
	wantError(t, err, "digest "+good.Digest+" is announced, the archive has sha256:", false)
}

func TestAnArchiveOfAnotherChartIsRefused(t *testing.T) {
	srv := newChartServer(t, "1.0.0").start(t)
	b, err := os.ReadFile(filepath.Join(srv.dir, "index.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(b), "demo:", "other:")
	if err := os.WriteFile(filepath.Join(srv.dir, "index.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s := instant(Config{})
	c := resolve(t, s, Request{Ref: Ref{Repo: srv.URL, Name: "other", Version: "1.0.0"}})
	_, err = s.Archive(context.Background(), c.Digest)
	wantError(t, err, "chart other 1.0.0: the archive holds demo 1.0.0", false)
}

func TestAnIndexWithoutDigestsMeansFetchingTheArchive(t *testing.T) {
	srv := newChartServer(t, "1.0.0").start(t)
	s := NewStore(Config{})
	want := resolve(t, s, Request{Ref: Ref{Repo: srv.URL, Name: "demo"}})
	index := "apiVersion: v1\nentries:\n    demo:\n        - version: 1.0.0\n          urls: [demo-1.0.0.tgz]\n"
	if err := os.WriteFile(filepath.Join(srv.dir, "index.yaml"), []byte(index), 0o644); err != nil {
		t.Fatal(err)
	}
	s = NewStore(Config{})
	if have := resolve(t, s, Request{Ref: Ref{Repo: srv.URL, Name: "demo"}}); have != want {
		t.Errorf("have %+v, want %+v", have, want)
	}
}

func TestManyAskOnlyOnce(t *testing.T) {
	srv := newChartServer(t, "1.0.0").start(t)
	s := NewStore(Config{})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			c, err := s.Resolve(context.Background(), Request{Ref: Ref{Repo: srv.URL, Name: "demo"}})
			if err == nil {
				_, err = s.Archive(context.Background(), c.Digest)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if diff := cmp.Diff([]string{"GET /index.yaml OK", "GET /demo-1.0.0.tgz OK"}, srv.seen()); diff != "" {
		t.Error(diff)
	}
}

func TestAPinnedDigestOnDiskNeedsNoNetwork(t *testing.T) {
	srv := newChartServer(t, "1.0.0").start(t)
	dir := t.TempDir()
	s := NewStore(Config{Dir: dir})
	want := resolve(t, s, Request{Ref: Ref{Repo: srv.URL, Name: "demo"}})
	b := archive(t, s, want.Digest)
	srv.Close()

	ref := Ref{Repo: srv.URL, Name: "demo", Version: "1.0.0", Digest: want.Digest}
	if have := resolve(t, NewStore(Config{Dir: dir}), Request{Ref: ref}); have != want {
		t.Errorf("have %+v", have)
	}
	name := filepath.Join(dir, strings.TrimPrefix(want.Digest, "sha256:"))
	if err := os.WriteFile(name, append(b, 'x'), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := NewStore(Config{Dir: dir}).Resolve(context.Background(), Request{Ref: ref})
	wantError(t, err, "connection refused", true)
	if _, err := os.Stat(name); !os.IsNotExist(err) {
		t.Errorf("the damaged file is still there: %v", err)
	}
}
