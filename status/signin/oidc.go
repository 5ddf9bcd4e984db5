package signin

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// issuer is an OIDC issuer. It is asked for the first time when somebody wants to go there, so that it may be down
// before.
type issuer struct {
	oidcConfig
	secret string
	found  atomic.Pointer[oidc.Provider]
}

// mark is what a session holds of the issuer: it fits as long as it is the same client of the same issuer.
func (i *issuer) mark() string {
	return markOf(sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s", i.Issuer, i.ClientID, i.secret)))
}

// detour is what is kept of somebody on his way to the issuer and back.
type detour struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"` // of PKCE
	To       string `json:"t"`
	Until    int64  `json:"u"`
}

// discover finds out about the issuer, with a context whose requests go through our client.
func (g *Gate) discover(ctx context.Context, i *issuer) (context.Context, *oidc.Provider, error) {
	client, err := g.HTTP()
	if err != nil {
		return ctx, nil, err
	}
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), client) // that files change ends no request to it
	if p := i.found.Load(); p != nil {
		return ctx, p, nil
	}
	p, err := oidc.NewProvider(ctx, i.Issuer)
	if err != nil {
		return ctx, nil, err
	}
	i.found.Store(p)
	return ctx, p, nil
}

// client is what we are to the issuer.
func (i *issuer) client(p *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: i.ClientID, ClientSecret: i.secret, Endpoint: p.Endpoint(), RedirectURL: i.RedirectURL,
		Scopes: append([]string{oidc.ScopeOpenID}, i.Scopes...),
	}
}

// What people are told; what is behind it is in the log.
var (
	errIssuer = &refusal{code: http.StatusBadGateway, text: "the issuer does not say who you are; the log says why"}
	errLost   = &refusal{code: http.StatusBadRequest, text: "this way to sign in was not begun here, or took too long; begin anew"}
)

// depart sends somebody to the issuer.
func (g *Gate) depart(out http.ResponseWriter, in *http.Request) {
	w, to := g.ways.Load(), local(in.URL.Query().Get("to"))
	if w.oidc == nil {
		http.Redirect(out, in, "/signin", http.StatusSeeOther)
		return
	}
	undo, wait := g.detours.take(w.proxy.address(in), g.now()) // nobody makes us ask again and again who does not answer
	if wait > 0 {
		g.deny(out, in, to, tooOften(wait))
		return
	}
	_, p, err := g.discover(in.Context(), w.oidc)
	if err != nil {
		g.Log.Error("the OIDC issuer cannot be asked", "issuer", w.oidc.Issuer, "error", err)
		g.deny(out, in, to, errIssuer)
		return
	}
	undo()
	d := detour{rand.Text(), rand.Text(), oauth2.GenerateVerifier(), to, g.now().Add(detourLife).Unix()}
	text, err := seal(w.key, cookieOIDC, d)
	if err != nil {
		d.To = "/" // it was too long
		if text, err = seal(w.key, cookieOIDC, d); err != nil {
			g.deny(out, in, to, err)
			return
		}
	}
	http.SetCookie(out, g.cookie(in, cookieOIDC, text, detourLife))
	there := w.oidc.client(p).AuthCodeURL(d.State, oidc.Nonce(d.Nonce), oauth2.S256ChallengeOption(d.Verifier))
	http.Redirect(out, in, there, http.StatusSeeOther)
}

// arrive takes somebody who comes back from the issuer.
func (g *Gate) arrive(out http.ResponseWriter, in *http.Request) {
	w := g.ways.Load()
	if w.oidc == nil {
		http.Redirect(out, in, "/signin", http.StatusSeeOther)
		return
	}
	d, err := g.detourOf(in, w)
	http.SetCookie(out, g.cookie(in, cookieOIDC, "", -time.Second))
	if err != nil {
		g.deny(out, in, "/", err)
		return
	}
	at := w.proxy.address(in)
	undo, wait := g.detours.take(at, g.now())
	if wait > 0 {
		g.deny(out, in, d.To, tooOften(wait))
		return
	}
	id, err := g.redeem(in.Context(), w, d, in.URL.Query().Get("code"))
	if err != nil {
		g.Log.Warn("sign-in refused", "way", byOIDC, "address", at, "error", err)
		g.deny(out, in, d.To, errIssuer)
		return
	}
	undo()
	g.welcome(out, in, w, id, d.To)
}

