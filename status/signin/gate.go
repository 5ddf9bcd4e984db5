package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/workspace-providers/reconcile/status"
)

// Options say by what people are known.
type Options struct {
	Credentials  fs.FS                        // the credentials, of which the folder page/ counts; nil: none
	TLSElsewhere bool                         // what comes unencrypted came encrypted to a proxy in front
	HTTP         func() (*http.Client, error) // for asking an OIDC issuer
	Log          *slog.Logger                 // says who came and what was refused; never a token or password
	Now          func() time.Time             // nil: the time it is

	// Form shows people the page where they sign in.
	Form func(out http.ResponseWriter, in *http.Request, code int, f Form)
}

// Gate knows who asks. Use New.
type Gate struct {
	Options
	fallback []byte // of which the key is made where there is no other
	ways     atomic.Pointer[ways]
	turn     turn
	stays    stays
	verified verified
	limit    limiter                      // of tokens and passwords
	detours  limiter                      // to an issuer: if that is down, passwords are still tried
	ended    *lru.Cache[string, struct{}] // sessions that were left
	hashing  chan struct{}                // has a place for each password that is looked at
	reading  sync.Mutex                   // while files are read
}

const (
	maxEnded    = 10_000          // ended sessions that are remembered
	maxHashing  = 2               // passwords that are looked at at once
	hashingWait = 5 * time.Second // for a place

	proxiedLife = 15 * time.Minute // after which a proxy has to say once more who asks
)

// New reads the files. It fails where one has a mistake.
func New(o Options) (*Gate, error) {
	ended, err := lru.New[string, struct{}](maxEnded)
	if err != nil {
		return nil, err
	}
	g := &Gate{
		Options: o, limit: newLimiter(), detours: newLimiter(), verified: newVerified(),
		ended: ended, hashing: make(chan struct{}, maxHashing),
	}
	g.stays.all = map[string]map[*stay]bool{}
	g.fallback = []byte(rand.Text() + rand.Text())
	g.turn.next()
	w := &ways{key: sealer(g.fallback)}
	if o.Credentials != nil {
		if w, err = load(o.Credentials, g.fallback); err != nil {
			return nil, fmt.Errorf("signing in: %w", err)
		}
	}
	g.put(w)
	return g, nil
}

// put has ways in force.
func (g *Gate) put(w *ways) {
	g.ways.Store(w)
	if crowded := w.proxy.crowded(); len(crowded) > 0 {
		g.Log.Warn("whoever is in a network of the proxy can say to be anybody: narrow proxy.networks in signin.yaml, or "+
			"declare proxy.secretHeader", "networks", strings.Join(crowded, ","))
	}
}

// Asks says whether anybody is asked who he is. Once it does, it goes on.
func (g *Gate) Asks() bool { return g.ways.Load().asks() }

// Proxied says whether a proxy in front is trusted.
func (g *Gate) Proxied() bool { return g.ways.Load().proxy != nil }

// Reload reads the files anew. Where one has a mistake, or nobody would be asked any more, what is in force stays.
func (g *Gate) Reload() {
	if g.Credentials == nil {
		return
	}
	g.reading.Lock()
	defer g.reading.Unlock()
	w, err := load(g.Credentials, g.fallback)
	if err == nil && g.Asks() && !w.asks() {
		err = errors.New("there is no way to sign in any more: page/ has neither token nor users, and no oidc or proxy in signin.yaml")
	}
	if err != nil {
		g.Log.Error("signing in stays as it was", "error", err)
		return
	}
	if w.sum == g.ways.Load().sum {
		return
	}
	g.put(w)
	g.turn.next()
	g.Log.Info("files for signing in were read anew")
}

func (g *Gate) now() time.Time {
	if g.Now != nil {
		return g.Now()
	}
	return time.Now()
}

// Handler lets next know who asks. Who claims to be somebody and does not prove it is refused.
func (g *Gate) Handler(next http.Handler) http.Handler {
	open := status.Open(next)
	return http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		turn := g.turn.now() // before the files: what changes after is seen
		w := g.ways.Load()
		if !w.asks() {
			ctx, end := during(in.Context(), turn, math.MaxInt64)
			defer end()
			open.ServeHTTP(out, in.WithContext(ctx))
			return
		}
		id, known, err := g.who(w, in)
		if err != nil {
			refuse(out, err)
			return
		}
		var who status.Viewer
		if known {
			who = w.viewer(id)
		}
		ctx, end := during(in.Context(), turn, g.left(id))
		defer end()
		if s := id.session.ID; s != "" {
			defer g.stays.add(s, end)()
			if g.ended.Contains(s) { // since it was looked at
				end()
			}
		}
		next.ServeHTTP(out, in.WithContext(status.WithViewer(ctx, who)))
	})
}

