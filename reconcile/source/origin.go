package source

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/git"
)

// Git is the origin of declarations in a repository.
type Git struct{ *git.Repo }

// Head fetches.
func (g Git) Head(ctx context.Context) (reconcile.Commit, error) {
	c, err := g.Fetch(ctx)
	return CommitOf(c), err
}

// Ancestors walks the first parents.
func (g Git) Ancestors(sha string, n int) ([]reconcile.Commit, error) {
	line, err := g.Repo.Ancestors(sha, n)
	out := make([]reconcile.Commit, len(line))
	for i, c := range line {
		out[i] = CommitOf(c)
	}
	return out, err
}

// Descends looks through the history that was fetched. What was applied from a directory has no place in any
// history, and nothing is said against it.
func (g Git) Descends(sha, from string) (bool, error) {
	if strings.HasPrefix(from, dirPrefix) {
		return true, nil
	}
	return g.IsAncestor(from, sha)
}

// Declarations reads a commit's tree.
func (g Git) Declarations(sha string) (fs.FS, error) { return g.Tree(sha, git.Declarations()) }

// Charts reads a commit's tree, where files may be larger.
func (g Git) Charts(sha string) (fs.FS, error) { return g.Tree(sha, git.Charts()) }

// Key is the hash of the tree, so that commits beside the declarations cost nothing.
func (g Git) Key(sha string) (string, error) { return g.TreeHash(sha, ".") }

// CommitOf is a commit of a git repository.
func CommitOf(c git.Commit) reconcile.Commit {
	return reconcile.Commit{SHA: c.Hash, Author: c.Author, MergedBy: c.MergedBy, Subject: c.Subject, Time: c.Time}
}

// Dir is the origin of declarations in a directory, which has one revision: what is there now.
type Dir string

// dirPrefix begins the revisions of directories.
const dirPrefix = "dir:"

// literal makes a name a pattern that matches this name alone.
var literal = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// Head hashes the declarations. That there are none is an error: a wrong directory looks like that.
func (d Dir) Head(context.Context) (reconcile.Commit, error) {
	_, sha, err := d.read()
	return reconcile.Commit{SHA: sha, Subject: string(d), Time: time.Now()}, err
}

// read is the directory as it is now, and the hash of the declarations in it.
func (d Dir) read() (tree fs.FS, sha string, err error) {
	if tree, err = git.Dir(string(d), git.Declarations()); err != nil {
		return nil, "", err
	}
	names, err := declarations(tree)
	switch {
	case err != nil:
		return nil, "", err
	case !slices.ContainsFunc(names, func(n string) bool { return path.Ext(n) == ".cue" }):
		return nil, "", fmt.Errorf("no *.cue in %s: name the directory of the declarations with --dir", d)
	}
	for i, name := range names {
		names[i] = literal.Replace(name)
	}
	sha, err = git.Hash(tree, names...)
	return tree, sha, err
}

// Ancestors has none: nobody knows what the directory was before.
func (d Dir) Ancestors(string, int) ([]reconcile.Commit, error) { return nil, nil }

// Descends says yes: a directory has no history that could say no.
func (d Dir) Descends(string, string) (bool, error) { return true, nil }

// Declarations reads the directory, if it is still what its hash says.
func (d Dir) Declarations(sha string) (fs.FS, error) {
	tree, now, err := d.read()
	if err == nil && now != sha {
		err = fmt.Errorf("%s was changed while it was read; it is read anew", d)
	}
	return tree, err
}

// Charts reads the directory as it is now, where files may be larger.
func (d Dir) Charts(string) (fs.FS, error) { return git.Dir(string(d), git.Charts()) }

// Key is the revision itself.
func (d Dir) Key(sha string) (string, error) { return sha, nil }
