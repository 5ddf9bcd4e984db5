package signin

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/workspace-providers/reconcile/status/signin/signintest"
)

type claims = map[string]any

// withIssuer is a rig with an issuer, and a browser.
func withIssuer(t *testing.T, more string) (*rig, *signintest.Issuer, *browser) {
	t.Helper()
	i := signintest.New(t)
	r := newRig(t, map[string]string{"token": newToken()})
	b := r.browser()
	r.put("oidc-secret", i.Secret+"\n")
	r.put("signin.yaml", fmt.Sprintf(`
roles:
  all: {groups: [staff], organizations: ["*"]}
  red: {groups: [team-red, ada@example.com], organizations: [red]}
oidc: {issuer: %q, clientID: %q, redirectURL: %q%s}
`, i.URL, signintest.ClientID, b.url+callbackPath, more))
	r.gate.Reload()
	if log := r.log.String(); strings.Contains(log, "stays as it was") {
		t.Fatal(log)
	}
	return r, i, b
}

func TestWhomAnIssuerLetsIn(t *testing.T) {
	for name, test := range map[string]struct {
		more        string
		token, info claims
		want, logs  string
	}{
		"by groups":                   {"", claims{"groups": []string{"team-red", "others"}, "preferred_username": "ada"}, nil, "ada sees red", ""},
		"by one group":                {"", claims{"groups": "staff", "email": "ada@example.com"}, nil, "ada@example.com sees everything", ""},
		"by user info":                {"", nil, claims{"groups": []string{"staff"}, "name": "Ada"}, "Ada sees everything", ""},
		"by another claim":            {", groupsClaim: teams", claims{"teams": []string{"team-red"}, "groups": []string{"staff"}}, nil, "1 sees red", ""},
		"by address":                  {", groupsClaim: email", claims{"email": "ada@example.com", "email_verified": true}, nil, "ada@example.com sees red", ""},
		"by an address of anybody":    {", groupsClaim: email", claims{"email": "ada@example.com"}, nil, "", "it has not verified the address"},
		"without a role":              {"", claims{"groups": []string{"others"}, "name": "Eve"}, nil, "Eve sees ", ""},
		"with a group of ours":        {"", claims{"groups": []string{"token", "user:ada"}, "name": "Eve"}, nil, "Eve sees ", ""},
		"with another nonce":          {"", claims{"groups": "staff", "nonce": "another"}, nil, "", "another nonce"},
		"for another client":          {"", claims{"groups": "staff", "aud": "another"}, nil, "", "expected audience"},
		"of another issuer":           {"", claims{"groups": "staff", "iss": "https://evil.example.com"}, nil, "", "different provider"},
		"too late":                    {"", claims{"groups": "staff", "exp": 1}, nil, "", "expired"},
		"with somebody else's claims": {"", nil, claims{"groups": "staff", "sub": "2"}, "", "of somebody else"},
	} {
		t.Run(name, func(t *testing.T) {
			r, i, b := withIssuer(t, test.more)
			i.Set(signintest.Claims{Token: test.token, Info: test.info})
			code, body := b.get("/signin/oidc?to=/open")
			switch {
			case test.want != "" && (code != http.StatusOK || body != test.want):
				t.Errorf("%d %s, want %s\n%s", code, body, test.want, r.log)
			case test.want == "" && (code != http.StatusBadGateway || !strings.Contains(body, "The issuer does not say who you are") || !strings.Contains(r.log.String(), test.logs)):
				t.Errorf("%d %s, want %s\n%s", code, body, test.logs, r.log)
			}
			if strings.Contains(r.log.String(), i.Secret) {
				t.Errorf("it logs the secret:\n%s", r.log)
			}
		})
	}
}

