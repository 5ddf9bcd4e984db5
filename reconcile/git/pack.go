package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

const (
	maxHaves       = 256     // commits we tell the server of, for each ref that we keep
	maxPackObjects = 5 << 20 // in one fetch
	maxUnpacked    = 8 << 30 // bytes of all objects of one fetch, unpacked: half a minute of work
)

// download is what to bring in which conversation.
type download struct {
	session transport.UploadPackSession
	adv     advertisement
	wants   []plumbing.Hash
	whole   bool  // the server cannot be told what is here
	limit   int64 // bytes of the pack; 0: as many as a fetch may bring
}

// download brings what is wanted and not here: it is written to a spool file as it comes, looked
// over, and only then shown to go-git, which would unpack whatever is in it.
func (r *Repo) download(ctx context.Context, d download) error {
	req := packp.NewUploadPackRequestFromCapabilities(d.adv.caps)
	if req.Wants = r.missing(d.wants); len(req.Wants) == 0 {
		return nil
	}
	if d.whole {
		_ = req.Capabilities.Set(capability.MultiACK) // they insist; with no haves it changes nothing
	} else {
		req.Haves = r.haves()
	}
	resp, err := d.session.UploadPack(ctx, req)
	if err != nil {
		return err
	}
	defer resp.Close()
	spool, err := r.db.fs.TempFile("", "tmp_fetch_")
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	defer func() {
		_ = spool.Close()
		_ = r.db.fs.Remove(spool.Name())
	}()
	if err := r.fill(ctx, spool, demultiplex(req.Capabilities, resp), or(d.limit, or(r.MaxPack, defaultMaxPack))); err != nil {
		return err
	}
	return r.index(spool)
}

// missing returns what is not in the present generation.
func (r *Repo) missing(wants []plumbing.Hash) []plumbing.Hash {
	r.reading.Lock()
	defer r.reading.Unlock()
	here := func(h plumbing.Hash) bool { return r.db.HasEncodedObject(h) == nil }
	return slices.DeleteFunc(slices.Clone(wants), here)
}

// fill writes a pack of at most limit bytes to the spool file and looks it over.
func (r *Repo) fill(ctx context.Context, spool billy.File, pack io.Reader, limit int64) error {
	n, err := io.Copy(spool, io.LimitReader(pack, limit+1))
	if err != nil {
		r.reading.Lock()
		r.db.makeRoom(err)
		r.reading.Unlock()
		return fmt.Errorf("receiving objects: %w", err)
	}
	if n > limit {
		return fmt.Errorf("receiving objects: %w: more than %d bytes", ErrTooLarge, limit)
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	if err := inspect(ctx, spool, or(r.MaxObject, defaultMaxObject)); err != nil {
		return fmt.Errorf("received objects: %w", err)
	}
	_, err = spool.Seek(0, io.SeekStart)
	return err
}

// index adds the pack to the cache.
func (r *Repo) index(spool io.Reader) error {
	r.reading.Lock()
	defer r.reading.Unlock()
	if err := packfile.UpdateObjectStorage(r.db, spool); err != nil {
		r.db.makeRoom(err)
		return fmt.Errorf("indexing objects: %w", err)
	}
	return nil
}

// makeRoom lets go what is not needed when the disk is full.
func (db *database) makeRoom(err error) {
	if errors.Is(err, syscall.ENOSPC) {
		db.sweep()
		db.dropOlder()
	}
}

// haves are the commits here that the server may build on: each kept ref and what is close behind
// it.
func (r *Repo) haves() []plumbing.Hash {
	r.reading.Lock()
	defer r.reading.Unlock()
	seen := map[plumbing.Hash]bool{}
	var haves []plumbing.Hash
	_ = r.db.each(func(tip plumbing.Hash) error {
		queue := []plumbing.Hash{tip}
		for n := 0; n < maxHaves && len(queue) > 0; queue = queue[1:] {
			o, err := readObject(r.db, queue[0], maxHeader)
			if seen[queue[0]] || err != nil {
				continue // what cannot be read is not told of
			}
			seen[queue[0]] = true
			haves = append(haves, queue[0])
			n++
			if c, err := decodeCommit(queue[0], o); err == nil {
				for _, p := range c.Parents {
					queue = append(queue, plumbing.NewHash(p))
				}
			}
		}
		return nil
	})
	return haves
}

// demultiplex takes a pack out of the channels that the server was asked to use.
func demultiplex(caps *capability.List, in io.Reader) io.Reader {
	switch {
	case caps.Supports(capability.Sideband64k):
		return sideband.NewDemuxer(sideband.Sideband64k, in)
	case caps.Supports(capability.Sideband):
		return sideband.NewDemuxer(sideband.Sideband, in)
	}
	return in
}

// inspect reads a pack once, in bounded memory, and refuses what would take too much to unpack: an
// object of more than limit bytes, by itself or as a delta, or too much in all. After this,
// indexing cannot be stopped.
func inspect(ctx context.Context, pack io.Reader, limit int64) error {
	scan := packfile.NewScanner(pack)
	_, count, err := scan.Header()
	if err != nil {
		return err
	}
	if count > maxPackObjects {
		return fmt.Errorf("%w: %d objects, at most %d: %s", ErrTooLarge, count, maxPackObjects, ownRepository)
	}
	total := int64(0)
	for range count {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		size, err := nextSize(scan, limit)
		if err != nil {
			return err
		}
		if size > limit {
			return fmt.Errorf("%w: one object has %d bytes, at most %d: "+
				"take the large file out of the history", ErrTooLarge, size, limit)
		}
		if total += size; total > maxUnpacked {
			return fmt.Errorf("%w: over %d bytes unpacked: %s", ErrTooLarge, maxUnpacked, ownRepository)
		}
	}
	_, err = scan.Checksum()
	return err
}

// ownRepository is what to do about a history that is too large.
const ownRepository = "give the declarations a repository of their own"

// nextSize reads the next object and returns how many bytes would come out of it. One that says it
// has more than limit is not read further.
func nextSize(scan *packfile.Scanner, limit int64) (int64, error) {
	header, err := scan.NextObjectHeader()
	if err != nil {
		return 0, err
	}
	if header.Length > limit {
		return header.Length, nil
	}
	head := new(prefix)
	if _, _, err := scan.NextObject(head); err != nil {
		return 0, err
	}
	if header.Type.IsDelta() {
		return head.targetSize(), nil
	}
	return header.Length, nil
}

// prefix keeps the first bytes of what is written to it.
type prefix struct {
	data [32]byte
	n    int
}

func (p *prefix) Write(b []byte) (int, error) {
	p.n += copy(p.data[p.n:], b)
	return len(b), nil
}

// targetSize reads how large the result of a delta is: the second of the two numbers it begins
// with, seven bits a byte, the lowest first.
func (p *prefix) targetSize() int64 {
	var sizes [2]uint64
	rest := p.data[:p.n]
	for i := range sizes {
		for shift := 0; len(rest) > 0; shift += 7 {
			b := rest[0]
			rest = rest[1:]
			sizes[i] |= uint64(b&0x7f) << shift
			if b&0x80 == 0 {
				break
			}
		}
	}
	return int64(sizes[1] &^ (1 << 63))
}
