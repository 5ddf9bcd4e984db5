package status

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// credential is what a forge knows us by.
type credential interface {
	// token is what requests carry now; empty: nothing.
	token(ctx context.Context) (string, error)

	// refused hears that a token is not taken, and says whether there may be another one at once.
	refused(token string) bool

	// mark changes whenever the token may be another account's.
	mark() (string, error)
}

// fileToken is a token in a file; empty: there is none.
type fileToken string

func (f fileToken) token(context.Context) (string, error) {
	if f == "" {
		return "", nil
	}
	token, err := readSmall(string(f))
	if err != nil {
		return "", fmt.Errorf("token of the forge: %w", err)
	}
	return token, nil
}

func (fileToken) refused(string) bool { return false }

func (f fileToken) mark() (string, error) { return f.token(context.Background()) }

// maxCredential is more than any token, key or number has.
const maxCredential = 64 << 10

// readSmall reads a file of the credentials, without the space around what it says.
func readSmall(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxCredential+1))
	if err != nil {
		return "", err
	}
	if len(text) > maxCredential {
		return "", fmt.Errorf("%s has more than %d bytes, which is no credential", name, maxCredential)
	}
	return strings.TrimSpace(string(text)), nil
}

// tokenTransport adds the token to requests for the forge, and to no other host a redirect may name. It bounds
// the answers, since the SDKs read them whole.
type tokenTransport struct {
	next http.RoundTripper
	base *url.URL
	who  credential
}

const (
	maxAnswer    = 8 << 20
	maxComplaint = 4 << 10 // goes into the log
)

// RoundTrip sends the request with the token of now; where that is not taken and there may be another one, twice.
func (t *tokenTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != t.base.Host || r.URL.Scheme != t.base.Scheme {
		return t.send(r, "")
	}
	token, err := t.who.token(r.Context())
	if err != nil {
		return nil, unsent(r, err)
	}
	answer, err := t.send(r, token)
	if err != nil || answer.StatusCode != http.StatusUnauthorized || !t.who.refused(token) || r.Body != nil && r.GetBody == nil {
		return answer, err
	}
	again := r.Clone(r.Context())
	if r.GetBody != nil {
		if again.Body, err = r.GetBody(); err != nil {
			return answer, nil
		}
	}
	_ = answer.Body.Close()
	if token, err = t.who.token(r.Context()); err != nil {
		return nil, unsent(again, err)
	}
	return t.send(again, token)
}

// unsent closes the body of a request, as every RoundTripper has to.
func unsent(r *http.Request, err error) error {
	if r.Body != nil {
		_ = r.Body.Close()
	}
	return err
}

func (t *tokenTransport) send(r *http.Request, token string) (*http.Response, error) {
	next := t.next
	if next == nil {
		next = http.DefaultTransport
	}
	if token != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	size := int64(maxAnswer)
	if answer.StatusCode >= http.StatusBadRequest {
		size = maxComplaint
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(answer.Body, size), answer.Body}
	return answer, nil
}
