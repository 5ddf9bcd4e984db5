package charts

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"

	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// ErrTemporary marks what may work the next time without anybody doing anything: a server that does
// not answer, too many requests. Any other error stays until the declaration, the chart or a
// credential changes.
var ErrTemporary = errors.New("temporary")

// temporary is an error that is also ErrTemporary, without the word in its text.
type temporary struct{ error }

func (e temporary) Unwrap() []error { return []error{e.error, ErrTemporary} }

// refused is an error of our own rules, found in the middle of somebody else's code.
type refused struct{ reason string }

func (e refused) Error() string { return e.reason }

// unsigned is an error in whose text URLs have no query: a redirect often leads to a signed link.
type unsigned struct{ error }

func (e unsigned) Unwrap() error { return e.error }

func (e unsigned) Error() string { return query.ReplaceAllString(e.error.Error(), "$1") }

var query = regexp.MustCompile(`(https?://[^\s"'?]*)\?[^\s"']*`)

// statusError is an answer of a server that is no success.
type statusError struct {
	code int
	url  string
}

func (e statusError) Error() string {
	text := fmt.Sprintf("%s answered %d %s", e.url, e.code, http.StatusText(e.code))
	switch e.code {
	case http.StatusUnauthorized, http.StatusForbidden:
		return text + "; " + loginHint
	}
	return text
}

const loginHint = "see that registries/config.json in the credentials directory has an entry for this host"

// classify marks err as temporary where trying again may help: what goes wrong on the way to a server,
// and the troubles that a server has with itself. What it says otherwise, and what we refuse, stays.
func classify(err error) error {
	var (
		status statusError
		answer *errcode.ErrorResponse
		rule   refused
		cert   *tls.CertificateVerificationError
	)
	if err == nil || errors.Is(err, ErrTemporary) {
		return err
	}
	err = unsigned{err}
	switch {
	case errors.Is(err, errdef.ErrNotFound):
		return fmt.Errorf("%w; see that name and version are right, and that the credential may read it", err)
	case errors.As(err, &status):
		return temporaryIf(isTemporary(status.code), err)
	case errors.As(err, &answer):
		if answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden {
			return fmt.Errorf("%w; %s", err, loginHint)
		}
		return temporaryIf(isTemporary(answer.StatusCode), err)
	case errors.As(err, &rule), errors.As(err, &cert), errors.Is(err, http.ErrSchemeMismatch):
		return err
	}
	return temporaryIf(onTheWay(err), err)
}

// onTheWay says whether a request or its answer got lost.
func onTheWay(err error) bool {
	var request *url.Error
	var network net.Error
	return errors.As(err, &request) && request.Op != "parse" || errors.As(err, &network) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

func temporaryIf(yes bool, err error) error {
	if yes {
		return temporary{err}
	}
	return err
}

func isTemporary(code int) bool {
	return code >= 500 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout
}

// gaveUp says that the caller stopped waiting.
func gaveUp(ctx context.Context, what string) error {
	return temporary{fmt.Errorf("%s: %w", what, context.Cause(ctx))}
}
