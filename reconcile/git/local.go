package git

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-billy/v5/util"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// A repository on this machine, bare or not, is read in place: nothing is copied, and no git
// program runs.

// fetchLocal opens the repository once, and looks at its refs.
func (r *Repo) fetchLocal(m *remote) (plumbing.Hash, error) {
	db, err := r.openLocal(m)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	adv, err := db.advertise()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	wants, err := adv.choose(r.Ref)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	return r.newest(wants)
}

func (r *Repo) openLocal(m *remote) (*database, error) {
	r.reading.Lock()
	defer r.reading.Unlock()
	if r.db != nil {
		return r.db, nil
	}
	linked := &git.PlainOpenOptions{EnableDotGitCommonDir: true} // as git worktree add makes them
	repo, err := git.PlainOpenWithOptions(m.ep.Path, linked)
	if err != nil {
		return nil, fmt.Errorf("%w: correct the path, or make a repository there with git init", err)
	}
	r.db = inPlace(unlocked{repo.Storer.(*filesystem.Storage).Filesystem()}, maxShared)
	return r.db, nil
}

// maxShared is how many repositories may share objects in a row.
const maxShared = 5

// inPlace is a repository on this machine, and behind it those whose objects it shares, as after
// git clone --shared. go-git looks into these too, but cannot tell sizes there.
func inPlace(files billy.Filesystem, left int) *database {
	db := &database{fs: files, Storage: filesystem.NewStorage(files, cache.NewObjectLRU(objectLRU))}
	list, err := util.ReadFile(files, "objects/info/alternates")
	if err != nil || left == 0 {
		return db
	}
	last := db
	for line := range strings.Lines(string(list)) {
		dir := strings.TrimSpace(line)
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(files.Root(), "objects", dir)
		}
		if dir == "" || strings.HasPrefix(dir, "#") {
			continue
		}
		last.older = inPlace(unlocked{osfs.New(filepath.Dir(dir))}, left-1)
		for last.older != nil {
			last = last.older
		}
	}
	return db
}

// foreign says whether the database is somebody's repository, not ours to change but for notes.
func (db *database) foreign() bool { return db.slot == nil }

// advertise lists the refs as a server would.
func (db *database) advertise() (advertisement, error) {
	adv := advertisement{refs: map[string]plumbing.Hash{}, caps: capability.NewList()}
	iter, err := db.IterReferences()
	if err != nil {
		return adv, err
	}
	err = iter.ForEach(func(ref *plumbing.Reference) error {
		hash, err := storer.ResolveReference(db, ref.Name())
		if err == nil { // one that leads nowhere is none
			adv.refs[ref.Name().String()] = hash.Hash()
		}
		return nil
	})
	adv.head = adv.refs["HEAD"]
	delete(adv.refs, "HEAD")
	return adv, err
}

// unlocked hides the lock files that git keeps beside refs while it changes them, which go-git
// takes for refs.
type unlocked struct{ billy.Filesystem }

// ReadDir lists a directory without lock files.
func (u unlocked) ReadDir(dir string) ([]fs.FileInfo, error) {
	infos, err := u.Filesystem.ReadDir(dir)
	locked := func(i fs.FileInfo) bool { return strings.HasSuffix(i.Name(), ".lock") }
	return slices.DeleteFunc(infos, locked), err
}
