package charts

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// cache keeps blobs by digest: the newest in memory, more of them in a directory. It may be emptied at
// any time: whatever is missing or damaged is fetched again.
type cache struct {
	dir     string // empty: memory only
	maxDisk int64
	log     *slog.Logger

	mu     sync.Mutex // guards memory
	memory *lru[[]byte]
}

// digestOf is the digest that names b.
func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// get returns the blob of that digest, verified. The caller must not change it.
func (c *cache) get(digest string) ([]byte, bool) {
	c.mu.Lock()
	b, ok := c.memory.get(digest)
	c.mu.Unlock()
	if ok {
		return b, true
	}
	if b, ok = c.read(digest); ok {
		c.remember(digest, b)
	}
	return b, ok
}

// put keeps a blob in memory and on disk.
func (c *cache) put(digest string, b []byte) {
	c.remember(digest, b)
	if c.dir == "" || !digestForm.MatchString(digest) {
		return
	}
	if err := c.write(digest, b); err != nil {
		c.log.Warn("chart cache on disk", "digest", digest, "err", err)
	}
}

// remember keeps a blob in memory alone.
func (c *cache) remember(digest string, b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.memory.put(digest, b, int64(len(b)))
}

func (c *cache) file(digest string) string {
	return filepath.Join(c.dir, strings.TrimPrefix(digest, "sha256:"))
}

func (c *cache) read(digest string) ([]byte, bool) {
	if c.dir == "" || !digestForm.MatchString(digest) {
		return nil, false
	}
	name := c.file(digest)
	info, err := os.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxArchive {
		return nil, false
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, false
	}
	if digestOf(b) != digest {
		c.log.Warn("chart cache on disk is damaged; fetching again", "digest", digest)
		os.Remove(name)
		return nil, false
	}
	now := time.Now()
	os.Chtimes(name, now, now) // the newest stay when room is made; a failure only makes it look older
	return b, true
}

// write makes the file whole or not at all, so that a killed process leaves no half blob.
func (c *cache) write(digest string, b []byte) error {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(c.dir, "tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // no-op once renamed
	_, err = f.Write(b)
	if err := cmp.Or(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), c.file(digest)); err != nil {
		return err
	}
	return c.shrink()
}

// shrink removes the files used longest ago until the directory is within its bound.
func (c *cache) shrink() error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	var files []fs.FileInfo
	var size int64
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			files = append(files, info)
			size += info.Size()
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, f := range files {
		if size <= c.maxDisk {
			return nil
		}
		if err := os.Remove(filepath.Join(c.dir, f.Name())); err != nil && !os.IsNotExist(err) {
			return err
		}
		size -= f.Size()
	}
	return nil
}
