package git

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// tree is an fs.FS within limits. What was read once stays as it was: looking twice gives the same,
// also where a directory is edited meanwhile. Links and submodules are listed, and refused when
// opened.
type tree struct {
	src    source
	root   entry
	limits Limits

	mu      sync.Mutex         // guards what follows
	dirs    map[string][]entry // by path, sorted by name
	files   map[string][]byte
	entries int
	bytes   int64
}

// source is where a tree comes from: git's objects or a directory.
type source interface {
	// list returns the entries of a directory; at most max+1 are needed.
	list(dir entry, max int) ([]entry, error)
	// size returns the bytes of a file.
	size(file entry) (int64, error)
	// read returns a file of at most max bytes.
	read(file entry, max int64) ([]byte, error)
}

// entry is one name in a directory.
type entry struct {
	path string // from the root of the tree
	mode fs.FileMode
	hash plumbing.Hash // in git
	size int64         // -1: ask the source
	note string        // why it cannot be opened, for a mode that is neither file nor directory
}

func newTree(src source, root entry, limits Limits) *tree {
	root.path, root.mode = ".", fs.ModeDir
	return &tree{
		src: src, root: root, limits: limits,
		dirs: map[string][]entry{}, files: map[string][]byte{},
	}
}

// Open opens a file or directory.
func (t *tree) Open(name string) (fs.File, error) {
	e, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	if e.mode.IsDir() {
		list, err := t.ReadDir(name)
		if err != nil {
			return nil, err
		}
		return &openDir{t: t, e: e, list: list}, nil
	}
	data, err := t.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return &openFile{Reader: *bytes.NewReader(data), t: t, e: e}, nil
}

// Stat tells of a file or directory.
func (t *tree) Stat(name string) (fs.FileInfo, error) {
	e, err := t.find("stat", name)
	if err != nil {
		return nil, err
	}
	return t.info(e)
}

// ReadFile returns a file's content, which the caller may change.
func (t *tree) ReadFile(name string) ([]byte, error) {
	e, err := t.find("read", name)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	data, ok := t.files[name]
	if !ok {
		if data, err = t.load(e); err != nil {
			return nil, &fs.PathError{Op: "read", Path: name, Err: err}
		}
		t.files[name] = data
	}
	return bytes.Clone(data), nil
}

// ReadDir lists a directory, sorted by name.
func (t *tree) ReadDir(name string) ([]fs.DirEntry, error) {
	e, err := t.find("readdir", name)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	list, err := t.listing(e)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	out := make([]fs.DirEntry, len(list))
	for i, e := range list {
		out[i] = dirEntry{t, e}
	}
	return out, nil
}

// load reads a file within the limits. The caller holds t.mu.
func (t *tree) load(e entry) ([]byte, error) {
	if !e.mode.IsRegular() {
		return nil, e.refusal()
	}
	size, err := t.sizeOf(e)
	if err != nil {
		return nil, err
	}
	if size > t.limits.File {
		return nil, fmt.Errorf("%w: %d bytes, at most %d: split the file",
			ErrTooLarge, size, t.limits.File)
	}
	if t.bytes+size > t.limits.Total {
		return nil, fmt.Errorf("%w: all files together have more than %d bytes: take some out",
			ErrTooLarge, t.limits.Total)
	}
	data, err := t.src.read(e, size)
	t.bytes += int64(len(data))
	return data, err
}

