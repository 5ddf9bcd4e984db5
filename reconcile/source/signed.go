package source

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/git"
	"github.com/workspace-providers/reconcile/reconcile/signature"
	"github.com/workspace-providers/reconcile/schema"
)

// signer is an Origin whose revisions may be signed. What is in a directory cannot be.
type signer interface {
	Signed(sha string) (payload, sig []byte, err error)
}

// signed says why a revision does not count for lack of a signature; nil: it counts. Whose counts, the revision in
// force declares and not the one that is looked at, so that the keys themselves can change only by a signed revision.
func (s *Source) signed(ctx context.Context, commit reconcile.Commit) error {
	from, can := s.Origin.(signer)
	if !can || commit.SHA == s.force.Commit.SHA {
		return nil
	}
	keys, err := s.keys(ctx, commit)
	if keys == nil || err != nil {
		return err
	}
	payload, sig, err := from.Signed(commit.SHA)
	if err == nil {
		ring, _ := signature.NewRing(keys.OpenPGP, keys.AllowedSigners) // its mistakes are those of the revision that declares it
		_, err = signature.Verify(payload, sig, ring, time.Now())
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, git.ErrUnsigned), errors.Is(err, git.ErrRefused), errors.Is(err, signature.ErrInvalid),
		errors.Is(err, signature.ErrUnknownKey), errors.Is(err, signature.ErrRefused):
		return schema.Errors{{Path: "deployment.verify", Message: fmt.Sprintf("commit %.7s: %v: sign it with one of the declared keys (%s)",
			commit.SHA, err, names(keys))}}
	}
	return err
}

// names are whose signatures count.
func names(keys *schema.Verify) string {
	all := slices.Concat(slices.Collect(maps.Keys(keys.OpenPGP)), slices.Collect(maps.Keys(keys.AllowedSigners)))
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// keys are those that may sign what comes after the revision in force; nil: nobody has to. A program that has just
// started trusts the revision that the last one accepted, else, where there was none, the parent of what it sees.
func (s *Source) keys(ctx context.Context, commit reconcile.Commit) (*schema.Verify, error) {
	if s.force.Commit.SHA != "" {
		return s.force.Config.Deployment.Verify, nil
	}
	trusted := s.accepted()
	if trusted == "" {
		line, err := s.Origin.Ancestors(commit.SHA, 2)
		if err != nil {
			return nil, err
		}
		trusted = line[len(line)-1].SHA
	} else if ok, err := s.Origin.Descends(commit.SHA, trusted); err != nil || !ok {
		return nil, errors.Join(err, fmt.Errorf("revision %.7s was not made from %.7s, the last that was signed by somebody who may; "+
			"put it back, or, if that is meant, delete %s", commit.SHA, trusted, s.Accepted))
	}
	if trusted == commit.SHA {
		return nil, nil // it was accepted, or there is nothing before it
	}
	cfg, err := s.load(ctx, trusted)
	if Invalid(err) {
		cfg, err = s.load(ctx, commit.SHA) // then its own, the first time
	}
	return cfg.Deployment.Verify, err
}

// accepted is the revision that was last in force while signatures were asked for; empty: none was.
func (s *Source) accepted() string {
	if s.Accepted == "" {
		return ""
	}
	text, _ := os.ReadFile(s.Accepted) // what cannot be read is not there
	return strings.TrimSpace(string(text))
}

// accept remembers the revision in force, as long as signatures are asked for.
func (s *Source) accept(rev Revision) error {
	was := s.accepted()
	switch {
	case s.Accepted == "" || was == rev.Commit.SHA:
		return nil
	case rev.Config.Deployment.Verify == nil && was == "":
		return nil
	case rev.Config.Deployment.Verify == nil:
		return os.Remove(s.Accepted)
	}
	if err := os.MkdirAll(filepath.Dir(s.Accepted), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(s.Accepted+".new", []byte(rev.Commit.SHA+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(s.Accepted+".new", s.Accepted)
}
