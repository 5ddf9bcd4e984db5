package edit

import (
	"bytes"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// Tree is the declarations as they are after the changes.
func (f *Files) Tree(changes []Change) fs.FS {
	after := map[string][]byte{}
	for _, c := range changes {
		after[c.Name] = c.After
	}
	return overlay{FS: f.tree, after: after}
}

// overlay is a tree in which some files hold something else, are not there, or are there as well.
type overlay struct {
	fs.FS
	after map[string][]byte // nil: it is not there
}

func (o overlay) Open(name string) (fs.File, error) {
	text, changed := o.after[name]
	if !changed {
		return o.FS.Open(name)
	}
	if text == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &opened{Reader: bytes.NewReader(text), info: info{path.Base(name), int64(len(text))}}, nil
}

// ReadDir lists what is there afterwards.
func (o overlay) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(o.FS, name)
	for file, text := range o.after {
		if path.Dir(file) != name {
			continue
		}
		same := func(e fs.DirEntry) bool { return e.Name() == path.Base(file) }
		there := slices.ContainsFunc(entries, same)
		switch {
		case text == nil:
			entries = slices.DeleteFunc(slices.Clone(entries), same)
		case !there:
			err = nil // the directory comes with its first file
			entries = append(slices.Clip(entries), fs.FileInfoToDirEntry(info{path.Base(file), int64(len(text))}))
		}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

// opened is a file that holds something else.
type opened struct {
	*bytes.Reader
	info info
}

func (o *opened) Stat() (fs.FileInfo, error) { return o.info, nil }
func (o *opened) Close() error               { return nil }

// info is about a file that is not on disk.
type info struct {
	name string
	size int64
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return 0o644 }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return false }
func (i info) Sys() any           { return nil }
