package signin

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSessions begin by the form, and end by signing out, with time, and with what they were begun with.
func TestSessions(t *testing.T) {
	token := newToken()
	r := newRig(t, everyWay(t, token))
	b := r.browser()
	if code, body := b.get("/"); code != http.StatusOK || !strings.Contains(body, `"To":"/"`) || !strings.Contains(body, `"Token":true,"Password":true,"OIDC":""`) {
		t.Fatalf("a stranger: %d %s", code, body)
	}
	if code, body := b.post("/signin", "token", "wrong", "to", "/open"); code != http.StatusUnauthorized || !strings.Contains(body, "That is wrong") || !strings.Contains(body, `"/open"`) {
		t.Errorf("a wrong token: %d %s", code, body)
	}
	if code, body := b.post("/signin", "name", "bob", "password", "wrong"); code != http.StatusUnauthorized || !strings.Contains(body, "That is wrong") {
		t.Errorf("a wrong password: %d %s", code, body)
	}
	is := func(what, want string) {
		t.Helper()
		if _, got := b.get("/open"); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	enter := func(want string, form ...string) {
		t.Helper()
		if code, body := b.post("/signin", append(form, "to", "/open")...); code != http.StatusOK || body != want {
			t.Fatalf("%d %s, want %s", code, body, want)
		}
	}
	enter("bob sees red", "name", "bob", "password", "builder")
	is("later", "bob sees red")
	stolen := b.cookies()[0]
	if code, body := b.post("/signout"); code != http.StatusOK || !strings.Contains(body, `"To":"/"`) || len(b.cookies()) > 0 {
		t.Errorf("signing out: %d %s %v", code, body, b.cookies())
	}
	if _, got := r.ask("/open", "Cookie", stolen.String()); got != "a stranger" {
		t.Errorf("the cookie counts after signing out: %s", got)
	}
	enter("bob sees red", "name", "bob", "password", "builder")
	r.pass(sessionLife - time.Minute)
	is("shortly before the end", "bob sees red")
	r.pass(time.Minute)
	is("at the end", "a stranger")

	enter("bob sees red", "name", "bob", "password", "builder")
	r.put("users", line(t, "bob", "builder", 4)) // the same password, and another line
	r.gate.Reload()
	is("with another line", "a stranger")
	enter("token sees blue", "token", token)
	r.put("token", newToken()+"\n"+token)
	r.gate.Reload()
	is("with one more token", "token sees blue")
	r.put("signin.yaml", strings.Replace(string(r.files["page/signin.yaml"].Data), "[blue]", "[green]", 1))
	r.gate.Reload()
	is("with another role", "token sees green")
	r.put("token", newToken())
	r.gate.Reload()
	is("without the token", "a stranger")
}

// TestSigningOutEndsWhatIsOfTheSession, and of no other, of the same user neither.
func TestSigningOutEndsWhatIsOfTheSession(t *testing.T) {
	r := newRig(t, everyWay(t, newToken()))
	begun := make(chan context.Context)
	handler := r.gate.Handler(http.HandlerFunc(func(_ http.ResponseWriter, in *http.Request) {
		begun <- in.Context()
		<-in.Context().Done()
	}))
	var all sync.WaitGroup
	stay := func(b *browser) context.Context {
		in := httptest.NewRequest(http.MethodGet, "/live", nil)
		for _, c := range b.cookies() {
			in.AddCookie(c)
		}
		all.Go(func() { handler.ServeHTTP(httptest.NewRecorder(), in) })
		return <-begun
	}
	enter := func() *browser {
		b := r.browser()
		b.post("/signin", "name", "bob", "password", "builder")
		return b
	}
	leaver, other := enter(), enter()
	mine, mineToo, others := stay(leaver), stay(leaver), stay(other)
	turn := r.gate.turn.now()
	leaver.post("/signout")
	for _, ctx := range []context.Context{mine, mineToo} {
		select {
		case <-ctx.Done():
		case <-time.After(2 * time.Minute):
			t.Fatal("it goes on")
		}
	}
	if others.Err() != nil || turn.Err() != nil {
		t.Error("another session's ended, too")
	}
	other.post("/signout")
	all.Wait()
	if n := len(r.gate.stays.all); n > 0 {
		t.Errorf("%d sessions are kept", n)
	}
}

// TestSessionsOfSeveralReplicas count with the same key, and with no other.
func TestSessionsOfSeveralReplicas(t *testing.T) {
	files := everyWay(t, newToken())
	key := newToken()
	of := func(key string) *rig {
		files["session-key"] = key
		return newRig(t, files)
	}
	b := of(key).browser()
	b.post("/signin", "name", "ada", "password", "lovelace")
	cookie := b.cookies()[0].String()
	for _, test := range []struct{ key, want string }{{key, "ada sees everything"}, {newToken(), "a stranger"}, {"", "a stranger"}} {
		if _, got := of(test.key).ask("/open", "Cookie", cookie); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
}

// TestCookies cannot be read, made, changed, or taken for another.
func TestCookies(t *testing.T) {
	r := newRig(t, everyWay(t, newToken()))
	key := r.gate.ways.Load().key
	s := session{ID: "1", By: byUser, Name: "ada", Mark: r.gate.ways.Load().users.mark("ada"), Until: r.clock().Add(time.Hour).Unix()}
	text, err := seal(key, cookieSession, s)
	if err != nil || strings.Contains(text, "ada") {
		t.Fatalf("%v %s", err, text)
	}
	other, err := seal(key, cookieOIDC, s)
	if err != nil {
		t.Fatal(err)
	}
	long, err := seal(key, cookieSession, session{Groups: []string{strings.Repeat("x", maxCookie)}})
	if err == nil {
		t.Errorf("a cookie of %d bytes is made", len(long))
	}
	changed := []byte(text)
	changed[len(changed)/2] ^= 1
	for value, want := range map[string]string{text: "ada sees everything", other: "a stranger", string(changed): "a stranger", text[:20]: "a stranger", "": "a stranger"} {
		if _, got := r.ask("/open", "Cookie", cookieSession+"="+value); got != want {
			t.Errorf("%.20s: %s, want %s", value, got, want)
		}
	}
	for _, test := range []struct {
		name      string
		encrypted bool
		from      string
		forwarded string
		elsewhere bool
		secure    bool
	}{
		{"in plain", false, "192.0.2.1:1", "", false, false}, {"over TLS", true, "192.0.2.1:1", "", false, true},
		{"TLS ends elsewhere", false, "192.0.2.1:1", "", true, true}, {"the proxy says so", false, "10.1.0.1:1", "https", false, true},
		{"somebody says so", false, "192.0.2.1:1", "https", false, false},
	} {
		in := httptest.NewRequest(http.MethodPost, "/signin", strings.NewReader(url.Values{"name": {"ada"}, "password": {"lovelace"}}.Encode()))
		in.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		in.RemoteAddr, r.gate.TLSElsewhere = test.from, test.elsewhere
		if test.forwarded != "" {
			in.Header.Set("X-Forwarded-Proto", test.forwarded)
		}
		if test.encrypted {
			in.TLS = &tls.ConnectionState{}
		}
		out := httptest.NewRecorder()
		r.ServeHTTP(out, in)
		name := map[bool]string{false: "reconcile", true: "__Host-reconcile"}[test.secure]
		c := out.Result().Cookies()
		if len(c) != 1 || c[0].Name != name || c[0].Secure != test.secure || !c[0].HttpOnly || c[0].SameSite != http.SameSiteLaxMode ||
			c[0].Path != "/" || c[0].Domain != "" || c[0].MaxAge != int(sessionLife.Seconds()) {
			t.Errorf("%s: %+v", test.name, c)
		}
	}
}

// TestOtherSitesCannotSendForms in the name of who looks at them.
func TestOtherSitesCannotSendForms(t *testing.T) {
	r := newRig(t, everyWay(t, newToken()))
	for _, path := range []string{"/signin", "/signout"} {
		for _, header := range [][2]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example.com"}} {
			in := httptest.NewRequest(http.MethodPost, path, strings.NewReader("name=ada&password=lovelace"))
			in.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			in.Header.Set(header[0], header[1])
			out := httptest.NewRecorder()
			r.ServeHTTP(out, in)
			if out.Code != http.StatusForbidden || len(out.Result().Cookies()) > 0 {
				t.Errorf("%s %q: %d", path, header, out.Code)
			}
		}
	}
	in := httptest.NewRequest(http.MethodPost, "/signin", strings.NewReader("token="+strings.Repeat("x", 2*maxForm)))
	in.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	out := httptest.NewRecorder()
	r.ServeHTTP(out, in)
	if out.Code != http.StatusBadRequest {
		t.Errorf("a form that is too large: %d", out.Code)
	}
}

func TestWhereToGoAfterwards(t *testing.T) {
	for to, want := range map[string]string{
		"/": "/", "/providers/frankfurt?open=1": "/providers/frankfurt?open=1", "": "/", "https://evil.example.com/": "/", "//evil.example.com": "/",
		"/\\evil.example.com": "/", "javascript:alert(1)": "/", "providers": "/", "/signin?to=/": "/", "/signin/oidc": "/", "/%2f/evil.example.com": "/",
		"/\nx": "/", "/signins": "/signins",
	} {
		if got := local(to); got != want {
			t.Errorf("%q: %q, want %q", to, got, want)
		}
	}
}