// listing lists a directory within the limits. The caller holds t.mu.
func (t *tree) listing(e entry) ([]entry, error) {
	if list, ok := t.dirs[e.path]; ok {
		return list, nil
	}
	if !e.mode.IsDir() {
		return nil, e.refusal()
	}
	if e.path != "." && strings.Count(e.path, "/")+1 > t.limits.Depth {
		return nil, fmt.Errorf("%w: more than %d directories inside each other: move some up",
			ErrTooLarge, t.limits.Depth)
	}
	left := t.limits.Entries - t.entries
	list, err := t.src.list(e, left)
	if len(list) > left || errors.Is(err, ErrTooLarge) {
		return nil, fmt.Errorf("%w: more than %d files and directories: take some out",
			ErrTooLarge, t.limits.Entries)
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b entry) int { return a.compare(b.path) })
	for i, one := range list {
		if i > 0 && one.path == list[i-1].path {
			return nil, fmt.Errorf("%w: two entries have the name %q: remove one",
				ErrRefused, cut(path.Base(one.path), 60))
		}
	}
	t.entries += len(list)
	t.dirs[e.path] = list
	return list, nil
}

// find walks to an entry from the root.
func (t *tree) find(op, name string) (entry, error) {
	if !fs.ValidPath(name) {
		return entry{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	at := t.root
	if name == "." {
		return at, nil
	}
	for i := 0; i < len(name); {
		list, err := t.listing(at)
		if err != nil {
			return entry{}, &fs.PathError{Op: op, Path: name, Err: err}
		}
		end := len(name)
		if j := strings.IndexByte(name[i:], '/'); j >= 0 {
			end = i + j
		}
		n, ok := slices.BinarySearchFunc(list, name[:end], entry.compare)
		if !ok {
			return entry{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
		at, i = list[n], end+1
	}
	return at, nil
}

// sizeOf returns the bytes of a file.
func (t *tree) sizeOf(e entry) (int64, error) {
	if e.size >= 0 || !e.mode.IsRegular() {
		return max(e.size, 0), nil
	}
	return t.src.size(e)
}

func (t *tree) info(e entry) (fs.FileInfo, error) {
	size, err := t.sizeOf(e)
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: e.path, Err: err}
	}
	return fileInfo{e, size}, nil
}

// compare orders entries by path.
func (e entry) compare(path string) int { return strings.Compare(e.path, path) }

// refusal says why an entry cannot be opened as what it was taken for.
func (e entry) refusal() error {
	switch {
	case e.note != "":
		return fmt.Errorf("%w: %s", ErrRefused, e.note)
	case e.mode.IsDir():
		return errors.New("is a directory")
	}
	return errors.New("not a directory")
}

// fileInfo is an entry with its size.
type fileInfo struct {
	entry
	bytes int64
}

func (i fileInfo) Name() string       { return path.Base(i.path) }
func (i fileInfo) Size() int64        { return i.bytes }
func (i fileInfo) Mode() fs.FileMode  { return i.mode | 0o444 }
func (i fileInfo) ModTime() time.Time { return time.Time{} }
func (i fileInfo) IsDir() bool        { return i.mode.IsDir() }
func (i fileInfo) Sys() any           { return nil }

// dirEntry is an entry whose size is asked for when needed.
type dirEntry struct {
	t *tree
	e entry
}

func (d dirEntry) Name() string               { return path.Base(d.e.path) }
func (d dirEntry) IsDir() bool                { return d.e.mode.IsDir() }
func (d dirEntry) Type() fs.FileMode          { return d.e.mode.Type() }
func (d dirEntry) Info() (fs.FileInfo, error) { return d.t.info(d.e) }

// openFile is a file's content.
type openFile struct {
	bytes.Reader
	t *tree
	e entry
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.t.info(f.e) }
func (f *openFile) Close() error               { return nil }

// openDir is a directory being listed.
type openDir struct {
	t    *tree
	e    entry
	list []fs.DirEntry
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.t.info(d.e) }
func (d *openDir) Close() error               { return nil }
func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.e.path, Err: errors.New("is a directory")}
}

// ReadDir returns the next n entries, or all that are left.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 || n > len(d.list) {
		if n > 0 && len(d.list) == 0 {
			return nil, io.EOF
		}
		n = len(d.list)
	}
	out := d.list[:n:n]
	d.list = d.list[n:]
	return out, nil
}
