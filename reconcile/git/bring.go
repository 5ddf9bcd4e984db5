package git

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
)

// maxBrought is how many bytes of packs pull requests may bring in one conversation: they hold what is new in them.
const maxBrought = 64 << 20

// Bring makes commits that are no part of Ref readable: refs has, by the full name of a ref ("refs/pull/7/head"), the
// commit that it should mark. What is here already costs no request; all others are brought in one conversation, or,
// when that fails, in one each, so that none spoils another. failed says, by ref, why a commit cannot be read; err is
// about the server, and says nothing of any.
//
// What was brought may be gone after later fetches, when the cache is replaced; then it is brought again.
func (r *Repo) Bring(ctx context.Context, refs map[string]string) (failed map[string]error, err error) {
	r.fetching.Lock()
	defer r.fetching.Unlock()
	ctx, cancel := r.deadline(ctx)
	defer cancel()
	failed = map[string]error{}
	for ref, sha := range refs {
		switch hash, ok := fullHash(sha); {
		case !ok:
			failed[ref] = fmt.Errorf("%s: %w: %q is not a full hash", printable(ref, 100), ErrRefused, printable(sha, 64))
		case r.has(hash):
			failed[ref] = nil
		}
	}
	missing := maps.Clone(refs)
	maps.DeleteFunc(missing, func(ref, _ string) bool { _, known := failed[ref]; return known })
	if len(missing) > 0 {
		err = r.explain(ctx, "fetch", r.bring(ctx, missing, failed))
	}
	maps.DeleteFunc(failed, func(_ string, err error) bool { return err == nil })
	return failed, err
}

// bring fetches all together, or else each by itself.
func (r *Repo) bring(ctx context.Context, refs map[string]string, failed map[string]error) error {
	err := r.bringOnce(ctx, refs, failed)
	if err == nil || len(refs) == 1 || ctx.Err() != nil || !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrRefused) {
		return r.alone(refs, failed, err)
	}
	for _, ref := range slices.Sorted(maps.Keys(refs)) {
		one := map[string]string{ref: refs[ref]}
		if err := r.alone(one, failed, r.bringOnce(ctx, one, failed)); err != nil {
			return err
		}
	}
	return nil
}

// alone turns what is wrong with the one thing that was asked for into its own error.
func (r *Repo) alone(refs map[string]string, failed map[string]error, err error) error {
	if len(refs) != 1 || !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrRefused) {
		return err
	}
	for ref := range refs {
		failed[ref] = fmt.Errorf("%s: %w", printable(ref, 100), err)
	}
	return nil
}

// bringOnce is one conversation.
func (r *Repo) bringOnce(ctx context.Context, refs map[string]string, failed map[string]error) error {
	m, err := r.remote()
	if err != nil {
		return err
	}
	if m.local() {
		return fmt.Errorf("a repository that is read in place: %w: its requests are read from a forge", ErrRefused)
	}
	if err := r.open(); err != nil {
		return err
	}
	s, err := m.uploadSession(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	adv, err := advertised(ctx, s)
	if err != nil {
		return err
	}
	wants := map[plumbing.Hash]string{}
	for ref, sha := range refs {
		if err := adv.offers(ref, plumbing.NewHash(sha)); err != nil {
			failed[ref] = err
			continue
		}
		wants[plumbing.NewHash(sha)] = ref
	}
	sorted := slices.Collect(maps.Keys(wants))
	plumbing.HashesSort(sorted)
	err = r.download(ctx, download{session: s, adv: adv, wants: sorted, whole: m.wholeOnly(), limit: maxBrought})
	if err != nil {
		return err
	}
	for hash, ref := range wants {
		if _, err := r.Commit(hash.String()); err != nil {
			failed[ref] = err
		}
	}
	return nil
}

// offers says why a commit cannot be asked for. A ref may be hidden; then the server has to take hashes.
func (a advertisement) offers(ref string, hash plumbing.Hash) error {
	now, there := a.refs[ref]
	any := a.caps.Supports(capability.AllowReachableSHA1InWant) || a.caps.Supports("allow-any-sha1-in-want")
	switch {
	case there && now == hash, any:
		return nil
	case there:
		return fmt.Errorf("%s marks %s by now, not %s", printable(ref, 100), now, hash)
	}
	return fmt.Errorf("%w: %s is not there any more", ErrNoRef, printable(ref, 100))
}