// detourOf is the way that somebody comes back from, if it is the one that he went.
func (g *Gate) detourOf(in *http.Request, w *ways) (detour, error) {
	var d detour
	c, err := in.Cookie(g.cookieName(in, cookieOIDC))
	q := in.URL.Query()
	if err != nil || unseal(w.key, cookieOIDC, c.Value, &d) != nil || g.now().Unix() >= d.Until ||
		subtle.ConstantTimeCompare([]byte(d.State), []byte(q.Get("state"))) != 1 {
		return detour{}, errLost
	}
	if q.Get("error") != "" {
		return detour{}, &refusal{code: http.StatusForbidden, text: "the issuer refused: " + printable(q.Get("error"))}
	}
	return d, nil
}

// redeem asks the issuer who brings a code.
func (g *Gate) redeem(ctx context.Context, w *ways, d detour, code string) (identity, error) {
	ctx, p, err := g.discover(ctx, w.oidc)
	if err != nil {
		return identity{}, err
	}
	client := w.oidc.client(p)
	token, err := client.Exchange(ctx, code, oauth2.VerifierOption(d.Verifier))
	if err != nil {
		return identity{}, exchangeError(err)
	}
	raw, _ := token.Extra("id_token").(string)
	told, err := p.Verifier(&oidc.Config{ClientID: w.oidc.ClientID, Now: g.now}).Verify(ctx, raw)
	if err != nil {
		return identity{}, err
	}
	if subtle.ConstantTimeCompare([]byte(told.Nonce), []byte(d.Nonce)) != 1 {
		return identity{}, errors.New("its token has another nonce")
	}
	claims := map[string]any{}
	if err := told.Claims(&claims); err != nil {
		return identity{}, err
	}
	if _, there := claims[w.oidc.GroupsClaim]; !there && p.UserInfoEndpoint() != "" {
		if err := more(ctx, p, token, told.Subject, claims); err != nil {
			return identity{}, err
		}
	}
	return w.identify(claims, told.Subject)
}

// exchangeError is an error of the exchange without what the issuer answered, which may be anything.
func exchangeError(err error) error {
	if r, is := errors.AsType[*oauth2.RetrieveError](err); is && r.Response != nil {
		return fmt.Errorf("the exchange of the code: %s %s", r.Response.Status, printable(r.ErrorCode))
	}
	return err
}

// more adds the claims that are not in the token.
func more(ctx context.Context, p *oidc.Provider, token *oauth2.Token, subject string, claims map[string]any) error {
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return err
	}
	if info.Subject != subject {
		return errors.New("its user info is of somebody else")
	}
	told := map[string]any{}
	if err := info.Claims(&told); err != nil {
		return err
	}
	for name, value := range told {
		if _, there := claims[name]; !there {
			claims[name] = value
		}
	}
	return nil
}

// identify is who claims are of. An address that the issuer did not verify makes nobody a member.
func (w *ways) identify(claims map[string]any, subject string) (identity, error) {
	name := func(claim string) string { text, _ := claims[claim].(string); return printable(text) }
	var groups []string
	switch told := claims[w.oidc.GroupsClaim].(type) {
	case string:
		groups = []string{told}
	case []any:
		for _, one := range told {
			if text, is := one.(string); is {
				groups = append(groups, text)
			}
		}
	}
	if w.oidc.GroupsClaim == "email" && claims["email_verified"] != true {
		return identity{}, errors.New("it has not verified the address")
	}
	id := identity{
		name:   cmp.Or(name("preferred_username"), name("email"), name("name"), printable(subject)),
		groups: w.known(foreign(groups)),
	}
	id.session = session{By: byOIDC, Name: id.name, Groups: id.groups, Mark: w.oidc.mark()}
	return id, nil
}
