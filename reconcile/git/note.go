package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/storage/memory"
)

const (
	maxNote   = 1 << 20 // bytes
	noteTries = 40      // within the time that all may take, when others write at the same time
)

// errMoved says that somebody else changed the ref meanwhile.
var errMoved = errors.New("changed by somebody else meanwhile")

// Note makes text the note of a commit under a notes ref ("refs/notes/reconcile/acme") and pushes
// it. Twice the same is the same as once. Notes of other commits stay; when somebody else writes
// there at the same time, it is tried again on top of what they wrote.
func (r *Repo) Note(ctx context.Context, ref, commit, text string) error {
	n := note{ref: ref, commit: commit, text: text}
	if err := n.check(); err != nil {
		return err
	}
	r.fetching.Lock()
	defer r.fetching.Unlock()
	ctx, cancel := r.deadline(ctx)
	defer cancel()
	var err error
	for try := range noteTries {
		if err = r.write(ctx, n); !errors.Is(err, errMoved) {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(rand.N(20 * time.Millisecond << min(try, 6))):
		}
	}
	return r.explain(ctx, "note to", err)
}

// ReadNote returns the note of a commit, "" where it has none.
func (r *Repo) ReadNote(ctx context.Context, ref, commit string) (string, error) {
	if err := (note{ref: ref, commit: commit}).check(); err != nil {
		return "", err
	}
	r.fetching.Lock()
	defer r.fetching.Unlock()
	ctx, cancel := r.deadline(ctx)
	defer cancel()
	text, err := r.readNote(ctx, ref, commit)
	return text, r.explain(ctx, "note from", err)
}

func (r *Repo) readNote(ctx context.Context, ref, commit string) (string, error) {
	m, err := r.remote()
	if err != nil {
		return "", err
	}
	tip, err := r.notesTip(ctx, m, ref)
	if err != nil {
		return "", err
	}
	_, blob, err := r.findNote(tip, commit)
	if err != nil || blob.IsZero() {
		return "", err
	}
	o, err := r.object(blob, plumbing.BlobObject, maxNote)
	return string(o.data), err
}

// write is one try to write a note.
func (r *Repo) write(ctx context.Context, n note) error {
	m, err := r.remote()
	if err != nil {
		return err
	}
	if m.local() {
		return r.writeLocal(m, n)
	}
	return r.writeRemote(ctx, m, n)
}

// note is one note to write.
type note struct {
	ref, commit, text string
}

// check refuses what git would not take, and what might become another path than meant.
func (n note) check() error {
	switch {
	case !strings.HasPrefix(n.ref, "refs/notes/") || plumbing.ReferenceName(n.ref).Validate() != nil:
		return fmt.Errorf("git note: %w: ref %q: use refs/notes/ and a name", ErrRefused, cut(n.ref, 100))
	case !plumbing.IsHash(n.commit):
		return fmt.Errorf("git note: %w: %q is not a full hash", ErrRefused, cut(n.commit, 64))
	case len(n.text) > maxNote:
		return fmt.Errorf("git note: %w: %d bytes, at most %d", ErrTooLarge, len(n.text), maxNote)
	}
	return nil
}

// notesTip brings the notes and returns their newest commit, zero where there are none.
func (r *Repo) notesTip(ctx context.Context, m *remote, ref string) (plumbing.Hash, error) {
	if m.local() {
		db, err := r.openLocal(m)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		adv, err := db.advertise()
		return adv.refs[ref], err
	}
	if err := r.open(); err != nil {
		return plumbing.ZeroHash, err
	}
	s, err := m.uploadSession(ctx)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	defer s.Close()
	adv, err := advertised(ctx, s)
	tip := adv.refs[ref]
	if err != nil || tip.IsZero() {
		return plumbing.ZeroHash, err
	}
	d := download{session: s, adv: adv, wants: []plumbing.Hash{tip}, whole: m.wholeOnly()}
	if err := r.download(ctx, d); err != nil {
		return plumbing.ZeroHash, err
	}
	return tip, r.remember(ref, tip)
}