// left is how long it counts at most who somebody was found to be.
func (g *Gate) left(id identity) time.Duration {
	switch {
	case id.session.ID != "":
		return time.Unix(id.session.Until, 0).Sub(g.now())
	case id.here:
		return math.MaxInt64 // until files change
	}
	return proxiedLife
}

// who asks; false: nobody who says so.
func (g *Gate) who(w *ways, in *http.Request) (id identity, known bool, err error) {
	if id, known = w.proxy.identify(in); known {
		return id, true, nil
	}
	claim := in.Header.Get("Authorization")
	if claim == "" {
		id, known = g.sessionOf(in, w)
		return id, known, nil
	}
	if name, password, is := in.BasicAuth(); is {
		id, err = g.password(w, in, name, password)
		return id, err == nil, err
	}
	scheme, token, _ := strings.Cut(claim, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return id, false, &refusal{code: http.StatusUnauthorized, text: "Authorization has to be Bearer or Basic"}
	}
	id, err = g.token(w, in, strings.TrimSpace(token))
	return id, err == nil, err
}

// token is who has a token. Nobody guesses one, so that a right one counts whatever else comes from its address.
func (g *Gate) token(w *ways, in *http.Request, token string) (identity, error) {
	if d := sha256.Sum256([]byte(token)); w.hasToken(d) {
		s := session{By: byToken, Name: groupToken, Mark: markOf(d)}
		return identity{name: s.Name, groups: []string{groupToken}, here: true, session: s}, nil
	}
	at := w.proxy.address(in)
	if _, wait := g.limit.take(at, g.now()); wait > 0 {
		return identity{}, tooOften(wait)
	}
	g.Log.Warn("sign-in refused", "way", byToken, "address", at)
	return identity{}, errWrong
}

// password is who has a name and its password. What was refused says nothing of which of them is wrong.
func (g *Gate) password(w *ways, in *http.Request, name, password string) (identity, error) {
	if w.users == nil {
		return identity{}, &refusal{code: http.StatusUnauthorized, text: "nobody signs in by name and password here"}
	}
	at := w.proxy.address(in)
	undo, wait := g.limit.take(at, g.now())
	if wait > 0 {
		return identity{}, tooOften(wait)
	}
	switch right, err := g.verify(in.Context(), w.users, name, password); {
	case err != nil:
		undo()
		return identity{}, err
	case !right:
		g.Log.Warn("sign-in refused", "way", byUser, "address", at)
		return identity{}, errWrong
	}
	undo()
	s := session{By: byUser, Name: name, Mark: w.users.mark(name)}
	return identity{name: name, groups: []string{userGroup(name)}, here: true, session: s}, nil
}

// verify says whether a user has a password, within some time. One that was right not long ago is known.
func (g *Gate) verify(ctx context.Context, u *users, name, password string) (bool, error) {
	d := g.verified.of(name, password, u.hashes[name])
	if g.verified.has(d, g.now()) {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, hashingWait)
	defer cancel()
	select {
	case g.hashing <- struct{}{}:
		defer func() { <-g.hashing }()
	case <-ctx.Done():
		return false, errBusy
	}
	right := u.verify(name, password)
	if right {
		g.verified.add(d, g.now())
	}
	return right, nil
}

// refusal is why somebody was not let in.
type refusal struct {
	code int
	text string
	wait time.Duration
}

func (r *refusal) Error() string { return r.text }

var (
	errWrong = &refusal{code: http.StatusUnauthorized, text: "that is wrong, or does not count any more"}
	errBusy  = &refusal{http.StatusServiceUnavailable, "too many sign in at once; try again in a moment", time.Second}
)

func tooOften(wait time.Duration) *refusal {
	return &refusal{http.StatusTooManyRequests, "too many attempts from this address; try again in a moment", wait}
}

// refuse answers a program whose claim is wrong.
func refuse(out http.ResponseWriter, err error) {
	r := &refusal{code: http.StatusInternalServerError, text: err.Error()}
	errors.As(err, &r)
	if r.code == http.StatusUnauthorized {
		out.Header().Set("WWW-Authenticate", `Bearer realm="reconcile"`)
	}
	r.later(out)
	http.Error(out, "not signed in: "+r.text, r.code)
}

// later says when to try again, if that is worth it.
func (r *refusal) later(out http.ResponseWriter) {
	if r.wait > 0 {
		out.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(r.wait.Seconds()))))
	}
}
