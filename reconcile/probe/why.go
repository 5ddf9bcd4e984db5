package probe

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Why says why there is no answer, without the URL and the method, which the reader knows. The same cause has
// the same text at each look, or every look would be news: no port, no address of a connection, no time of day
// and nothing that the other side made up stands in it.
func Why(err error, timeout time.Duration) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "proxyconnect" {
		return "the proxy: " + Why(op.Err, timeout)
	}
	var dns *net.DNSError
	var errno syscall.Errno
	untrusted := distrust(err)
	switch {
	case errors.As(err, &dns):
		return "looking up " + dns.Name + ": " + unresolved(dns, timeout)
	case isTimeout(err):
		return late(timeout)
	case untrusted != "":
		return untrusted
	case isCut(err):
		return "connection closed or reset by peer"
	case errors.As(err, &errno):
		return errno.Error()
	case op != nil: // TLS: "remote error", "local error"
		return op.Op + ": " + gist(op.Err)
	}
	return gist(err)
}

func late(timeout time.Duration) string { return fmt.Sprintf("no answer within %s", timeout) }

// unresolved says why a name has no address. What else the error says has the ports of this look in it.
func unresolved(err *net.DNSError, timeout time.Duration) string {
	switch {
	case err.IsNotFound:
		return "no such host"
	case isTimeout(err):
		return late(timeout)
	}
	return "server misbehaving"
}

// distrust says what is wrong with a certificate; empty: it is about none.
func distrust(err error) string {
	const minute = "2006-01-02 15:04 UTC"
	var verify *tls.CertificateVerificationError
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	switch {
	case errors.As(err, &unknown):
		return "its certificate is signed by an unknown authority"
	case errors.As(err, &host):
		return "its certificate is not valid for " + host.Host
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		if from := invalid.Cert.NotBefore; time.Now().Before(from) {
			return "its certificate is not valid before " + from.UTC().Format(minute)
		}
		return "its certificate expired on " + invalid.Cert.NotAfter.UTC().Format(minute)
	case errors.As(err, &verify):
		return "its certificate is not valid: " + strings.TrimPrefix(verify.Err.Error(), "x509: ")
	}
	return ""
}

// isTimeout asks every error in the chain: an outer one may not know of it.
func isTimeout(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if t, ok := err.(interface{ Timeout() bool }); ok && t.Timeout() {
			return true
		}
	}
	return false
}

// isCut says whether the other side ended the connection. How that shows depends on what was under way in that
// moment, so it is one cause. For one of these net/http exports no error to compare with.
func isCut(err error) bool {
	ends := []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE}
	return slices.ContainsFunc(ends, func(end error) bool { return errors.Is(err, end) }) ||
		innermost(err).Error() == "http: server closed idle connection"
}

// gist is what an error is about, without what it quotes of the other side.
func gist(err error) string {
	text, _, _ := strings.Cut(innermost(err).Error(), `"`)
	return cmp.Or(strings.TrimRight(text, " :"), "no answer that can be understood")
}

func innermost(err error) error {
	for below := errors.Unwrap(err); below != nil; below = errors.Unwrap(err) {
		err = below
	}
	return err
}
