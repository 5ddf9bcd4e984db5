package git

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/memfs"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-billy/v5/util"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// The cache of one remote is a slot: a directory, or memory, that one process holds locked. In it
// is one generation, "1", "2", …: a bare repository. A worn or damaged one is replaced by the next,
// so that what is being read stays readable meanwhile; killed in between, the next start keeps the
// newest that is whole. Nothing in it is needed for correctness.

const (
	maxSlots   = 16
	maxPacks   = 50                // go-git never packs anew: beyond this a fresh clone is cheaper
	maxWritten = 5000              // loose objects that notes and merges may leave
	objectLRU  = 2 << 20           // bytes of objects kept unpacked
	kept       = "refs/reconcile/" // what a fetch brought, by the hash of its name there
)

// slot is the place of one remote's cache that this process holds.
type slot struct {
	fs   billy.Filesystem
	lock io.Closer // nil in memory
}

// database is one generation.
type database struct {
	*filesystem.Storage
	slot    *slot // nil for a repository that is read in place
	fs      billy.Filesystem
	number  int
	written int       // loose objects
	older   *database // looked through next: what this one replaces, until it has been fetched into
}

// damageError marks a failure that a fresh cache would cure.
type damageError struct{ err error }

func (e *damageError) Error() string { return "the cache is damaged: " + e.err.Error() }
func (e *damageError) Unwrap() error { return e.err }

// open makes r.db ready, for a remote that is fetched from. The caller holds r.fetching.
func (r *Repo) open() error {
	if r.slot == nil {
		slot, err := openSlot(r.Cache, r.URL)
		if err != nil {
			return err
		}
		r.slot = slot
	}
	r.reading.Lock()
	defer r.reading.Unlock()
	if r.db == nil {
		r.db = r.slot.newest()
	}
	if r.db != nil && !r.worn && !r.db.full() {
		return nil
	}
	return r.renew()
}

// renew puts an empty generation before the present one, which stays readable until the next fetch
// has succeeded. The caller holds r.fetching and r.reading.
func (r *Repo) renew() error {
	last, number := r.db, 1
	if last != nil {
		number = last.number + 1
	}
	if last != nil && last.older != nil { // never fetched into: what it was to replace is better
		last, last.older = last.older, nil
		r.db.remove()
	}
	r.db = last
	db, err := r.slot.generation(number)
	if errors.Is(err, syscall.ENOSPC) && last != nil { // it may be what the disk is full of
		last.remove()
		last, r.db = nil, nil
		db, err = r.slot.generation(number)
	}
	if err != nil {
		return err
	}
	db.older, r.db, r.worn = last, db, false
	return nil
}

// openSlot takes the first slot of a remote that no other process has.
func openSlot(dir, url string) (*slot, error) {
	if dir == "" {
		return &slot{fs: memfs.New()}, nil
	}
	sum := sha256.Sum256([]byte(redact(url)))
	for i := range maxSlots {
		path := filepath.Join(dir, fmt.Sprintf("%s.%d", hex.EncodeToString(sum[:8]), i))
		if err := os.MkdirAll(path, 0o700); err != nil {
			return nil, fmt.Errorf("cache: %w: make it writable or choose another directory", err)
		}
		lock, err := lockFile(filepath.Join(path, "lock"))
		if errors.Is(err, errLocked) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cache: %w", err)
		}
		return &slot{fs: osfs.New(path, osfs.WithBoundOS()), lock: lock}, nil
	}
	return nil, fmt.Errorf("cache %s: %d processes use it already: stop some, or choose another",
		dir, maxSlots)
}

// generations lists the numbers of what is there, newest first.
func (s *slot) generations() []int {
	var numbers []int
	infos, _ := s.fs.ReadDir("") // nothing there and nothing readable are the same: begin anew
	for _, info := range infos {
		if n, err := strconv.Atoi(info.Name()); err == nil && n > 0 {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	slices.Reverse(numbers)
	return numbers
}

// newest opens the newest generation that is whole, and removes the others; nil where there is
// none.
func (s *slot) newest() *database {
	var found *database
	for _, n := range s.generations() {
		if found == nil {
			db, err := s.generation(n)
			if err == nil && db.whole() {
				db.sweep()
				found = db
				continue
			}
		}
		s.remove(n)
	}
	return found
}

// remove deletes a generation; what cannot be deleted now is tried again at the next start.
func (s *slot) remove(number int) {
	_ = util.RemoveAll(s.fs, strconv.Itoa(number))
}

// generation opens or makes the generation of a number.
func (s *slot) generation(number int) (*database, error) {
	fs, err := s.fs.Chroot(strconv.Itoa(number))
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	db := &database{slot: s, fs: fs, number: number}
	db.Storage = filesystem.NewStorage(fs, cache.NewObjectLRU(objectLRU))
	if err := db.Init(); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return db, nil
}

func (s *slot) close() error {
	if s == nil || s.lock == nil {
		return nil
	}
	return s.lock.Close()
}

// whole says whether a generation has been fetched into to the end and can be read: its refs and
// what they mark.
func (db *database) whole() bool {
	refs := 0
	err := db.each(func(hash plumbing.Hash) error {
		refs++
		return db.HasEncodedObject(hash)
	})
	return err == nil && refs > 0
}

// each calls do with the hash of every ref that a fetch kept.
func (db *database) each(do func(plumbing.Hash) error) error {
	iter, err := db.IterReferences()
	if err != nil {
		return err
	}
	return iter.ForEach(func(ref *plumbing.Reference) error {
		if !strings.HasPrefix(ref.Name().String(), kept) {
			return nil
		}
		return do(ref.Hash())
	})
}

// full says whether a generation is due for replacement.
func (db *database) full() bool {
	packs, err := db.ObjectPacks()
	return err != nil || len(packs) > maxPacks || db.written > maxWritten
}

// sweep removes what killed fetches left behind.
func (db *database) sweep() {
	for _, dir := range []string{"", "objects/pack"} {
		infos, _ := db.fs.ReadDir(dir)
		for _, info := range infos {
			if strings.HasPrefix(info.Name(), "tmp_") {
				_ = db.fs.Remove(db.fs.Join(dir, info.Name()))
			}
		}
	}
}

// dropOlder removes the generation that this one replaced.
func (db *database) dropOlder() {
	if db.older != nil {
		db.older.remove()
		db.older = nil
	}
}

// remove closes and deletes a generation.
func (db *database) remove() {
	_ = db.close()
	db.slot.remove(db.number)
}

func (db *database) close() error {
	if db == nil {
		return nil
	}
	return errors.Join(db.Storage.Close(), db.older.close())
}
