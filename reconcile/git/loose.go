package git

import (
	"errors"
	"io/fs"
	"path"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/objfile"
)

// EncodedObjectSize returns the bytes of an object without unpacking it. go-git leaves the file of an object that is
// in no pack open until the garbage collector finds it: in a repository with many of them that is a file for each
// object looked at, up to what the system allows.
func (db *database) EncodedObjectSize(hash plumbing.Hash) (int64, error) {
	size, err := db.looseSize(hash)
	if errors.Is(err, fs.ErrNotExist) {
		return db.Storage.EncodedObjectSize(hash)
	}
	return size, err
}

// looseSize is the size of an object that is in no pack.
func (db *database) looseSize(hash plumbing.Hash) (size int64, err error) {
	name := hash.String()
	f, err := db.fs.Open(path.Join("objects", name[:2], name[2:]))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	r, err := objfile.NewReader(f)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	_, size, err = r.Header()
	return size, err
}
