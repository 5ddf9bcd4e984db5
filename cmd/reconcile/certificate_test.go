package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// When the certificate of the page ends is known, also after another was put in its place.
func TestWhenThePagesCertificateEnds(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "page"), 0o700); err != nil {
		t.Fatal(err)
	}
	p := &parts{settings: &settings{credentials: dir}, log: slog.New(slog.DiscardHandler)}
	load := func() *certificate {
		t.Helper()
		c, err := p.loadCertificate()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if at := load().ends(); !at.IsZero() {
		t.Errorf("there is none, and it ends at %s", at)
	}
	ca := newAuthority(t)
	ca.issue(filepath.Join(dir, "page"), "old")
	c := load()
	old := c.now.Load()
	ca.issue(filepath.Join(dir, "page"), "young")
	if c.reload(); c.now.Load() == old || c.ends() != c.now.Load().Leaf.NotAfter || time.Until(c.ends()) <= 0 {
		t.Errorf("it ends at %s", c.ends())
	}
}
