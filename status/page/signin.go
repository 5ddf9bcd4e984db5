package page

import (
	"net/http"

	"github.com/workspace-providers/reconcile/status/signin"
)

// SignIn shows where people sign in. It needs no script, and tells nothing of what is declared.
func SignIn(out http.ResponseWriter, in *http.Request, code int, f signin.Form) {
	guarded(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		write(out, in, code, "signin", frame{Title: "Sign in", Assets: assets.urls, Bare: true, Body: f})
	})).ServeHTTP(out, in)
}
