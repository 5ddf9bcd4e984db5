package git

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"
)

// What one merge may cost.
const (
	maxMergedEntries = 200_000 // of directories that both sides changed
	maxMergedFiles   = 500     // merged line by line
	maxMergedDepth   = 100
	maxCommon        = 16 // commits to merge from that are looked at
)

// Merge is the commit that merging head into base gives: a commit of ours with both as its parents, the same whenever
// they are the same, or base itself where it has head already. It is written to the cache, and nowhere else.
//
// Directories and files that one side alone changed are taken from there; files that both did are merged line by
// line. Renames are not looked for, so that a file which one side renamed and the other changed is a conflict. Of
// several commits to merge from, as after merges to and fro, the newest counts. Conflicts are a *ConflictError.
func (r *Repo) Merge(base, head string) (Commit, error) {
	ours, err := r.Commit(base)
	if err != nil {
		return Commit{}, err
	}
	theirs, err := r.Commit(head)
	if err != nil {
		return Commit{}, err
	}
	from, err := r.mergeBase(ours, theirs)
	if err != nil || from.Hash == head {
		return ours, err
	}
	m := &merge{repo: r, fresh: memory.NewStorage()}
	tree, err := m.commits(from, ours, theirs)
	if err != nil {
		return Commit{}, fmt.Errorf("git merge of %s into %s: %w", head, base, err)
	}
	return m.commit(ours, theirs, tree)
}

// mergeBase is the commit from which two went different ways: of all that both have, and no other such commit has, the
// newest.
func (r *Repo) mergeBase(a, b Commit) (Commit, error) {
	mine, err := r.line(a)
	if err != nil {
		return Commit{}, err
	}
	var common []Commit
	if _, err := r.reach(b, func(c Commit) (stop bool) {
		if mine[c.Hash] {
			common = append(common, c)
		}
		return mine[c.Hash]
	}); err != nil {
		return Commit{}, err
	}
	slices.SortFunc(common, func(x, y Commit) int { return cmp.Or(y.Time.Compare(x.Time), cmp.Compare(x.Hash, y.Hash)) })
	common = common[:min(len(common), maxCommon)]
	older := map[string]bool{} // what another one was made from
	for _, c := range common {
		if older[c.Hash] {
			continue
		}
		line, err := r.reach(c, nil)
		if err != nil {
			return Commit{}, err
		}
		delete(line, c.Hash)
		maps.Copy(older, line)
	}
	for _, c := range common {
		if !older[c.Hash] {
			return c, nil
		}
	}
	return Commit{}, &ConflictError{Reason: "it has no history in common with " + short(a.Hash)}
}

// line is all that a commit was made from. Many are merged into the same: the last answer is kept.
func (r *Repo) line(c Commit) (map[string]bool, error) {
	r.lining.Lock()
	defer r.lining.Unlock()
	if r.lineOf == c.Hash {
		return r.inLine, nil
	}
	set, err := r.reach(c, nil)
	if err == nil {
		r.lineOf, r.inLine = c.Hash, set
	}
	return set, err
}

// short is the part of a hash that people read.
func short(hash string) string { return hash[:min(len(hash), 7)] }

// reach are a commit and all that it was made from; what stop says yes to is not followed further.
func (r *Repo) reach(from Commit, stop func(Commit) bool) (map[string]bool, error) {
	seen := map[string]bool{from.Hash: true}
	for queue := []Commit{from}; len(queue) > 0; queue = queue[1:] {
		if len(seen) > maxVisits {
			return nil, fmt.Errorf("git history of %s: %w: over %d commits", from.Hash, ErrTooLarge, maxVisits)
		}
		if stop != nil && stop(queue[0]) {
			continue
		}
		for _, p := range queue[0].Parents {
			if seen[p] {
				continue
			}
			seen[p] = true
			c, err := r.commit(plumbing.NewHash(p))
			if err != nil {
				return nil, err
			}
			queue = append(queue, c)
		}
	}
	return seen, nil
}

// merge is one merge under way.
type merge struct {
	repo      *Repo
	fresh     *memory.Storage // what it makes
	conflicts []string
	reason    string
	entries   int
	files     int
}

// side is what one commit has under a name; the zero side is nothing.
type side struct {
	mode filemode.FileMode
	hash plumbing.Hash
}

func (s side) absent() bool { return s == side{} }
func (s side) isDir() bool  { return s.mode == filemode.Dir }
func (s side) isFile() bool {
	return s.mode == filemode.Regular || s.mode == filemode.Executable || s.mode == filemode.Deprecated
}

