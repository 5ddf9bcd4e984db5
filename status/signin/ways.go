package signin

import (
	"crypto/cipher"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/workspace-providers/reconcile/status"
)

// ways are how people and programs sign in, and what they are then. They do not change; others take their place.
type ways struct {
	tokens []digest
	users  *users // nil: there are none
	roles  map[string]role
	oidc   *issuer // nil: there is none
	proxy  *proxy  // likewise
	key    cipher.AEAD
	sum    digest // of everything that was read
}

type digest = [sha256.Size]byte

const (
	maxFile   = 1 << 20 // bytes
	minSecret = 32      // bytes of a token or key, that nobody guesses it
	maxTokens = 32
)

// asks says whether anybody is asked who he is.
func (w *ways) asks() bool {
	return len(w.tokens) > 0 || w.users != nil || w.oidc != nil || w.proxy != nil
}

// reader reads the files, all of them whatever is wrong with one.
type reader struct {
	dir   fs.FS
	sum   []byte
	wrong []error
}

// file is a file's content; nil where there is none.
func (r *reader) file(name string) []byte {
	f, err := r.dir.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var text []byte
	if err == nil {
		defer f.Close()
		text, err = io.ReadAll(io.LimitReader(f, maxFile+1))
	}
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes", name, maxFile)
	}
	if err != nil {
		r.wrong = append(r.wrong, err)
		return nil
	}
	r.sum = fmt.Appendf(r.sum, "%s %d\n%s", name, len(text), text)
	return append([]byte{}, text...)
}

// note keeps what is wrong with a file.
func (r *reader) note(name string, err error) {
	if err != nil {
		r.wrong = append(r.wrong, fmt.Errorf("%s: %w", name, err))
	}
}

// secret is a file with one secret, which has nothing around it.
func (r *reader) secret(name string, least int) []byte {
	text := r.file(name)
	secret := []byte(strings.TrimSpace(string(text)))
	if text != nil && len(secret) < least {
		r.note(name, fmt.Errorf("it has %d bytes, and needs %d; openssl rand -hex 32 makes one", len(secret), max(1, least)))
	}
	return secret
}

// load reads the folder page/. All that is wrong is told at once, and nothing of any secret.
func load(dir fs.FS, fallback []byte) (*ways, error) {
	r, w := &reader{dir: dir}, &ways{}
	var err error
	if text := r.file("page/token"); text != nil {
		w.tokens, err = parseTokens(string(text))
		r.note("page/token", err)
	}
	if text := r.file("page/users"); text != nil {
		w.users, err = parseUsers(string(text))
		r.note("page/users", err)
	}
	secret, key := r.secret("page/oidc-secret", 1), r.secret("page/session-key", minSecret)
	proof := r.secret("page/proxy-secret", minSecret)
	if text := r.file("page/signin.yaml"); text != nil {
		c, err := parseConfig(text)
		r.note("page/signin.yaml", err)
		w.roles = c.Roles
		if c.OIDC != nil {
			w.oidc = &issuer{oidcConfig: *c.OIDC, secret: string(secret)}
		}
		if c.Proxy != nil {
			w.proxy, err = c.Proxy.read(proof)
			r.note("page/signin.yaml", err)
		}
	}
	if len(key) == 0 {
		key = fallback
	}
	w.key = sealer(key)
	if cas, err := fs.Glob(dir, "ca/*.pem"); err == nil { // by which the issuer is known
		for _, name := range cas {
			r.file(name)
		}
	}
	w.sum = sha256.Sum256(r.sum)
	return w, errors.Join(r.wrong...)
}

// parseTokens reads tokens, one a line, and keeps their digests.
func parseTokens(text string) (out []digest, err error) {
	for i, line := range slices.Collect(strings.Lines(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			continue
		case len(line) < minSecret || strings.ContainsAny(line, " \t"):
			return nil, fmt.Errorf("line %d has %d bytes, or white space in it; a token has %d at least: "+
				"openssl rand -hex 32 makes one", i+1, len(line), minSecret)
		}
		out = append(out, sha256.Sum256([]byte(line)))
	}
	if len(out) == 0 || len(out) > maxTokens {
		return nil, fmt.Errorf("it has %d tokens; put one there, or up to %d, one a line, or remove the file", len(out), maxTokens)
	}
	return out, nil
}

// hasToken compares in a time that tells nothing of the tokens.
func (w *ways) hasToken(d digest) bool {
	found := 0
	for _, have := range w.tokens {
		found |= subtle.ConstantTimeCompare(have[:], d[:])
	}
	return found == 1
}

// identity is somebody who was found to be who he says.
type identity struct {
	name    string
	groups  []string
	here    bool    // by a file of ours
	session session // by which it is known; the zero value: none
}

// groupToken is the group of who has a token, and userGroup that of a user. Nobody else can be in one.
const groupToken = "token"

func userGroup(name string) string { return "user:" + name }

// foreign are groups that somebody else told, without those that only we tell.
func foreign(groups []string) []string {
	return slices.DeleteFunc(slices.Clone(groups), func(g string) bool {
		return g == "" || g == groupToken || strings.HasPrefix(g, userGroup(""))
	})
}

// viewer is what somebody may see. Where no roles are declared, our files alone say who may come in.
func (w *ways) viewer(id identity) status.Viewer {
	v := status.Viewer{Name: id.name, SignedIn: true, Leaves: id.session.ID != "", All: len(w.roles) == 0 && id.here}
	for _, r := range w.roles {
		if !slices.ContainsFunc(r.Groups, func(g string) bool { return slices.Contains(id.groups, g) }) {
			continue
		}
		if r.Organizations[0] == everything {
			v.All = true
			continue
		}
		v.Organizations = append(v.Organizations, r.Organizations...)
	}
	slices.Sort(v.Organizations)
	v.Organizations = slices.Compact(v.Organizations)
	return v
}

// known are those of some groups that a role is for.
func (w *ways) known(groups []string) []string {
	return slices.DeleteFunc(slices.Clone(groups), func(g string) bool {
		for _, r := range w.roles {
			if slices.Contains(r.Groups, g) {
				return false
			}
		}
		return true
	})
}
