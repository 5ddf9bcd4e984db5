package status

import (
	"fmt"
	"net"
	"net/http"
	"strings"
)

// Here is for an address on loopback: it refuses whoever does not name this machine.
//
// A browser on this machine takes the pages of others there, and to another site's page, whose name leads here by now,
// an answer would be one of its own. Whoever forwards requests of others here keeps the name that they asked for, too.
// remedy is what to do for another name to be taken.
func Here(next http.Handler, remedy string) http.Handler {
	return harden(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		if !namesHere(in.Host) {
			text(out, http.StatusForbidden, fmt.Sprintf("this is for who asks for 127.0.0.1, [::1] or localhost, and %.100q was "+
				"asked for: %s\n", in.Host, remedy))
			return
		}
		next.ServeHTTP(out, in)
	}))
}

// namesHere says whether a host, with a port or without, is this machine whoever resolves it.
func namesHere(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return Loopback(host) || strings.HasSuffix(host, ".localhost")
}
