package git

import (
	"fmt"
	"io/fs"
	"path"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// bytesPerEntry is more than an entry of a tree object takes: mode, name and hash.
const bytesPerEntry = 8 + maxName + 20

// objects is the source of a commit's tree.
type objects struct {
	repo   *Repo
	limits Limits
}

// Tree returns what a commit holds below Path, within limits. It is read as it is asked for, by
// hash, and may be used from several goroutines, beside further fetches too. Opening a link, a
// submodule, or anything in a directory with an odd name in it is an error (ErrRefused,
// ErrTooLarge); what nobody opens is nobody's business.
func (r *Repo) Tree(commit string, limits Limits) (fs.FS, error) {
	c, err := r.Commit(commit)
	if err != nil {
		return nil, err
	}
	src := &objects{repo: r, limits: limits}
	root, err := src.find(plumbing.NewHash(c.Tree), r.Path)
	if err != nil {
		return nil, fmt.Errorf("git commit %s: %w: correct --path", commit, err)
	}
	if !root.mode.IsDir() {
		return nil, fmt.Errorf("git commit %s: %s: %w: correct --path", commit, r.Path, root.refusal())
	}
	return newTree(src, root, limits), nil
}

// find walks from a root tree to what is at a path.
func (o *objects) find(root plumbing.Hash, name string) (entry, error) {
	at := entry{path: ".", mode: fs.ModeDir, hash: root, size: -1}
	name = path.Clean("/" + name)[1:]
	if name == "" {
		return at, nil
	}
	t := newTree(o, at, Limits{Entries: Charts().Entries, Depth: Charts().Depth})
	return t.find("open", name)
}

func (o *objects) list(dir entry, max int) ([]entry, error) {
	limit := int64(max+1) * bytesPerEntry
	raw, err := o.repo.object(dir.hash, plumbing.TreeObject, limit)
	if err != nil {
		return nil, err
	}
	tree := new(object.Tree)
	if err := tree.Decode(raw.encoded()); err != nil {
		return nil, fmt.Errorf("%w: %w: run git fsck on the repository", ErrRefused, err)
	}
	list := make([]entry, 0, len(tree.Entries))
	for _, e := range tree.Entries {
		if err := checkName(e.Name); err != nil {
			return nil, err
		}
		one := entry{path: path.Join(dir.path, e.Name), hash: e.Hash, size: -1}
		one.mode, one.note = kind(e.Mode)
		list = append(list, one)
	}
	return list, nil
}

func (o *objects) size(file entry) (int64, error) {
	return o.repo.size(file.hash)
}

func (o *objects) read(file entry, max int64) ([]byte, error) {
	raw, err := o.repo.object(file.hash, plumbing.BlobObject, max)
	return raw.data, err
}

// kind translates git's modes. Whether a file may be executed is of no interest to anybody here.
func kind(mode filemode.FileMode) (fs.FileMode, string) {
	switch mode {
	case filemode.Dir:
		return fs.ModeDir, ""
	case filemode.Regular, filemode.Executable, filemode.Deprecated:
		return 0, ""
	case filemode.Symlink:
		return fs.ModeSymlink, "a symbolic link is not followed: commit the file itself"
	}
	return fs.ModeIrregular,
		"a submodule, or a mode that git does not write, is not followed: commit the files themselves"
}
