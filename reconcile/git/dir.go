package git

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
)

// Dir returns a directory as the tree of a commit would be, within the same limits. What was read
// once stays as it was, so that a change in between cannot mix two states in one file; take a new
// Dir after a change. Links are followed as long as they stay inside, since mounted ConfigMaps and
// Secrets consist of them; .git and the names that begin with ".." (those mounts' own) are not
// seen.
func Dir(name string, limits Limits) (fs.FS, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("directory: %w: correct --dir", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("directory %s: not a directory: correct --dir", name)
	}
	return newTree(directory(name), entry{}, limits), nil
}

// Hash returns "dir:" and 40 hex digits over names and contents of what the patterns match,
// directories with all below them: equal hashes, equal content. The last part of a pattern may have
// wildcards (path.Match); what a pattern does not find is not an error. Without patterns everything
// counts.
func Hash(tree fs.FS, patterns ...string) (string, error) {
	if len(patterns) == 0 {
		patterns = []string{"*"}
	}
	var names []string
	for _, p := range patterns {
		found, err := glob(tree, p)
		if err != nil {
			return "", fmt.Errorf("hash: %w", err)
		}
		for _, root := range found {
			below, err := filesBelow(tree, root)
			if err != nil {
				return "", fmt.Errorf("hash: %w", err)
			}
			names = append(names, below...)
		}
	}
	slices.Sort(names)
	sum := sha256.New()
	for _, name := range slices.Compact(names) {
		data, err := fs.ReadFile(tree, name)
		if err != nil {
			return "", fmt.Errorf("hash: %w", err)
		}
		fmt.Fprintf(sum, "%q %d\n", name, len(data))
		sum.Write(data)
	}
	return "dir:" + hex.EncodeToString(sum.Sum(nil)[:20]), nil
}

// glob is fs.Glob, but for errors: what cannot be read is not the same as what is not there.
func glob(tree fs.FS, pattern string) ([]string, error) {
	dir := path.Dir(pattern)
	list, err := fs.ReadDir(tree, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range list {
		ok, merr := path.Match(path.Base(pattern), e.Name())
		if merr != nil {
			return nil, fmt.Errorf("pattern %q: %w", pattern, merr)
		}
		if ok {
			names = append(names, path.Join(dir, e.Name()))
		}
	}
	return names, err
}

// filesBelow lists the regular files at and below a name.
func filesBelow(tree fs.FS, root string) ([]string, error) {
	var names []string
	err := fs.WalkDir(tree, root, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			names = append(names, name)
		}
		return err
	})
	return names, err
}

// directory is the source of a tree on disk. It is opened for each access, since it may be replaced
// as a whole; nothing outside is reached through it.
type directory string

func (d directory) list(dir entry, max int) ([]entry, error) {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.Open(dir.path)
	if err != nil {
		return nil, inside(err)
	}
	defer f.Close()
	found, err := f.ReadDir(max + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	list := make([]entry, 0, len(found))
	for _, one := range found {
		name := one.Name()
		if strings.HasPrefix(name, "..") || name == ".git" {
			continue
		}
		if err := checkName(name); err != nil {
			return nil, err
		}
		list = append(list, look(root, path.Join(dir.path, name), one))
	}
	return list, nil
}

// look tells what a name in a directory is, behind links.
func look(root *os.Root, name string, found fs.DirEntry) entry {
	e := entry{path: name, mode: found.Type(), size: -1}
	if e.mode&fs.ModeSymlink != 0 {
		info, err := root.Stat(name)
		if err != nil {
			e.note = "a link is followed only to what is inside the directory: " + inside(err).Error()
			return e
		}
		e.mode = info.Mode().Type()
	}
	if e.mode != 0 && !e.mode.IsDir() {
		e.note = "only files and directories are read"
	}
	return e
}

func (d directory) size(file entry) (int64, error) {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return 0, err
	}
	defer root.Close()
	info, err := root.Stat(file.path)
	if err != nil {
		return 0, inside(err)
	}
	return info.Size(), nil
}

func (d directory) read(file entry, max int64) ([]byte, error) {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	// A pipe that was put there meanwhile must not block.
	f, err := root.OpenFile(file.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, inside(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%w: only files and directories are read", ErrRefused))
	}
	data, err := io.ReadAll(io.LimitReader(f, max+1))
	if err == nil && int64(len(data)) > max {
		return nil, errors.New("it grew while it was read: try again")
	}
	return data, err
}

// inside drops the path of this machine from an error.
func inside(err error) error {
	if p := new(fs.PathError); errors.As(err, &p) {
		return p.Err
	}
	return err
}
