package git

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// A notes ref marks a commit whose tree has one file for each annotated commit, named by its hash,
// with "/" after the first pairs of digits where there are many. What is written here is read by
// "git notes --ref reconcile/acme show SHA".

const (
	maxFlat    = 256      // notes in one directory before new ones go into folders
	maxTree    = 64 << 20 // bytes of a directory of notes
	noteAuthor = "reconcile"
)

// objectStore is where new objects go.
type objectStore = storer.EncodedObjectStorer

// leaf is a note with its place in a tree.
type leaf struct {
	path []string
	blob plumbing.Hash
}

// compose makes the objects of a note on top of a notes commit, which may be zero, and returns the
// new notes commit; it is the old one where the note says that already.
func (r *Repo) compose(into objectStore, tip plumbing.Hash, n note) (plumbing.Hash, error) {
	name, old, err := r.findNote(tip, n.commit)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	blob, err := store(into, plumbing.BlobObject, []byte(n.text))
	if err != nil || blob == old {
		return tip, err
	}
	c := Commit{}
	if !tip.IsZero() {
		if c, err = r.commit(tip); err != nil {
			return plumbing.ZeroHash, err
		}
	}
	root, err := r.graft(into, plumbing.NewHash(c.Tree), leaf{strings.Split(name, "/"), blob})
	if err != nil {
		return plumbing.ZeroHash, err
	}
	me := object.Signature{Name: noteAuthor, Email: noteAuthor + "@localhost", When: time.Now().UTC()}
	next := object.Commit{Author: me, Committer: me, TreeHash: root, Message: "Note for " + n.commit}
	if !tip.IsZero() {
		next.ParentHashes = []plumbing.Hash{tip}
	}
	o := into.NewEncodedObject()
	if err := next.Encode(o); err != nil {
		return plumbing.ZeroHash, err
	}
	return into.SetEncodedObject(o)
}

// findNote returns the path at which a commit's note is, or belongs, and its blob, zero where there
// is none.
func (r *Repo) findNote(tip plumbing.Hash, commit string) (string, plumbing.Hash, error) {
	if tip.IsZero() {
		return commit, plumbing.ZeroHash, nil
	}
	c, err := r.commit(tip)
	if err != nil {
		return "", plumbing.ZeroHash, err
	}
	dir, at := "", plumbing.NewHash(c.Tree)
	for rest := commit; ; {
		tree, err := r.noteTree(at)
		if err != nil {
			return "", plumbing.ZeroHash, err
		}
		note, folder, folders := pick(tree, rest)
		if !note.IsZero() {
			return dir + rest, note, nil
		}
		if folder.IsZero() || len(rest) <= 2 {
			if folders && len(rest) > 2 {
				rest = rest[:2] + "/" + rest[2:]
			}
			return dir + rest, plumbing.ZeroHash, nil
		}
		dir, rest, at = dir+rest[:2]+"/", rest[2:], folder
	}
}

// pick looks for a note in one folder: the note itself, the folder that it would be in, and whether
// notes are kept in folders here.
func pick(tree *object.Tree, rest string) (note, folder plumbing.Hash, folders bool) {
	folders = len(tree.Entries) >= maxFlat
	for _, e := range tree.Entries {
		isDir := e.Mode == filemode.Dir
		folders = folders || isDir && len(e.Name) == 2
		switch {
		case e.Name == rest && !isDir:
			note = e.Hash
		case isDir && e.Name == rest[:2]:
			folder = e.Hash
		}
	}
	return note, folder, folders
}

// graft puts a note into a tree, which may be zero, and returns the new tree.
func (r *Repo) graft(into objectStore, at plumbing.Hash, leaf leaf) (plumbing.Hash, error) {
	tree, err := r.noteTree(at)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	e := object.TreeEntry{Name: leaf.path[0], Mode: filemode.Regular, Hash: leaf.blob}
	i := slices.IndexFunc(tree.Entries, func(o object.TreeEntry) bool { return o.Name == e.Name })
	if leaf.path = leaf.path[1:]; len(leaf.path) > 0 {
		below := plumbing.ZeroHash
		if i >= 0 {
			below = tree.Entries[i].Hash
		}
		e.Mode = filemode.Dir
		if e.Hash, err = r.graft(into, below, leaf); err != nil {
			return plumbing.ZeroHash, err
		}
	}
	if i >= 0 {
		tree.Entries[i] = e
	} else {
		tree.Entries = append(tree.Entries, e)
		sort.Sort(object.TreeEntrySorter(tree.Entries))
	}
	o := into.NewEncodedObject()
	if err := tree.Encode(o); err != nil {
		return plumbing.ZeroHash, fmt.Errorf("tree of notes: %w", err)
	}
	return into.SetEncodedObject(o)
}

// noteTree reads a directory of notes; zero is an empty one.
func (r *Repo) noteTree(hash plumbing.Hash) (*object.Tree, error) {
	tree := new(object.Tree)
	if hash.IsZero() {
		return tree, nil
	}
	o, err := r.object(hash, plumbing.TreeObject, maxTree)
	if err != nil {
		return nil, err
	}
	if err := tree.Decode(o.encoded()); err != nil {
		return nil, fmt.Errorf("tree of notes: %w", err)
	}
	return tree, nil
}

// store adds one object.
func store(into objectStore, kind plumbing.ObjectType, data []byte) (plumbing.Hash, error) {
	o := into.NewEncodedObject()
	o.SetType(kind)
	w, err := o.Writer()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	if _, err := w.Write(data); err != nil {
		return plumbing.ZeroHash, err
	}
	if err := w.Close(); err != nil {
		return plumbing.ZeroHash, err
	}
	return into.SetEncodedObject(o)
}
