package git

import (
	"bytes"
	"fmt"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

const (
	maxHeader  = 64 << 10 // bytes of a commit that are looked at; the rest is message
	maxSubject = 120      // runes
	maxVisits  = 1 << 20  // commits that a question about history may look at
)

// Commit is what we tell of a commit. Text is safe to print: one line, no control characters,
// bounded.
type Commit struct {
	Hash     string
	Tree     string   // hash of its root tree
	Parents  []string // first parent first
	Author   string
	MergedBy string    // who put it there, where it is a merge or somebody else's; empty: its author, or not known
	Subject  string    // first line of the message
	Time     time.Time // when it was committed, as its committer says
}

// Commit returns a commit that a Fetch brought.
func (r *Repo) Commit(hash string) (Commit, error) {
	h, ok := fullHash(hash)
	if !ok {
		return Commit{}, fmt.Errorf("git commit %q: %w: not a full hash", printable(hash, 64), ErrRefused)
	}
	if !r.has(h) {
		return Commit{}, fmt.Errorf("git commit %s: %w: it is not in what was fetched", hash, ErrNoRef)
	}
	return r.commit(h)
}

// commit reads a commit that must be here.
func (r *Repo) commit(hash plumbing.Hash) (Commit, error) {
	o, err := r.object(hash, plumbing.CommitObject, or(r.MaxObject, defaultMaxObject))
	if err != nil {
		return Commit{}, fmt.Errorf("git commit %s: %w", hash, err)
	}
	return decodeCommit(hash, o)
}

// Ancestors returns a commit and those before it along the first parents, newest first, at most n.
func (r *Repo) Ancestors(hash string, n int) ([]Commit, error) {
	c, err := r.Commit(hash)
	if err != nil || n <= 0 {
		return nil, err
	}
	chain := []Commit{c}
	for len(chain) < n && len(c.Parents) > 0 {
		if c, err = r.commit(plumbing.NewHash(c.Parents[0])); err != nil {
			return chain, err
		}
		chain = append(chain, c)
	}
	return chain, nil
}

// IsAncestor says whether b descends from a, along any parent; a commit descends from itself. A
// commit that is not here, as after a rewrite, is nobody's ancestor.
func (r *Repo) IsAncestor(a, b string) (bool, error) {
	if h, ok := fullHash(a); !ok || !r.has(h) {
		return false, nil
	}
	c, err := r.Commit(b)
	if err != nil {
		return false, err
	}
	seen := map[string]bool{b: true}
	for queue := []string{b}; len(queue) > 0; queue = queue[1:] {
		if queue[0] == a {
			return true, nil
		}
		if len(seen) > maxVisits {
			return false, fmt.Errorf("git history of %s: %w: over %d commits", b, ErrTooLarge, maxVisits)
		}
		if c, err = r.commit(plumbing.NewHash(queue[0])); err != nil {
			return false, err
		}
		for _, p := range c.Parents {
			if !seen[p] {
				seen[p] = true
				queue = append(queue, p)
			}
		}
	}
	return false, nil
}

// TreeHash returns the hash of what a commit holds at a path relative to the declarations: equal
// hashes, equal content, so nothing needs to be evaluated again. The error is fs.ErrNotExist where
// there is nothing.
func (r *Repo) TreeHash(commit, name string) (string, error) {
	c, err := r.Commit(commit)
	if err != nil {
		return "", err
	}
	src := &objects{repo: r, limits: Charts()}
	e, err := src.find(plumbing.NewHash(c.Tree), path.Join(r.Path, name))
	if err != nil {
		return "", fmt.Errorf("git commit %s: %w", commit, err)
	}
	return e.hash.String(), nil
}

// decodeCommit reads the head of a commit; a message of any length costs no more than maxHeader.
func decodeCommit(hash plumbing.Hash, o raw) (Commit, error) {
	o.data = o.data[:min(len(o.data), maxHeader)]
	full := new(object.Commit)
	if err := full.Decode(o.encoded()); err != nil {
		return Commit{}, fmt.Errorf("git commit %s: %w: run git fsck on the repository", hash, err)
	}
	c := Commit{
		Hash: hash.String(), Tree: full.TreeHash.String(), Time: full.Committer.When.UTC(),
		Author: printable(full.Author.Name, maxSubject), MergedBy: printable(merger(full), maxSubject),
	}
	for _, p := range full.ParentHashes {
		c.Parents = append(c.Parents, p.String())
	}
	subject, _, _ := strings.Cut(strings.TrimLeftFunc(full.Message, unicode.IsSpace), "\n")
	c.Subject = printable(subject, maxSubject)
	return c, nil
}

// merger is who merged a commit. Of a merge that is its author: whoever presses a forge's button, whom some forges name as
// the committer too. Of what a forge squashed or rebased it is the committer, unless that is the forge itself.
func merger(c *object.Commit) string {
	switch {
	case len(c.ParentHashes) > 1:
		return c.Author.Name
	case c.Committer.Name == c.Author.Name, c.Committer.Email == "noreply@github.com":
		return ""
	}
	return c.Committer.Name
}

// printable makes text of unknown origin safe to show: what is not a printing character becomes
// U+FFFD, and what is longer than max runes is cut with an ellipsis.
func printable(text string, max int) string {
	var b strings.Builder
	n := 0
	for _, c := range strings.TrimSpace(text) {
		if n++; n > max {
			return strings.TrimSpace(b.String()) + "…"
		}
		if !unicode.IsPrint(c) || c == utf8.RuneError {
			c = utf8.RuneError
		}
		b.WriteRune(c)
	}
	return b.String()
}

// firstLine cuts a server's message to one printable line.
func firstLine(text []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(text), []byte("\n"))
	return printable(string(line), 200)
}
