package status

import (
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"
)

// LongestProfile is how long a profile or an execution trace may be made.
const LongestProfile = 2 * time.Minute

// Debug answers /debug/pprof, for `go tool pprof`. Profiles tell what the program does and cost it time, so that they
// are for who is on this machine and sees everything: it belongs on an address on loopback of its own, which no proxy
// leads to.
//
// Whoever asks has to name this machine, and no other site's page may have made him ask.
//
// Left out are cmdline, since arguments may be URLs with passwords, and symbol, since profiles of Go have theirs.
func Debug() http.Handler {
	return Here(ownSite(bounded(Mux(nil, profiles()...))), "forward the port, and ask for 127.0.0.1")
}

// profiles are all routes to profiles.
func profiles() []Route {
	return []Route{
		{"GET /debug/pprof/", Managers, http.HandlerFunc(pprof.Index)},
		{"GET /debug/pprof/profile", Managers, http.HandlerFunc(pprof.Profile)},
		{"GET /debug/pprof/trace", Managers, http.HandlerFunc(pprof.Trace)},
	}
}

// ownSite refuses what a browser was made to ask by a page from elsewhere.
func ownSite(next http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		if site := in.Header.Get("Sec-Fetch-Site"); site != "" && site != "none" && site != "same-origin" {
			text(out, http.StatusForbidden, "profiles are for this machine alone\n")
			return
		}
		next.ServeHTTP(out, in)
	})
}

// bounded refuses a profile that would take too long.
func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		seconds, err := strconv.ParseFloat(in.FormValue("seconds"), 64)
		if err == nil && !(seconds <= LongestProfile.Seconds()) { // NaN is no number of seconds either
			text(out, http.StatusBadRequest, "seconds: "+LongestProfile.String()+" at most\n")
			return
		}
		next.ServeHTTP(out, in)
	})
}
