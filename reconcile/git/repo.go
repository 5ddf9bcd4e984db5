package git

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// What a caller may want to tell apart; every other failure is about the server, the network or
// this machine.
var (
	// ErrNoRef says that the repository answered, and holds nothing by that name.
	ErrNoRef = errors.New("no such ref")
	// ErrTooLarge says that something in the repository is beyond a limit.
	ErrTooLarge = errors.New("too large")
	// ErrRefused says that a name, a link or a kind of file is not accepted.
	ErrRefused = errors.New("not accepted")
)

// Repo is a git repository to read from. Set the fields, then call Fetch; the fields stay as they
// are from then on. All methods may be called from several goroutines; one fetch or push runs at a
// time, reading goes on beside it.
type Repo struct {
	URL     string        // whatever git takes: https, ssh, git, scp-like, file, a local path
	Ref     string        // branch, tag, pattern of tags ("v*": the newest), full hash; empty: HEAD
	Path    string        // the folder of the declarations, slash-separated; empty: the root
	Cache   string        // directory for fetched objects, shared with nobody; empty: memory
	Auth    string        // directory with credentials, read anew for each fetch; empty: none
	CA      string        // directory with *.pem, trusted beside the system's; empty: none
	Timeout time.Duration // for one Fetch or Note; default 2m

	MaxPack   int64 // bytes that one fetch may bring; default 512 MiB
	MaxObject int64 // bytes of the largest object, unpacked; default 32 MiB

	fetching sync.Mutex      // held during a fetch or push; guards slot, tip, behind, client
	slot     *slot           // where the cache lives
	tip      plumbing.Hash   // what the last Fetch gave
	behind   plumbing.Hash   // an ancestor of tip that the last look showed
	client   *http.Transport // kept between polls, so that a poll needs no new TLS handshake
	clientCA string          // the certificates that client trusts beside the system's

	lining sync.Mutex // guards lineOf and inLine
	lineOf string     // the commit that was last merged into
	inLine map[string]bool

	reading sync.Mutex // guards db and worn, as go-git's storages are not for several goroutines
	db      *database
	worn    bool // something could not be read: the next fetch starts with an empty cache
}

const (
	defaultTimeout   = 2 * time.Minute
	defaultMaxPack   = 512 << 20
	defaultMaxObject = 32 << 20
)

// Fetch asks the server what Ref is now, brings what is new, and returns that commit. Where nothing
// is new it costs one request, or none when Ref is a commit that is here already. Its error means
// that the state is not known; what earlier calls returned can still be read.
//
// A branch that went back to an ancestor is believed at the second look, since a lagging replica
// shows the same.
func (r *Repo) Fetch(ctx context.Context) (Commit, error) {
	r.fetching.Lock()
	defer r.fetching.Unlock()
	ctx, cancel := r.deadline(ctx)
	defer cancel()
	hash, err := r.fetch(ctx)
	if err != nil {
		return Commit{}, r.explain(ctx, "fetch", err)
	}
	commit, err := r.Commit(hash.String())
	if err != nil {
		return Commit{}, err
	}
	r.tip = hash
	return commit, nil
}

// Close gives back the cache, connections and files. The Repo can be used again; it then opens them
// anew.
func (r *Repo) Close() error {
	r.fetching.Lock()
	defer r.fetching.Unlock()
	if r.client != nil {
		r.client.CloseIdleConnections()
	}
	r.reading.Lock()
	defer r.reading.Unlock()
	db, slot := r.db, r.slot
	r.db, r.slot, r.client = nil, nil, nil
	return errors.Join(db.close(), slot.close())
}

// fetch brings the repository up to date and returns the commit that Ref names. A cache that turns
// out to be damaged is replaced, once.
func (r *Repo) fetch(ctx context.Context) (plumbing.Hash, error) {
	remote, err := r.remote()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	if remote.local() {
		return r.fetchLocal(remote)
	}
	if err := r.open(); err != nil {
		return plumbing.ZeroHash, err
	}
	if hash, ok := fullHash(r.Ref); ok && r.has(hash) {
		return r.peel(hash)
	}
	hash, err := r.fetchRemote(ctx, remote)
	if damage := new(damageError); errors.As(err, &damage) && ctx.Err() == nil {
		r.reading.Lock()
		r.worn = true
		r.reading.Unlock()
		if err := r.open(); err != nil {
			return plumbing.ZeroHash, err
		}
		return r.fetchRemote(ctx, remote)
	}
	return hash, err
}

// fetchRemote is one conversation with a server.
func (r *Repo) fetchRemote(ctx context.Context, remote *remote) (plumbing.Hash, error) {
	s, err := remote.uploadSession(ctx)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	defer s.Close()
	adv, err := advertised(ctx, s)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	wants, err := adv.choose(r.Ref)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	d := download{session: s, adv: adv, wants: wants, whole: remote.wholeOnly()}
	if err := r.download(ctx, d); err != nil {
		return plumbing.ZeroHash, err
	}
	hash, err := r.newest(wants)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	hash, err = r.settle(hash)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	return hash, r.remember(r.Ref, hash)
}

// settle returns the commit to believe in: the one just seen, unless it is an ancestor of the last
// one and seen for the first time.
func (r *Repo) settle(seen plumbing.Hash) (plumbing.Hash, error) {
	if r.tip.IsZero() || seen == r.tip || seen == r.behind || !r.has(r.tip) {
		r.behind = plumbing.ZeroHash
		return seen, nil
	}
	r.behind = plumbing.ZeroHash
	back, err := r.IsAncestor(seen.String(), r.tip.String())
	if err != nil || !back {
		return seen, err
	}
	r.behind = seen
	return r.tip, nil
}

// deadline bounds one fetch or push.
func (r *Repo) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	after := or(r.Timeout, defaultTimeout)
	return context.WithTimeoutCause(ctx, after, fmt.Errorf("not done within %v", after))
}

// explain adds what was done to what, and what can be done about it.
func (r *Repo) explain(ctx context.Context, verb string, err error) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil { // then it is why, whatever else went wrong
		err = fmt.Errorf("%w (%w)", cause, err)
	}
	if hint := hint(err); hint != "" {
		err = fmt.Errorf("%w: %s", err, hint)
	}
	return fmt.Errorf("git %s %s: %w", verb, redact(r.URL), err)
}

// or is the given value, or the default where none was given.
func or[T comparable](given, otherwise T) T {
	var zero T
	if given == zero {
		return otherwise
	}
	return given
}
