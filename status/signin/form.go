package signin

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/workspace-providers/reconcile/status"
)

// Form is what the page shows where people sign in.
type Form struct {
	To       string // where they want to go: a path of ours
	Error    string // why they are not let in
	Token    bool   // one may be given
	Password bool   // with a name
	OIDC     string // name of the issuer that may be gone to; empty: there is none
}

const maxForm = 16 << 10 // bytes

// Routes are where people sign in and out.
func (g *Gate) Routes() []status.Route {
	return []status.Route{
		{Pattern: "GET /signin", For: status.Anybody, Handler: http.HandlerFunc(g.ask)},
		{Pattern: "POST /signin", For: status.Anybody, Handler: fromHere(g.enter)},
		{Pattern: "POST /signout", For: status.Anybody, Handler: fromHere(g.leave)},
		{Pattern: "GET /signin/oidc", For: status.Anybody, Handler: http.HandlerFunc(g.depart)},
		{Pattern: "GET " + callbackPath, For: status.Anybody, Handler: http.HandlerFunc(g.arrive)},
	}
}

// fromHere refuses what another site's page made a browser send.
func fromHere(next http.HandlerFunc) http.Handler {
	return http.NewCrossOriginProtection().Handler(next)
}

// ask shows the form.
func (g *Gate) ask(out http.ResponseWriter, in *http.Request) {
	to := local(in.URL.Query().Get("to"))
	if status.ViewerOf(in.Context()).SignedIn {
		http.Redirect(out, in, to, http.StatusSeeOther)
		return
	}
	g.show(out, in, http.StatusOK, to, "")
}

// show shows the form, with what is wrong if something is.
func (g *Gate) show(out http.ResponseWriter, in *http.Request, code int, to, wrong string) {
	w := g.ways.Load()
	f := Form{To: to, Error: wrong, Token: len(w.tokens) > 0, Password: w.users != nil}
	if w.oidc != nil {
		f.OIDC = w.oidc.Name
	}
	g.Form(out, in, code, f)
}

// deny shows the form once more, and why.
func (g *Gate) deny(out http.ResponseWriter, in *http.Request, to string, err error) {
	r := &refusal{code: http.StatusInternalServerError, text: err.Error()}
	errors.As(err, &r)
	r.later(out)
	g.show(out, in, r.code, to, strings.ToUpper(r.text[:1])+r.text[1:]+".")
}

// enter takes the form and begins a session.
func (g *Gate) enter(out http.ResponseWriter, in *http.Request) {
	in.Body = http.MaxBytesReader(out, in.Body, maxForm)
	if err := in.ParseForm(); err != nil {
		http.Error(out, "the form cannot be read", http.StatusBadRequest)
		return
	}
	w, to := g.ways.Load(), local(in.PostForm.Get("to"))
	var id identity
	var err error
	if token := in.PostForm.Get("token"); token != "" {
		id, err = g.token(w, in, strings.TrimSpace(token))
	} else {
		id, err = g.password(w, in, in.PostForm.Get("name"), in.PostForm.Get("password"))
	}
	if err != nil {
		g.deny(out, in, to, err)
		return
	}
	g.welcome(out, in, w, id, to)
}

// welcome begins a session and leads to where somebody wanted to go.
func (g *Gate) welcome(out http.ResponseWriter, in *http.Request, w *ways, id identity, to string) {
	if err := g.begin(out, in, w, id.session); err != nil {
		g.deny(out, in, to, err)
		return
	}
	g.Log.Info("signed in", "name", id.name, "way", id.session.By, "address", w.proxy.address(in))
	http.Redirect(out, in, to, http.StatusSeeOther)
}

// leave ends the session, wherever else its cookie is.
func (g *Gate) leave(out http.ResponseWriter, in *http.Request) {
	if id, known := g.sessionOf(in, g.ways.Load()); known {
		g.ended.Add(id.session.ID, struct{}{})
		g.stays.end(id.session.ID)
	}
	http.SetCookie(out, g.cookie(in, cookieSession, "", -time.Second))
	http.Redirect(out, in, "/signin", http.StatusSeeOther)
}

// local is a path of ours to go to; anything else is the first page.
func local(to string) string {
	u, err := url.ParseRequestURI(to)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(u.Path, "//") ||
		strings.HasPrefix(to, "//") || strings.Contains(to, `\`) || u.Path == "/signin" || strings.HasPrefix(u.Path, "/signin/") {
		return "/"
	}
	return to
}

// printable is a name as it can be shown and logged.
func printable(name string) string {
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.TrimSpace(name))
	if runes := []rune(name); len(runes) > maxName {
		name = string(runes[:maxName])
	}
	return name
}
