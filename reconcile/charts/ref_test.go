package charts

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"
)

// Nothing of this is asked of anybody: there is nobody at these addresses.
func TestWhatMustNotBeAskedForIsRefusedAtOnce(t *testing.T) {
	repo := func(url string) Ref { return Ref{Repo: url, Name: "demo"} }
	for _, c := range []struct {
		ref     Ref
		allowed []string
		want    string
	}{
		{Ref{Name: "demo"}, nil, "0 of repo, oci and path are given; give exactly one"},
		{Ref{Name: "demo", Repo: "https://a", Path: "b"}, nil, "2 of repo, oci and path are given"},
		{Ref{Repo: "https://a"}, nil, "a name is needed"},
		{Ref{Repo: "https://a", Name: "../x"}, nil, `name "../x" is not the name of a chart`},
		{Ref{Path: "x", Digest: "sha256:1"}, nil, "has not the form sha256:"},
		{Ref{Path: "../x"}, nil, "leads out of the declarations"},
		{Ref{Path: "/x"}, nil, "leads out of the declarations"},
		{Ref{Path: "a/../../x"}, nil, "leads out of the declarations"},
		{Ref{Path: `a\b`}, nil, "leads out of the declarations"},
		{repo("file:///etc"), nil, `scheme "file" is not https`},
		{repo("oci://a/b"), nil, `scheme "oci" is not https`},
		{repo("https://"), nil, "names no host"},
		{repo("http://charts.example.com"), nil, "plain http is for loopback only"},
		{repo("https://me:pass@charts.example.com"), nil, "holds a credential"},
		{repo("https://charts.example.com?token=x"), nil, "has a query"},
		{repo("https://charts.example.com/a/../b"), nil, "not clean"},
		{repo("https://charts.example.com/a/%2e%2e/b"), nil, "not clean"},
		{Ref{OCI: "https://a/b", Name: "demo"}, nil, `scheme "https" is not oci`},
		{Ref{OCI: "oci://a/b/..", Name: "demo"}, nil, "not clean"},
		{repo("https://evil.example.com"), []string{"https://charts.example.com"}, "the source is not allowed; add it to deployment.chartSources or use one of https://charts.example.com"},
		{repo("https://charts.example.com.evil.example"), []string{"https://charts.example.com"}, "is not allowed"},
		{repo("https://charts.example.com/ab"), []string{"https://charts.example.com/a"}, "is not allowed"},
		{Ref{OCI: "oci://ghcr.io/acme", Name: "demo"}, []string{"https://ghcr.io/acme"}, "is not allowed"},
	} {
		_, err := NewStore(Config{}).Resolve(context.Background(), Request{Ref: c.ref, Allowed: c.allowed, Tree: fstest.MapFS{}})
		wantError(t, err, c.want, false)
	}
}

func TestAllowed(t *testing.T) {
	for _, c := range []struct {
		prefix, source string
		want           bool
	}{
		{"https://charts.example.com", "https://charts.example.com", true},
		{"https://charts.example.com/", "https://charts.example.com/a/b", true},
		{"oci://ghcr.io/acme", "oci://ghcr.io/acme/charts/demo", true},
		{"ghcr.io/acme", "oci://ghcr.io/acme/demo", true},
		{"ghcr.io", "https://ghcr.io/acme", true},
		{"ghcr.io/ac", "oci://ghcr.io/acme/demo", false},
		{"", "https://x", false},
		{"/", "https://x", false},
		{"https://", "https://x", false},
	} {
		if have := allowed([]string{c.prefix}, c.source); have != c.want {
			t.Errorf("%q covers %q: %v", c.prefix, c.source, have)
		}
	}
}

func TestADirectoryIsResolvedFromTheDeclarations(t *testing.T) {
	tree := chartFS(map[string]string{"templates/a.yaml": "a: 1\n"})
	s := NewStore(Config{MaxMemory: -1})
	c := resolve(t, s, Request{Ref: Ref{Path: "./chart"}, Tree: tree})
	if c.Name != "demo" || c.Version != "1.2.3" || c.Source != "./chart" || c.Digest != digestOf(archive(t, s, c.Digest)) {
		t.Errorf("have %+v", c)
	}
	resolve(t, s, Request{Ref: Ref{Path: "chart", Name: "demo", Version: "^1.2", Digest: c.Digest}, Tree: tree})
	for want, ref := range map[string]Ref{
		"name other is declared, Chart.yaml says demo":     {Path: "chart", Name: "other"},
		"version ^2 is declared, Chart.yaml says 1.2.3":    {Path: "chart", Version: "^2"},
		"is declared, the directory has " + c.Digest:       {Path: "chart", Digest: "sha256:" + strings.Repeat("0", 64)},
		"chart none: lstat none: file does not exist":      {Path: "none"},
		"chart .: there is no Chart.yaml; name the direct": {Path: "."},
	} {
		_, err := s.Resolve(context.Background(), Request{Ref: ref, Tree: tree})
		wantError(t, err, want, false)
	}
	tree["chart/templates/a.yaml"] = &fstest.MapFile{Data: []byte("a: 2\n")}
	_, err := s.Archive(context.Background(), c.Digest)
	wantError(t, err, "digest "+c.Digest+" is announced", false)
	_, err = s.Archive(context.Background(), "sha256:0")
	wantError(t, err, "resolve its chart first", false)
}

func TestTheDiskCacheKeepsWithinItsBoundAndTheNewestStay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "charts")
	c := NewStore(Config{Dir: dir, MaxDisk: 250, MaxMemory: -1}).cache
	blob := func(i int) []byte { return []byte(strings.Repeat(string(rune('a'+i)), 100)) }
	for i := range 3 {
		c.put(digestOf(blob(i)), blob(i))
		if i == 1 {
			c.get(digestOf(blob(0))) // used later than b
		}
	}
	for i, want := range []bool{true, false, true} {
		if _, have := c.get(digestOf(blob(i))); have != want {
			t.Errorf("%d: %v", i, have)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("%d files, %v", len(entries), err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	c.put(digestOf(blob(0)), blob(0))
	if _, ok := c.get(digestOf(blob(0))); !ok {
		t.Error("a cache that was deleted does not come back")
	}
}

func TestTheLRUNeverCostsMoreThanItMay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLRU[int64](100)
		last := ""
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				last = rapid.StringMatching(`[a-f]`).Draw(t, "key")
				cost := rapid.Int64Range(0, 120).Draw(t, "cost")
				l.put(last, cost, cost)
				if v, ok := l.get(last); ok != (cost <= 100) || ok && v != cost {
					t.Fatalf("put %d, have %d, %v", cost, v, ok)
				}
			},
			"get": func(t *rapid.T) { l.get(rapid.StringMatching(`[a-f]`).Draw(t, "key")) },
			"": func(t *rapid.T) {
				var sum int64
				for e := l.order.Front(); e != nil; e = e.Next() {
					sum += e.Value.(lruEntry[int64]).cost
				}
				if sum != l.cost || sum > 100 || len(l.entries) != l.order.Len() {
					t.Fatalf("cost %d, said %d", sum, l.cost)
				}
			},
		})
	})
}
