package git

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// raw is an object as it is stored.
type raw struct {
	kind plumbing.ObjectType
	data []byte
}

// encoded wraps an object for go-git's decoders.
func (o raw) encoded() *plumbing.MemoryObject {
	m := new(plumbing.MemoryObject)
	m.SetType(o.kind)
	_, _ = m.Write(o.data) // cannot fail
	return m
}

// has says whether an object is here.
func (r *Repo) has(hash plumbing.Hash) bool {
	r.reading.Lock()
	defer r.reading.Unlock()
	if r.db == nil {
		return false
	}
	_, err := r.db.size(hash)
	return err == nil
}

// object reads an object of at most limit bytes that must be here, since something here refers to
// it; where it cannot be read, the next fetch starts with an empty cache.
func (r *Repo) object(hash plumbing.Hash, kind plumbing.ObjectType, limit int64) (raw, error) {
	r.reading.Lock()
	defer r.reading.Unlock()
	if r.db == nil {
		return raw{}, errors.New("nothing fetched yet: call Fetch first")
	}
	o, err := r.db.read(hash, limit)
	switch {
	case errors.Is(err, ErrTooLarge):
		return raw{}, err
	case err != nil:
		return raw{}, r.damaged(hash, err)
	case kind != plumbing.AnyObject && kind != o.kind:
		return raw{}, fmt.Errorf("object %s: %w: a %s where a %s belongs", hash, ErrRefused, o.kind, kind)
	}
	return o, nil
}

// size returns the bytes of an object that must be here.
func (r *Repo) size(hash plumbing.Hash) (int64, error) {
	r.reading.Lock()
	defer r.reading.Unlock()
	size, err := r.db.size(hash)
	if err != nil {
		return 0, r.damaged(hash, err)
	}
	return size, nil
}

// damaged says that an object which must be here cannot be read. The caller holds r.reading.
func (r *Repo) damaged(hash plumbing.Hash, err error) error {
	if r.db.foreign() {
		return fmt.Errorf("object %s: %w: run git fsck on the repository", hash, err)
	}
	r.worn = true
	return &damageError{fmt.Errorf("object %s: %w", hash, err)}
}

// read looks for an object here and in what is behind.
func (db *database) read(hash plumbing.Hash, limit int64) (o raw, err error) {
	err = db.look(func(db *database) error {
		o, err = readObject(db, hash, limit)
		return err
	})
	return o, err
}

// size returns the bytes of an object without unpacking it.
func (db *database) size(hash plumbing.Hash) (size int64, err error) {
	err = db.look(func(db *database) error {
		size, err = db.EncodedObjectSize(hash)
		return err
	})
	return size, err
}

// look tries here and then in what is behind. Somebody else's repository may have been packed anew
// since it was opened, so it is tried once more.
func (db *database) look(try func(*database) error) error {
	err := try(db)
	if err != nil && !errors.Is(err, ErrTooLarge) && db.foreign() {
		db.Reindex()
		err = try(db)
	}
	if err == nil || errors.Is(err, ErrTooLarge) || db.older == nil {
		return err
	}
	return db.older.look(try)
}

// readObject asks for the size first, so that a large object is never unpacked, and checks the
// hash, which go-git does not: what is applied is what was committed.
func readObject(db storer.EncodedObjectStorer, hash plumbing.Hash, limit int64) (raw, error) {
	size, err := db.EncodedObjectSize(hash)
	if err != nil {
		return raw{}, err
	}
	if size > limit {
		return raw{}, fmt.Errorf("object %s: %w: %d bytes, at most %d", hash, ErrTooLarge, size, limit)
	}
	o, err := db.EncodedObject(plumbing.AnyObject, hash)
	if err != nil {
		return raw{}, err
	}
	in, err := o.Reader()
	if err != nil {
		return raw{}, err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err == nil && plumbing.ComputeHash(o.Type(), data) != hash {
		err = errors.New("its content has another hash")
	}
	return raw{o.Type(), data}, err
}

// remember keeps what a ref of the remote was, so that the next fetch, also after a restart, starts
// from what is here; a replaced generation can go then.
func (r *Repo) remember(ref string, hash plumbing.Hash) error {
	r.reading.Lock()
	defer r.reading.Unlock()
	sum := sha256.Sum256([]byte(ref)) // the name is somebody else's: it never becomes a path
	name := plumbing.ReferenceName(kept + hex.EncodeToString(sum[:8]))
	if err := r.db.SetReference(plumbing.NewHashReference(name, hash)); err != nil {
		return &damageError{err}
	}
	if got, err := r.db.Reference(name); err != nil || got.Hash() != hash {
		return &damageError{fmt.Errorf("%s is not what the server advertised", name)}
	}
	r.db.dropOlder()
	return nil
}