// writeRemote writes a note on top of what the server has now, and pushes it on the condition that
// this did not move.
func (r *Repo) writeRemote(ctx context.Context, m *remote, n note) error {
	if err := r.open(); err != nil {
		return err
	}
	s, err := m.receiveSession(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	ar, err := s.AdvertisedReferencesContext(ctx)
	if err != nil {
		return err
	}
	tip := ar.References[n.ref]
	if !tip.IsZero() && !r.has(tip) {
		if tip, err = r.notesTip(ctx, m, n.ref); err != nil {
			return err
		}
	}
	fresh := memory.NewStorage()
	next, err := r.compose(fresh, tip, n)
	if err != nil || next == tip {
		return err
	}
	if err := push(ctx, s, ar, pushing{name: n.ref, from: tip, to: next, objects: fresh}); err != nil {
		return err
	}
	if err := r.keep(fresh); err != nil {
		return err
	}
	return r.remember(n.ref, next)
}

// pushing is one ref to move, and the objects that the server may not have.
type pushing struct {
	name     string
	from, to plumbing.Hash
	objects  *memory.Storage
}

func push(ctx context.Context, s transport.ReceivePackSession, ar *packp.AdvRefs, p pushing) error {
	var hashes []plumbing.Hash
	for hash := range p.objects.Objects {
		hashes = append(hashes, hash)
	}
	slices.SortFunc(hashes, func(a, b plumbing.Hash) int { return bytes.Compare(a[:], b[:]) })
	var pack bytes.Buffer
	if _, err := packfile.NewEncoder(&pack, p.objects, false).Encode(hashes, 0); err != nil {
		return fmt.Errorf("packing the note: %w", err)
	}
	req := packp.NewReferenceUpdateRequestFromCapabilities(ar.Capabilities)
	req.Commands = []*packp.Command{{Name: plumbing.ReferenceName(p.name), Old: p.from, New: p.to}}
	req.Packfile = io.NopCloser(&pack)
	report, err := s.ReceivePack(ctx, req)
	if report != nil && report.UnpackStatus == "ok" {
		for _, status := range report.CommandStatuses {
			if status.Status != "ok" {
				return refused(status.Status)
			}
		}
	}
	return err
}

// refused tells a ref that moved, which is worth another try, from a server that does not want the
// note.
func refused(status string) error {
	text, shown := strings.ToLower(status), printable(status, 200)
	for _, words := range []string{
		"fetch first", "failed to update", "lock", "stale", "already exists", "non-fast-forward",
	} {
		if strings.Contains(text, words) {
			return fmt.Errorf("%w (%s)", errMoved, shown)
		}
	}
	return fmt.Errorf("%w by the server: %s: let these credentials push refs/notes", ErrRefused, shown)
}

// keep adds objects to the cache.
func (r *Repo) keep(fresh *memory.Storage) error {
	r.reading.Lock()
	defer r.reading.Unlock()
	for _, o := range fresh.Objects {
		if _, err := r.db.SetEncodedObject(o); err != nil {
			return fmt.Errorf("keeping the note: %w", err)
		}
		r.db.written++
	}
	return nil
}

// writeLocal writes a note into a repository on this machine.
func (r *Repo) writeLocal(m *remote, n note) error {
	db, err := r.openLocal(m)
	if err != nil {
		return err
	}
	was, err := db.tip(n.ref)
	if err != nil {
		return err
	}
	fresh := memory.NewStorage()
	next, err := r.compose(fresh, was, n)
	if err != nil {
		return err
	}
	if err := r.keep(fresh); err != nil {
		return err
	}
	return db.move(n.ref, was, next)
}

// tip is what a ref points to; zero where it is not there.
func (db *database) tip(ref string) (plumbing.Hash, error) {
	got, err := storer.ResolveReference(db, plumbing.ReferenceName(ref))
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return plumbing.ZeroHash, nil
	}
	if err != nil {
		return plumbing.ZeroHash, err
	}
	return got.Hash(), nil
}

// staleLock is when a lock file was left behind by a process that is gone: it is there for the moment that
// it takes to write a line.
const staleLock = 10 * time.Second

// move points a ref elsewhere, under the lock file that git itself would take.
func (db *database) move(ref string, was, next plumbing.Hash) error {
	lock := ref + ".lock"
	f, err := db.fs.OpenFile(lock, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if errors.Is(err, os.ErrExist) {
		if info, err := db.fs.Stat(lock); err == nil && time.Since(info.ModTime()) > staleLock {
			_ = db.fs.Remove(lock) // where that fails, so does the next try
		}
		return fmt.Errorf("%w: %s is there", errMoved, lock)
	}
	if err != nil {
		return err
	}
	now, err := db.tip(ref)
	if err == nil && now != was {
		err = errMoved
	}
	if err == nil {
		_, err = fmt.Fprintln(f, next)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = db.fs.Remove(lock)
		return err
	}
	return db.fs.Rename(lock, ref)
}
