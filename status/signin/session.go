package signin

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Kinds of what is sealed in cookies; one is never taken for another.
const (
	cookieSession = "reconcile"      // who somebody is
	cookieOIDC    = "reconcile-oidc" // that somebody is on his way to an issuer and back
)

const (
	sessionLife = 12 * time.Hour
	detourLife  = 10 * time.Minute
	maxCookie   = 3900 // bytes; browsers keep 4096 with its name
)

// Ways to begin a session.
const (
	byToken = "token"
	byUser  = "user"
	byOIDC  = "oidc"
)

// session is who somebody is, and by what he was known.
type session struct {
	ID     string   `json:"i"`
	By     string   `json:"b"`
	Name   string   `json:"n"`
	Groups []string `json:"g,omitempty"` // that an issuer told
	Mark   string   `json:"m"`           // of what it was begun with
	Until  int64    `json:"u"`           // Unix time
}

// markOf is a mark that fits in a cookie.
func markOf(d digest) string { return base64.RawURLEncoding.EncodeToString(d[:]) }

// sealer encrypts and authenticates with a key that is made of a secret.
func sealer(secret []byte) cipher.AEAD {
	key, err := hkdf.Key(sha256.New, secret, nil, "reconcile cookies", 32)
	if err != nil {
		panic(err) // the length is one
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // likewise
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // likewise
	}
	return aead
}

// seal writes something for a cookie of a kind.
func seal(key cipher.AEAD, kind string, what any) (string, error) {
	text, err := json.Marshal(what)
	if err != nil {
		return "", err
	}
	out := base64.RawURLEncoding.EncodeToString(key.Seal(nil, nil, text, []byte(kind)))
	if len(out) > maxCookie {
		return "", fmt.Errorf("a cookie may have %d bytes, and this one has %d: too many groups have a role", maxCookie, len(out))
	}
	return out, nil
}

// unseal reads what seal wrote for the same kind with the same key.
func unseal(key cipher.AEAD, kind, text string, into any) error {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(text) > maxCookie {
		return errors.New("it is no cookie of ours")
	}
	plain, err := key.Open(nil, nil, sealed, []byte(kind))
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, into)
}

// begin makes a session of an identity, in a cookie.
func (g *Gate) begin(out http.ResponseWriter, in *http.Request, w *ways, s session) error {
	s.ID, s.Until = rand.Text(), g.now().Add(sessionLife).Unix()
	text, err := seal(w.key, cookieSession, s)
	if err != nil {
		return err
	}
	http.SetCookie(out, g.cookie(in, cookieSession, text, sessionLife))
	return nil
}

// sessionOf is the session that a request is of, if it still counts.
func (g *Gate) sessionOf(in *http.Request, w *ways) (identity, bool) {
	var s session
	c, err := in.Cookie(g.cookieName(in, cookieSession))
	if err != nil || unseal(w.key, cookieSession, c.Value, &s) != nil || g.now().Unix() >= s.Until || g.ended.Contains(s.ID) {
		return identity{}, false
	}
	id := identity{name: s.Name, session: s, here: s.By != byOIDC}
	switch s.By {
	case byToken:
		id.groups = []string{groupToken}
		mark, err := base64.RawURLEncoding.DecodeString(s.Mark)
		return id, err == nil && len(mark) == sha256.Size && w.hasToken(digest(mark))
	case byUser:
		id.groups = []string{userGroup(s.Name)}
		return id, s.Mark != "" && w.users.mark(s.Name) == s.Mark
	case byOIDC:
		id.groups = s.Groups
		return id, w.oidc != nil && w.oidc.mark() == s.Mark
	}
	return identity{}, false
}

// secure says whether a request came encrypted, to us or to a proxy in front of us.
func (g *Gate) secure(in *http.Request) bool {
	p := g.ways.Load().proxy
	return in.TLS != nil || g.TLSElsewhere || p != nil && p.trusts(in) && in.Header.Get("X-Forwarded-Proto") == "https"
}

// cookieName is what a cookie is called. Where the connection is encrypted, no other host can set it.
func (g *Gate) cookieName(in *http.Request, kind string) string {
	if g.secure(in) {
		return "__Host-" + kind
	}
	return kind
}

// cookie is a cookie that scripts do not see, and that other sites' pages do not send along. With a negative life it
// takes away the one there is.
func (g *Gate) cookie(in *http.Request, kind, text string, life time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: g.cookieName(in, kind), Value: text, Path: "/", MaxAge: int(life.Seconds()),
		HttpOnly: true, Secure: g.secure(in), SameSite: http.SameSiteLaxMode,
	}
}
