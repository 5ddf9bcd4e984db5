package git

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// maxTags is how many tags without a version in their name are brought to find the newest by date.
const maxTags = 1000

// advertisement is what a repository says it has.
type advertisement struct {
	refs map[string]plumbing.Hash // by full name; tags are not peeled
	head plumbing.Hash
	caps *capability.List
}

// advertised asks a server for its refs.
func advertised(ctx context.Context, s transport.Session) (advertisement, error) {
	ar, err := s.AdvertisedReferencesContext(ctx)
	if errors.Is(err, transport.ErrRepositoryNotFound) && strings.HasSuffix(err.Error(), ": ") {
		err = transport.ErrRepositoryNotFound // the server added nothing
	}
	if err != nil {
		return advertisement{}, err
	}
	return fromAdvRefs(ar)
}

func fromAdvRefs(ar *packp.AdvRefs) (advertisement, error) {
	adv := advertisement{refs: ar.References, caps: ar.Capabilities}
	if format := ar.Capabilities.Get("object-format"); len(format) > 0 && format[0] != "sha1" {
		return advertisement{}, fmt.Errorf("%w: object format %q: use a repository with SHA-1 objects",
			ErrRefused, cut(format[0], 20))
	}
	if ar.Head != nil {
		adv.head = *ar.Head
	}
	return adv, nil
}

// choose returns what a ref stands for: one hash, or, for a pattern of tags without versions, all
// that match, of which the newest counts.
func (a advertisement) choose(ref string) ([]plumbing.Hash, error) {
	if ref == "" || ref == "HEAD" {
		if a.head.IsZero() {
			return nil, fmt.Errorf("%w: the repository has no HEAD: name a branch with --ref", ErrNoRef)
		}
		return []plumbing.Hash{a.head}, nil
	}
	if hash, ok := fullHash(ref); ok {
		return a.holding(hash), nil
	}
	if strings.ContainsAny(ref, "*?[") {
		return a.matching(ref)
	}
	for _, prefix := range []string{"refs/heads/", "refs/tags/", ""} {
		if hash, ok := a.refs[prefix+ref]; ok && (prefix != "" || strings.HasPrefix(ref, "refs/")) {
			return []plumbing.Hash{hash}, nil
		}
	}
	return nil, fmt.Errorf("%w: %q is neither a branch nor a tag; there are %s: correct --ref",
		ErrNoRef, ref, a.branches())
}

// holding returns what to ask for to get a commit by its hash: itself where the server allows
// that, else everything that may lead to it.
func (a advertisement) holding(hash plumbing.Hash) []plumbing.Hash {
	caps := a.caps
	if caps.Supports(capability.AllowReachableSHA1InWant) || caps.Supports("allow-any-sha1-in-want") {
		return []plumbing.Hash{hash}
	}
	var wants []plumbing.Hash
	for name, tip := range a.refs {
		if strings.HasPrefix(name, "refs/heads/") || strings.HasPrefix(name, "refs/tags/") {
			wants = append(wants, tip)
		}
	}
	return wants
}

// matching returns the tag with the highest version, or all tags that match where no name is a
// version. A pre-release counts only where no release matches or the pattern has a hyphen.
func (a advertisement) matching(pattern string) ([]plumbing.Hash, error) {
	var all []plumbing.Hash
	var best *semver.Version
	var bestHash plumbing.Hash
	for name, hash := range a.refs {
		tag, isTag := strings.CutPrefix(name, "refs/tags/")
		ok, err := path.Match(pattern, tag)
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w: correct --ref", pattern, err)
		}
		if !ok || !isTag {
			continue
		}
		all = append(all, hash)
		v, err := semver.NewVersion(tag[strings.LastIndex(tag, "/")+1:])
		if err == nil && (best == nil || newer(v, best, strings.Contains(pattern, "-"))) {
			best, bestHash = v, hash
		}
	}
	switch {
	case best != nil:
		return []plumbing.Hash{bestHash}, nil
	case len(all) == 0:
		return nil, fmt.Errorf("%w: no tag matches %q: push one or correct --ref", ErrNoRef, pattern)
	case len(all) > maxTags:
		return nil, fmt.Errorf("%w: %d tags match %q and none is a version; at most %d: narrow --ref",
			ErrTooLarge, len(all), pattern, maxTags)
	}
	return all, nil
}

// newer says whether v goes before best; a release goes before any pre-release unless those are
// asked for.
func newer(v, best *semver.Version, pre bool) bool {
	if release := v.Prerelease() == ""; !pre && release != (best.Prerelease() == "") {
		return release
	}
	return v.GreaterThan(best)
}

// branches names some branches, for an error.
func (a advertisement) branches() string {
	var names []string
	for name := range a.refs {
		if branch, ok := strings.CutPrefix(name, "refs/heads/"); ok {
			names = append(names, printable(branch, 40))
		}
	}
	slices.Sort(names)
	switch {
	case len(names) == 0:
		return "no branches"
	case len(names) > 5:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:5], ", "), len(names)-5)
	}
	return strings.Join(names, ", ")
}

// newest returns the commit among the wanted that counts: the one that Ref names, or the youngest.
func (r *Repo) newest(wants []plumbing.Hash) (plumbing.Hash, error) {
	if hash, ok := fullHash(r.Ref); ok {
		if !r.has(hash) {
			return hash, fmt.Errorf("%w: no branch and no tag leads to %s: correct --ref", ErrNoRef, hash)
		}
		return r.peel(hash)
	}
	if len(wants) == 1 {
		return r.peel(wants[0])
	}
	plumbing.HashesSort(wants) // so that of two of one age always the same counts
	var best plumbing.Hash
	var bestTime time.Time
	for _, want := range wants {
		hash, when, err := r.dated(want)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if best.IsZero() || when.After(bestTime) {
			best, bestTime = hash, when
		}
	}
	return best, nil
}

// peel follows tags to the commit they mark.
func (r *Repo) peel(hash plumbing.Hash) (plumbing.Hash, error) {
	commit, _, err := r.dated(hash)
	return commit, err
}

// maxPeel is how many tags may mark each other.
const maxPeel = 8

// dated is peel, with the time of the outermost tag, or else of the commit.
func (r *Repo) dated(hash plumbing.Hash) (commit plumbing.Hash, when time.Time, err error) {
	for range maxPeel {
		o, err := r.object(hash, plumbing.AnyObject, or(r.MaxObject, defaultMaxObject))
		if err != nil {
			return plumbing.ZeroHash, when, err
		}
		switch o.kind {
		case plumbing.CommitObject:
			c, err := decodeCommit(hash, o)
			return hash, or(when, c.Time), err
		case plumbing.TagObject:
			tag := new(object.Tag)
			if err := tag.Decode(o.encoded()); err != nil {
				return plumbing.ZeroHash, when, fmt.Errorf("tag %s: %w", hash, err)
			}
			hash, when = tag.Target, or(when, tag.Tagger.When)
		default:
			err := fmt.Errorf("%w: the ref marks a %s: point it at a commit", ErrRefused, o.kind)
			return plumbing.ZeroHash, when, err
		}
	}
	err = fmt.Errorf("%w: over %d tags on tags: point the ref at a commit", ErrRefused, maxPeel)
	return plumbing.ZeroHash, when, err
}

// fullHash says whether a ref is the full hash of a commit.
func fullHash(ref string) (plumbing.Hash, bool) {
	return plumbing.NewHash(ref), plumbing.IsHash(ref)
}

// errEmpty is go-git's word for a repository without a commit.
func errEmpty(err error) bool {
	return errors.Is(err, transport.ErrEmptyRemoteRepository)
}