// commits merges two commits that were made from a third, and returns the tree.
func (m *merge) commits(from, ours, theirs Commit) (plumbing.Hash, error) {
	tree, err := m.trees(".", plumbing.NewHash(from.Tree), plumbing.NewHash(ours.Tree), plumbing.NewHash(theirs.Tree))
	if err == nil && len(m.conflicts) > 0 {
		slices.Sort(m.conflicts)
		err = &ConflictError{Files: m.conflicts, Reason: m.reason}
	}
	if err == nil && tree.IsZero() { // everything was taken away
		tree, err = m.store(raw{kind: plumbing.TreeObject})
	}
	return tree, err
}

// trees merges directories, of which the first may be missing.
func (m *merge) trees(at string, from, ours, theirs plumbing.Hash) (plumbing.Hash, error) {
	switch {
	case ours == theirs, from == theirs:
		return ours, nil
	case from == ours:
		return theirs, nil
	}
	var sides [3]map[string]side
	names := map[string]bool{}
	for i, hash := range []plumbing.Hash{from, ours, theirs} {
		var err error
		if sides[i], err = m.read(at, hash); err != nil {
			return plumbing.ZeroHash, err
		}
		for name := range sides[i] {
			names[name] = true
		}
	}
	tree := &object.Tree{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		s, err := m.entry(path.Join(at, name), sides[0][name], sides[1][name], sides[2][name])
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if !s.absent() {
			tree.Entries = append(tree.Entries, object.TreeEntry{Name: name, Mode: s.mode, Hash: s.hash})
		}
	}
	return m.write(tree)
}

// read lists a directory; a missing one is empty.
func (m *merge) read(at string, hash plumbing.Hash) (map[string]side, error) {
	if hash.IsZero() {
		return nil, nil
	}
	raw, err := m.repo.object(hash, plumbing.TreeObject, maxMergedEntries*bytesPerEntry)
	if err != nil {
		return nil, err
	}
	tree := new(object.Tree)
	if err := tree.Decode(raw.encoded()); err != nil {
		return nil, fmt.Errorf("%w: %w: run git fsck on the repository", ErrRefused, err)
	}
	if m.entries += len(tree.Entries); m.entries > maxMergedEntries || strings.Count(at, "/") > maxMergedDepth {
		return nil, fmt.Errorf("%w: both sides changed directories of over %d entries, or %d deep", ErrTooLarge, maxMergedEntries, maxMergedDepth)
	}
	out := make(map[string]side, len(tree.Entries))
	for _, e := range tree.Entries {
		if err := checkName(e.Name); err != nil {
			return nil, err
		}
		out[e.Name] = side{e.Mode, e.Hash}
	}
	return out, nil
}

// entry merges what is under one name.
func (m *merge) entry(at string, from, ours, theirs side) (side, error) {
	switch {
	case ours == theirs, from == theirs:
		return ours, nil
	case from == ours:
		return theirs, nil
	case ours.isDir() && theirs.isDir():
		if !from.isDir() {
			from = side{}
		}
		hash, err := m.trees(at, from.hash, ours.hash, theirs.hash)
		if err != nil || hash.IsZero() {
			return side{}, err
		}
		return side{filemode.Dir, hash}, nil
	case from.isFile() && ours.isFile() && theirs.isFile():
		return m.file(at, from, ours, theirs)
	}
	m.conflicts = append(m.conflicts, at)
	return ours, nil
}

// file merges a file that both sides changed.
func (m *merge) file(at string, from, ours, theirs side) (side, error) {
	out := side{mode: ours.mode}
	if from.mode == ours.mode {
		out.mode = theirs.mode
	}
	if m.files++; m.files > maxMergedFiles {
		return side{}, fmt.Errorf("%w: both sides changed over %d files", ErrTooLarge, maxMergedFiles)
	}
	var texts [3][]byte
	for i, hash := range []plumbing.Hash{from.hash, ours.hash, theirs.hash} {
		o, err := m.repo.object(hash, plumbing.BlobObject, maxMergedBytes)
		if errors.Is(err, ErrTooLarge) {
			m.conflicts, m.reason = append(m.conflicts, at), printable(at, 200)+" was changed on both sides and is too large to be merged here"
			return ours, nil
		}
		if err != nil {
			return side{}, err
		}
		texts[i] = o.data
	}
	merged, ok := mergeLines(texts[0], texts[1], texts[2])
	if !ok {
		m.conflicts = append(m.conflicts, at)
		return ours, nil
	}
	var err error
	out.hash, err = m.store(raw{plumbing.BlobObject, merged})
	return out, err
}