// TestAWayThatWasNotBegunHere leads nowhere: with another state, without the cookie, a second time, too late.
func TestAWayThatWasNotBegunHere(t *testing.T) {
	r, i, b := withIssuer(t, "")
	i.Set(signintest.Claims{Token: claims{"groups": "staff", "name": "Ada"}})
	lost := func(what, path string) {
		t.Helper()
		if code, body := b.get(path); code != http.StatusBadRequest || !strings.Contains(body, "was not begun here") {
			t.Errorf("%s: %d %s", what, code, body)
		}
		if _, body := b.get("/open"); body != "a stranger" {
			t.Errorf("%s: %s", what, body)
		}
	}
	// begin goes to the issuer, and stops where it leads back to.
	begin := func() string {
		t.Helper()
		at := ""
		b.CheckRedirect = func(in *http.Request, _ []*http.Request) error {
			if in.URL.Path == callbackPath {
				at = in.URL.RequestURI()
				return http.ErrUseLastResponse
			}
			return nil
		}
		b.get("/signin/oidc")
		b.CheckRedirect = nil
		return at
	}
	lost("out of nowhere", callbackPath+"?code=1&state=2")
	at := begin()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("state", "another")
	lost("with another state", callbackPath+"?"+q.Encode())
	lost("once more, without the cookie, which the try before took away", at)
	at = begin()
	r.pass(detourLife)
	lost("too late", at)
	at = begin()
	if _, body := b.get(at); body != "Ada sees everything" {
		t.Errorf("it leads nowhere: %s\n%s", body, r.log)
	}
	b.post("/signout")
	lost("a second time", at)
}

// TestSessionsOfAnIssuer end when it refuses, is another, or is gone; what a role is for counts at once.
func TestSessionsOfAnIssuer(t *testing.T) {
	r, i, b := withIssuer(t, "")
	i.Set(signintest.Claims{Error: "access_denied"})
	if code, body := b.get("/signin/oidc"); code != http.StatusForbidden || !strings.Contains(body, "The issuer refused: access_denied") {
		t.Errorf("%d %s", code, body)
	}
	i.Set(signintest.Claims{Token: claims{"groups": []string{"team-red"}, "name": "Ada"}})
	is := func(what, want string) {
		t.Helper()
		if _, got := b.get("/open"); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	b.get("/signin/oidc")
	is("signed in", "Ada sees red")
	text := string(r.files["page/signin.yaml"].Data)
	r.put("signin.yaml", strings.Replace(text, "[red]", "[blue]", 1))
	r.gate.Reload()
	is("with another role", "Ada sees blue")
	r.put("signin.yaml", strings.Replace(text, `"reconcile"`, `"another"`, 1))
	r.gate.Reload()
	is("of another client", "a stranger")
	r.put("signin.yaml", "")
	r.gate.Reload()
	is("without the issuer", "a stranger")
	if code, body := b.get("/signin/oidc"); code != http.StatusOK || !strings.Contains(body, `"OIDC":""`) {
		t.Errorf("there is no issuer: %d %s", code, body)
	}
}

// TestAnIssuerThatIsDown is told, and what else lets people in goes on.
func TestAnIssuerThatIsDown(t *testing.T) {
	r := newRig(t, map[string]string{"users": line(t, "ada", "lovelace", 4), "signin.yaml": roles +
		"\noidc: {issuer: http://127.0.0.1:1, clientID: a, redirectURL: http://127.0.0.1:2/signin/callback, name: our own}"})
	code, body := r.ask("/signin/oidc")
	if code != http.StatusBadGateway || !strings.Contains(body, "The issuer does not say who you are") || !strings.Contains(body, `"OIDC":"our own"`) {
		t.Errorf("%d %s", code, body)
	}
	for range failures {
		code, _ = r.ask("/signin/oidc")
	}
	if code != http.StatusTooManyRequests {
		t.Errorf("it is asked again and again: %d", code)
	}
	if code, _ := r.ask("/open", "Authorization", basicAuth("ada", "lovelace")); code != http.StatusOK {
		t.Errorf("a password: %d", code)
	}
	if code, _ := r.ask("/signin"); code != http.StatusOK {
		t.Errorf("the form: %d", code)
	}
	if !strings.Contains(r.log.String(), "the OIDC issuer cannot be asked") {
		t.Errorf("the log does not tell:\n%s", r.log)
	}
}
