package page

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"golang.org/x/crypto/bcrypt"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
	"github.com/workspace-providers/reconcile/status/signin"
	"github.com/workspace-providers/reconcile/status/signin/signintest"
)

// door is a gate in front of the pages of a browser.
type door struct {
	*browser
	gate   *signin.Gate
	issuer *signintest.Issuer
	token  string
}

// guardedBrowser is a browser that has to sign in: by the token, as carl with the password "secret", who is of blue, or
// by an issuer.
func guardedBrowser(t *testing.T, w *world) *door {
	t.Helper()
	d := &door{token: strings.Repeat("token", 8), issuer: signintest.New(t)}
	files := fstest.MapFS{}
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	d.browser = browse(t, w, func(url string, pages http.Handler) http.Handler {
		files["page/token"] = &fstest.MapFile{Data: []byte(d.token)}
		files["page/users"] = &fstest.MapFile{Data: []byte("carl:" + string(hash))}
		files["page/oidc-secret"] = &fstest.MapFile{Data: []byte(d.issuer.Secret)}
		files["page/signin.yaml"] = &fstest.MapFile{Data: fmt.Appendf(nil, `
roles: {all: {groups: [token], organizations: ["*"]}, blue: {groups: ["user:carl", team-blue], organizations: [blue]}}
oidc: {issuer: %q, clientID: %q, redirectURL: "%s/signin/callback", name: the issuer}`, d.issuer.URL, signintest.ClientID, url)}
		if d.gate, err = signin.New(signin.Options{
			Credentials: files, Form: SignIn, Log: slog.New(slog.DiscardHandler),
			HTTP: func() (*http.Client, error) { return http.DefaultClient, nil },
		}); err != nil {
			t.Fatal(err)
		}
		w.web.Front.Routes = append(w.web.Front.Routes, d.gate.Routes()...)
		return d.gate.Handler(w.web.Handler())
	})
	return d
}

// signOut does, and wants to be where people sign in.
func (d *door) signOut() {
	d.Helper()
	d.run(chromedp.Click(".who button", chromedp.ByQuery), chromedp.WaitVisible(".entry h1", chromedp.ByQuery))
	if got := js[string](d.browser, `location.pathname`); got != "/signin" {
		d.Errorf("signed out, it is at %s", got)
	}
}

// TestSignInByToken: somebody is asked who he is, sees what he wanted to see, and nothing any more once he signed out.
func TestSignInByToken(t *testing.T) {
	d := guardedBrowser(t, colourful())
	d.run(chromedp.Navigate(d.base+"/providers/munich"), chromedp.WaitVisible("input[name=token]", chromedp.ByQuery))
	d.run(chromedp.SendKeys("input[name=token]", "wrong\r", chromedp.ByQuery), chromedp.WaitVisible("[role=alert]", chromedp.ByQuery))
	d.run(chromedp.SendKeys("input[name=token]", d.token+"\r", chromedp.ByQuery), chromedp.WaitReady(".pulse.on", chromedp.ByQuery))
	if got := js[string](d.browser, `location.pathname + " " + document.querySelector(".who span").textContent`); got != "/providers/munich signed in as token" {
		t.Errorf("it is at %s", got)
	}
	d.open("/")
	if got := js[string](d.browser, shown); got != "austin boston built-in frankfurt lisbon munich paris sydney" {
		t.Errorf("there are %s", got)
	}
	if got := js[string](d.browser, `document.cookie`); got != "" {
		t.Errorf("scripts see %s", got)
	}
	d.signOut()
	d.run(chromedp.Navigate(d.base+"/clusters"), chromedp.WaitVisible(".entry h1", chromedp.ByQuery))
	d.expect("401") // of the wrong token
}

// TestSignInByIssuer: a member comes by an OIDC issuer, and sees what is of his organization, live too.
func TestSignInByIssuer(t *testing.T) {
	w := colourful()
	d := guardedBrowser(t, w)
	d.abroad = d.issuer.URL
	d.issuer.Set(signintest.Claims{Token: map[string]any{"groups": []string{"team-blue"}, "preferred_username": "bob"}})
	d.run(chromedp.Navigate(d.base+"/?sort=status"), chromedp.WaitVisible("a.button", chromedp.ByQuery))
	d.run(chromedp.Click("a.button", chromedp.ByQuery), chromedp.WaitReady(".pulse.on", chromedp.ByQuery))
	if got := js[string](d.browser, `location.pathname + location.search`); got != "/?sort=status" {
		t.Errorf("it is at %s", got)
	}
	const theirs = "munich sydney built-in frankfurt paris"
	if got := js[string](d.browser, shown); got != theirs {
		t.Errorf("there are %s", got)
	}
	w.put(w.Want.Items[4], func(o *reconcile.Observed) { o.Health = reconcile.Unhealthy })                              // boston, of others
	w.put(w.Want.Items[0], func(o *reconcile.Observed) { o.Health, o.Message = reconcile.Unhealthy, "broken of late" }) // frankfurt
	w.report()
	d.within(2*time.Second, "what is theirs changes", `document.querySelector("#p-frankfurt").textContent.includes("broken of late")`)
	if js[bool](d.browser, `!!document.querySelector("#p-boston")`) {
		t.Error("what is of others came")
	}
	d.run(chromedp.Click("#p-munich .toggle", chromedp.ByQuery), chromedp.WaitVisible("#d-munich .card", chromedp.ByQuery))
	if got := js[string](d.browser, `document.body.innerHTML`); others.MatchString(got) {
		t.Errorf("it names %s", others.FindString(got))
	}
	d.run(chromedp.Navigate(d.base+"/clusters"), chromedp.WaitVisible("h1", chromedp.ByQuery))
	if got := js[string](d.browser, `document.querySelector("h1").innerText`); got != "This is not for you" {
		t.Errorf("the clusters: %s", got)
	}
	d.open("/")
	d.signOut()
	d.expect("403")
}