// write keeps a tree; an empty one is none.
func (m *merge) write(tree *object.Tree) (plumbing.Hash, error) {
	if len(tree.Entries) == 0 {
		return plumbing.ZeroHash, nil
	}
	slices.SortFunc(tree.Entries, func(a, b object.TreeEntry) int { return cmp.Compare(sortName(a), sortName(b)) })
	o := new(plumbing.MemoryObject)
	if err := tree.Encode(o); err != nil {
		return plumbing.ZeroHash, err
	}
	return m.fresh.SetEncodedObject(o)
}

// sortName is the name by which git sorts an entry: directories as if they ended in a slash.
func sortName(e object.TreeEntry) string {
	if e.Mode == filemode.Dir {
		return e.Name + "/"
	}
	return e.Name
}

func (m *merge) store(o raw) (plumbing.Hash, error) { return m.fresh.SetEncodedObject(o.encoded()) }

// commit writes the merge down.
func (m *merge) commit(ours, theirs Commit, tree plumbing.Hash) (Commit, error) {
	by := object.Signature{Name: "reconcile", Email: "reconcile@localhost", When: theirs.Time.UTC().Truncate(time.Second)}
	c := &object.Commit{
		Author: by, Committer: by, TreeHash: tree, Message: "Merge " + theirs.Hash + " into " + ours.Hash + "\n",
		ParentHashes: []plumbing.Hash{plumbing.NewHash(ours.Hash), plumbing.NewHash(theirs.Hash)},
	}
	o := new(plumbing.MemoryObject)
	if err := c.Encode(o); err != nil {
		return Commit{}, err
	}
	hash, err := m.fresh.SetEncodedObject(o)
	if err != nil {
		return Commit{}, err
	}
	if !m.repo.has(hash) {
		if err := m.repo.keepOwn(m.fresh); err != nil {
			return Commit{}, err
		}
	}
	return m.repo.Commit(hash.String())
}

// keepOwn adds objects to our own cache, and to no repository that is somebody's.
func (r *Repo) keepOwn(fresh *memory.Storage) error {
	r.reading.Lock()
	foreign := r.db.foreign()
	r.reading.Unlock()
	if foreign {
		return fmt.Errorf("%w: a repository that is read in place is not written to", ErrRefused)
	}
	return r.keep(fresh)
}

// mergeLines merges a text that two sides changed; false where both changed the same lines, or lines side by side. It is
// bounded: a text with very many lines counts as one that cannot be merged.
func mergeLines(from, ours, theirs []byte) ([]byte, bool) {
	o, a, b := splitLines(from), splitLines(ours), splitLines(theirs)
	if max(len(o), len(a), len(b)) > maxMergedLines || bytes.IndexByte(from, 0) >= 0 {
		return nil, false
	}
	inA, inB := matches(from, ours), matches(from, theirs)
	var out []byte
	for at := (place{}); ; {
		for at.o < len(o) && inA[at.o] == at.a && inB[at.o] == at.b { // the same everywhere
			out = append(out, o[at.o]...)
			at = place{at.o + 1, at.a + 1, at.b + 1}
		}
		next := meeting(at, inA, inB, place{len(o), len(a), len(b)})
		if at == next {
			return out, true
		}
		lines, ok := choose(o[at.o:next.o], a[at.a:next.a], b[at.b:next.b])
		if !ok {
			return nil, false
		}
		out, at = append(out, lines...), next
	}
}

// place is how far one is in three texts.
type place struct{ o, a, b int }

// meeting is the next place from which all three go on together, or the end.
func meeting(at place, inA, inB []int, end place) place {
	for o := at.o; o < end.o; o++ {
		if inA[o] >= 0 && inB[o] >= 0 {
			return place{o, inA[o], inB[o]}
		}
	}
	return end
}

// choose takes the lines of the side that changed them.
func choose(o, a, b [][]byte) ([]byte, bool) {
	from, ours, theirs := bytes.Join(o, nil), bytes.Join(a, nil), bytes.Join(b, nil)
	switch {
	case bytes.Equal(ours, theirs), bytes.Equal(from, theirs):
		return ours, true
	case bytes.Equal(from, ours):
		return theirs, true
	}
	return nil, false
}
