package status

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Viewer is somebody who looks, as far as it decides what there is to see. The zero value has not signed in, and sees
// nothing.
type Viewer struct {
	Name          string   // as people call him; empty: nobody asked who he is
	SignedIn      bool     // he was asked, or nobody is
	All           bool     // he sees everything
	Organizations []string // that he is a member of, sorted: he sees what is theirs; names that nothing is known of show nothing
	Leaves        bool     // he can sign out here
}

// Member says whether there is anything at all that somebody may see.
func (v Viewer) Member() bool { return v.All || len(v.Organizations) > 0 }

type viewerKey struct{}

// WithViewer is a context of requests of somebody.
func WithViewer(ctx context.Context, who Viewer) context.Context {
	return context.WithValue(ctx, viewerKey{}, who)
}

// ViewerOf is whose requests a context is of. Where nobody said so, it is of somebody who sees nothing.
func ViewerOf(ctx context.Context) Viewer {
	who, _ := ctx.Value(viewerKey{}).(Viewer)
	return who
}

// Open lets everybody who comes see everything.
func Open(next http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		next.ServeHTTP(out, in.WithContext(WithViewer(in.Context(), Viewer{SignedIn: true, All: true})))
	})
}

// Access says for whom a route is.
type Access int

// Whom a route is for. One that does not say is for nobody.
const (
	Nobody   Access = iota
	Anybody         // who has not signed in, too; it tells nothing of what is declared, unless somebody says that it may
	Members         // who sees anything; what is answered goes by View
	Managers        // who sees everything
)

// lets says whether somebody gets an answer.
func (a Access) lets(who Viewer) bool {
	switch a {
	case Anybody:
		return true
	case Members:
		return who.Member()
	case Managers:
		return who.All
	}
	return false
}

// Route is something that is answered. Everything over HTTP is one, but for webhooks, which are signed.
type Route struct {
	Pattern string // of http.ServeMux
	For     Access
	Handler http.Handler
}

// Mux answers routes, each to whom it is for. Others are asked to sign in; where they have, denied answers people, if
// it is not nil.
func Mux(denied http.Handler, routes ...Route) *http.ServeMux {
	mux := http.NewServeMux()
	for _, r := range routes {
		mux.HandleFunc(r.Pattern, func(out http.ResponseWriter, in *http.Request) {
			switch who := ViewerOf(in.Context()); {
			case r.For.lets(who):
				r.Handler.ServeHTTP(out, in)
			case !who.SignedIn:
				askWho(out, in)
			case denied != nil && byPerson(in):
				denied.ServeHTTP(out, in)
			default:
				text(out, http.StatusForbidden, fmt.Sprintf("this is not for you: %s\n", who.scope()))
			}
		})
	}
	return mux
}

// scope says in words what somebody sees.
func (v Viewer) scope() string {
	if !v.Member() {
		return "no role is for you"
	}
	return "you see what is of " + strings.Join(v.Organizations, ", ")
}

// byPerson says whether a browser asks for a page.
func byPerson(in *http.Request) bool {
	return (in.Method == http.MethodGet || in.Method == http.MethodHead) && strings.Contains(in.Header.Get("Accept"), "text/html")
}

// askWho leads people to where they sign in, and tells programs that they have to. Browsers are not told of passwords,
// since they would ask for one by a window of their own, also on behalf of a page's script.
func askWho(out http.ResponseWriter, in *http.Request) {
	if byPerson(in) {
		http.Redirect(out, in, "/signin?to="+url.QueryEscape(in.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	out.Header().Set("WWW-Authenticate", `Bearer realm="reconcile"`)
	text(out, http.StatusUnauthorized, "sign in first: send a token as Authorization: Bearer, or a name and password as Basic\n")
}