// TestSignInWithoutJavaScript, by name and password.
func TestSignInWithoutJavaScript(t *testing.T) {
	d := guardedBrowser(t, colourful())
	d.run(emulation.SetScriptExecutionDisabled(true), chromedp.Navigate(d.base+"/organizations"))
	d.run(chromedp.SendKeys("input[name=name]", "carl", chromedp.ByQuery), chromedp.SendKeys("input[name=password]", "secret\r", chromedp.ByQuery),
		chromedp.WaitVisible(".plain", chromedp.ByQuery))
	if got := js[string](d.browser, `document.querySelector(".plain tbody").innerText`); !strings.HasPrefix(got, "blue") {
		t.Errorf("there is %s", got)
	}
	d.run(chromedp.Click(".who button", chromedp.ByQuery), chromedp.WaitVisible("input[name=name]", chromedp.ByQuery))
}

// TestAPageWhoseSessionEnds leads to where people sign in, by itself.
func TestAPageWhoseSessionEnds(t *testing.T) {
	d := guardedBrowser(t, colourful())
	d.run(chromedp.Navigate(d.base+"/"), chromedp.WaitVisible("input[name=token]", chromedp.ByQuery))
	d.run(chromedp.SendKeys("input[name=token]", d.token+"\r", chromedp.ByQuery), chromedp.WaitReady(".pulse.on", chromedp.ByQuery))
	// In another window he signs out.
	js[bool](d.browser, `fetch("/signout", {method: "POST"}), true`)
	d.within(15*time.Second, "the page leads to where people sign in", `location.pathname === "/signin" && !!document.querySelector("input[name=token]")`)
	d.expect("401", "ERR_") // of the connection that is not kept any more
}

// TestEverybodyCanSignIn has axe-core look at the page where people sign in, light and dark, wide and narrow.
func TestEverybodyCanSignIn(t *testing.T) {
	axe, err := os.ReadFile("../../bin/npm/node_modules/axe-core/axe.min.js")
	kubetest.Need(t, "axe-core", err == nil, "browser")
	d := guardedBrowser(t, colourful())
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1440, 390} {
			d.scheme(scheme)
			d.run(chromedp.EmulateViewport(width, 900), chromedp.Navigate(d.base+"/"), chromedp.WaitVisible("input[name=token]", chromedp.ByQuery))
			d.run(chromedp.SendKeys("input[name=token]", "wrong\r", chromedp.ByQuery), chromedp.WaitVisible("[role=alert]", chromedp.ByQuery))
			d.shoot(fmt.Sprintf("signin-%s-%d", scheme, width))
			d.readable(string(axe), fmt.Sprintf("signin, %s, %d", scheme, width), width)
		}
	}
	d.run(chromedp.EmulateViewport(1440, 900), chromedp.SendKeys("input[name=token]", d.token+"\r", chromedp.ByQuery), chromedp.WaitReady(".pulse.on", chromedp.ByQuery))
	d.readable(string(axe), "signed in", 1440)
	d.expect("401")
}

// TestMembersCanReadIt has axe-core look at what a member sees, and at what he reads where he may not look.
func TestMembersCanReadIt(t *testing.T) {
	axe, err := os.ReadFile("../../bin/npm/node_modules/axe-core/axe.min.js")
	kubetest.Need(t, "axe-core", err == nil, "browser")
	d := guardedBrowser(t, eventful())
	d.run(chromedp.Navigate(d.base+"/"), chromedp.WaitVisible("input[name=name]", chromedp.ByQuery))
	d.run(chromedp.SendKeys("input[name=name]", "carl", chromedp.ByQuery), chromedp.SendKeys("input[name=password]", "secret\r", chromedp.ByQuery),
		chromedp.WaitReady(".pulse.on", chromedp.ByQuery))
	d.look(string(axe), "member", "/?open=frankfurt", ".pulse.on")
	d.look(string(axe), "denied", "/clusters", "main h1")
	d.expect("403") // where he may not look
}
