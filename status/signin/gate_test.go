package signin

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// everyWay is a configuration with all ways to sign in but an issuer, and roles.
func everyWay(t *testing.T, token string) map[string]string {
	return map[string]string{
		"token": token, "users": line(t, "ada", "lovelace", 4) + line(t, "bob", "builder", 5),
		"signin.yaml": `
roles:
  managers: {groups: ["user:ada", staff], organizations: ["*"]}
  red:      {groups: ["user:bob", team-red], organizations: [red]}
  blue:     {groups: [team-blue, token], organizations: [blue]}
proxy: {userHeader: X-User, groupsHeader: X-Groups, networks: [10.1.0.0/16, "fd00::/64"]}
`,
	}
}

func basicAuth(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

func TestWhoIsWho(t *testing.T) {
	token := newToken()
	r := newRig(t, everyWay(t, token))
	const proxy, elsewhere = "10.1.2.3:5555", "192.0.2.7:5555"
	for _, test := range []struct {
		headers []string
		want    string
	}{
		{nil, "a stranger"},
		{[]string{"Authorization", "Bearer " + token}, "token sees blue"},
		{[]string{"Authorization", "bearer  " + token}, "token sees blue"},
		{[]string{"Authorization", "Bearer " + token + "x"}, "not signed in: that is wrong"},
		{[]string{"Authorization", "Bearer "}, "not signed in: that is wrong"},
		{[]string{"Authorization", basicAuth("ada", "lovelace")}, "ada sees everything"},
		{[]string{"Authorization", basicAuth("bob", "builder")}, "bob sees red"},
		{[]string{"Authorization", basicAuth("bob", "lovelace")}, "not signed in: that is wrong"},
		{[]string{"Authorization", basicAuth("eve", "")}, "not signed in: that is wrong"},
		{[]string{"Authorization", "Digest nonsense"}, "not signed in: Authorization has to be Bearer or Basic"},
		{[]string{"Cookie", "reconcile=nonsense"}, "a stranger"},
		{[]string{"From", proxy, "X-User", "carl", "X-Groups", "team-red, team-blue"}, "carl sees blue, red"},
		{[]string{"From", proxy, "X-User", "carl", "X-Groups", "staff"}, "carl sees everything"},
		{[]string{"From", proxy, "X-User", "carl"}, "carl sees "},
		{[]string{"From", "[fd00::1]:5555", "X-User", "carl", "X-Groups", "staff"}, "carl sees everything"},
		{[]string{"From", "[::ffff:10.1.2.3]:5555", "X-User", "carl", "X-Groups", "staff"}, "carl sees everything"},
		{[]string{"From", elsewhere, "X-User", "carl", "X-Groups", "staff"}, "a stranger"},
		{[]string{"From", elsewhere, "X-User", "carl", "X-Groups", "staff", "X-Forwarded-For", "10.1.2.3"}, "a stranger"},
		{[]string{"From", "10.2.0.1:1", "X-User", "carl", "X-Groups", "staff"}, "a stranger"},
		{[]string{"From", "nonsense", "X-User", "carl", "X-Groups", "staff"}, "a stranger"},
		{[]string{"From", proxy, "X-Groups", "staff"}, "a stranger"},
		{[]string{"From", proxy, "X-User", " ", "X-Groups", "staff"}, "a stranger"},
		{[]string{"From", proxy, "X-User", "eve", "X-User", "carl", "X-Groups", "staff"}, "a stranger"}, // one of them is forged
		{[]string{"From", proxy, "X-User", "carl", "X-Groups", "staff", "X-Groups", "team-red"}, "a stranger"},
		{[]string{"From", proxy, "X-User", "eve", "X-Groups", "user:ada,token"}, "eve sees "}, // groups that only we tell
		{[]string{"From", proxy, "X-User", "ca\x1brl", "X-Groups", "team-red"}, "carl sees red"},
		{[]string{"From", proxy, "Authorization", "Bearer " + token}, "token sees blue"}, // a program behind the proxy
	} {
		if _, got := r.ask("/open", test.headers...); !strings.HasPrefix(got, test.want) {
			t.Errorf("%q: %s, want %s", test.headers, got, test.want)
		}
	}
	for _, secret := range []string{token, "lovelace", "builder"} {
		if strings.Contains(r.log.String(), secret) {
			t.Errorf("it logs %s", secret)
		}
	}
}

// TestProxiesAreToldFromTheirNeighbours: one with a secret by that, wherever in its networks it is; without, the log says
// who could say to be anybody.
func TestProxiesAreToldFromTheirNeighbours(t *testing.T) {
	secret := newToken()
	proxied := func(more string) map[string]string {
		return map[string]string{"signin.yaml": roles + "\nproxy: {userHeader: X-User, groupsHeader: X-Groups, " + more + "}"}
	}
	files := proxied("networks: [10.0.0.0/8], secretHeader: X-Secret")
	files["proxy-secret"] = secret + "\n"
	r := newRig(t, files)
	for _, test := range []struct {
		from   string
		secret []string
		want   string
	}{
		{"10.1.2.3:5555", []string{secret}, "carl sees everything"}, {"192.0.2.1:5555", []string{secret}, "a stranger"},
		{"10.1.2.3:5555", nil, "a stranger"}, {"10.1.2.3:5555", []string{""}, "a stranger"}, {"10.1.2.3:5555", []string{newToken()}, "a stranger"},
		{"10.1.2.3:5555", []string{secret, newToken()}, "a stranger"}, // one of them is forged
	} {
		headers := []string{"From", test.from, "X-User", "carl", "X-Groups", "staff", "X-Forwarded-For", "192.0.2.9"}
		for _, s := range test.secret {
			headers = append(headers, "X-Secret", s)
		}
		if _, got := r.ask("/open", headers...); got != test.want {
			t.Errorf("%s, %d secrets: %s, want %s", test.from, len(test.secret), got, test.want)
		}
	}
	for range failures + 1 { // its neighbour cannot say whom they are counted for
		r.ask("/open", "From", "10.9.9.9:1", "X-Forwarded-For", "192.0.2.9", "X-Secret", "wrong", "Authorization", "Bearer wrong")
	}
	if _, wait := r.gate.limit.take(netip.MustParseAddr("192.0.2.9"), r.clock()); wait > 0 {
		t.Error("a neighbour of the proxy is believed of whom a request is")
	}
	const warning = "can say to be anybody"
	if strings.Contains(r.log.String(), warning) || strings.Contains(r.log.String(), secret) {
		t.Errorf("with a secret, the log says %s", r.log)
	}
	for networks, warns := range map[string]bool{"10.0.0.0/16": true, "10.1.2.0/24": false, "10.1.2.3/32": false, "fd00::/48": true, "fd00::/64": false} {
		if r := newRig(t, proxied(fmt.Sprintf("networks: [%q]", networks))); strings.Contains(r.log.String(), warning) != warns {
			t.Errorf("%s: the log says %s", networks, r.log)
		}
	}
	files = proxied("networks: [10.0.0.0/8]")
	files["proxy-secret"] = secret
	r = newRig(t, nil)
	for name, text := range files {
		r.put(name, text)
	}
	if r.gate.Reload(); !strings.Contains(r.log.String(), "proxy.secretHeader: it is missing") {
		t.Errorf("with a secret that no header has, the log says %s", r.log)
	}
}

// TestWithoutRolesOurFilesLetIn, and they alone.
func TestWithoutRolesOurFilesLetIn(t *testing.T) {
	token := newToken()
	r := newRig(t, map[string]string{"token": token, "users": line(t, "ada", "lovelace", 4)})
	for _, claim := range []string{"Bearer " + token, basicAuth("ada", "lovelace")} {
		if _, got := r.ask("/", "Authorization", claim); !strings.HasSuffix(got, " sees everything") {
			t.Errorf("%s", got)
		}
	}
	if code, _ := r.ask("/"); code != http.StatusUnauthorized {
		t.Errorf("a stranger: %d", code)
	}
	out := httptest.NewRecorder()
	in := httptest.NewRequest(http.MethodGet, "/?a=b", nil)
	in.Header.Set("Accept", "text/html")
	r.ServeHTTP(out, in)
	if to := out.Header().Get("Location"); out.Code != http.StatusSeeOther || to != "/signin?to=%2F%3Fa%3Db" {
		t.Errorf("a browser: %d to %s", out.Code, to)
	}
}

// TestFailuresAreFew: an address has a few, then none for a while, whatever it claims to be; others do not suffer, nor
// does who has a token.
func TestFailuresAreFew(t *testing.T) {
	token := newToken()
	r := newRig(t, everyWay(t, token))
	from := func(at, claim string) int {
		code, _ := r.ask("/open", "From", at, "Authorization", claim)
		return code
	}
	for range failures {
		if code := from("192.0.2.1:1000", basicAuth("ada", "wrong")); code != http.StatusUnauthorized {
			t.Fatalf("got %d", code)
		}
	}
	for at, want := range map[string]int{"192.0.2.1:2000": http.StatusTooManyRequests, "192.0.2.2:1000": http.StatusOK} {
		if code := from(at, basicAuth("ada", "lovelace")); code != want {
			t.Errorf("the right password from %s: %d, want %d", at, code, want)
		}
	}
	if code := from("192.0.2.1:1000", "Bearer wrong"); code != http.StatusTooManyRequests {
		t.Errorf("a wrong token: %d", code)
	}
	if code := from("192.0.2.1:1000", "Bearer "+token); code != http.StatusOK {
		t.Errorf("the right token: %d", code)
	}
	r.pass(failureGap + time.Second)
	if code := from("192.0.2.1:1000", basicAuth("ada", "lovelace")); code != http.StatusOK {
		t.Errorf("after a while: %d", code)
	}
	for i := range failures + 1 { // one neighbourhood of IPv6
		from(fmt.Sprintf("[2001:db8::%d]:1", i), "Bearer wrong")
	}
	if code := from("[2001:db8::ffff]:1", "Bearer wrong"); code != http.StatusTooManyRequests {
		t.Errorf("a neighbour: %d", code)
	}
	for i := range failures + 1 { // whom the proxy says
		r.ask("/open", "From", "10.1.2.3:1", "X-Forwarded-For", fmt.Sprintf("10.9.9.%d, 192.0.2.50, 10.1.9.9", i), "Authorization", "Bearer wrong")
	}
	for hops, want := range map[string]int{"192.0.2.50": http.StatusTooManyRequests, "192.0.2.51": http.StatusUnauthorized} {
		if code, _ := r.ask("/open", "From", "10.1.2.3:1", "X-Forwarded-For", hops, "Authorization", "Bearer wrong"); code != want {
			t.Errorf("behind the proxy, from %s: %d", hops, code)
		}
	}
	for i := range 2 * maxTracked {
		from(fmt.Sprintf("[2001:db8:%x::]:1", i), "Bearer wrong")
	}
	if n := r.gate.limit.by.Len(); n > maxTracked {
		t.Errorf("%d addresses are remembered", n)
	}
}

// TestRightPasswordsAreKnownForAWhile: they take no place where passwords are looked at, until a minute is over or the
// user's line is another.
func TestRightPasswordsAreKnownForAWhile(t *testing.T) {
	r := newRig(t, map[string]string{"users": line(t, "ada", "lovelace", 4) + line(t, "bob", "builder", 4)})
	hurried, cancel := context.WithCancel(t.Context())
	cancel()
	ask := func(ctx context.Context, name, password string) int {
		in := httptest.NewRequest(http.MethodGet, "/open", nil).WithContext(ctx)
		in.Header.Set("Authorization", basicAuth(name, password))
		out := httptest.NewRecorder()
		r.ServeHTTP(out, in)
		return out.Code
	}
	want := func(what string, code, got int) {
		t.Helper()
		if got != code {
			t.Errorf("%s: %d, want %d", what, got, code)
		}
	}
	want("the first time", http.StatusOK, ask(t.Context(), "ada", "lovelace"))
	want("a wrong one", http.StatusUnauthorized, ask(t.Context(), "ada", "lovelac"))
	for range maxHashing { // others have all places
		r.gate.hashing <- struct{}{}
	}
	want("again", http.StatusOK, ask(hurried, "ada", "lovelace"))
	want("a wrong one while it is known", http.StatusServiceUnavailable, ask(hurried, "ada", "lovelac"))
	want("another's", http.StatusServiceUnavailable, ask(hurried, "bob", "lovelace"))
	r.put("users", line(t, "ada", "lovelace", 4))
	r.gate.Reload()
	want("with another line", http.StatusServiceUnavailable, ask(hurried, "ada", "lovelace"))
	for range maxHashing {
		<-r.gate.hashing
	}
	want("with another line, in time", http.StatusOK, ask(t.Context(), "ada", "lovelace"))
	for range maxHashing {
		r.gate.hashing <- struct{}{}
	}
	r.pass(verifiedLife)
	want("after a while", http.StatusServiceUnavailable, ask(hurried, "ada", "lovelace"))
}

// TestEveryNameTakesAsLong: for no name there is less to do than for the dearest. A decoy is a hash like others.
func TestEveryNameTakesAsLong(t *testing.T) {
	u, err := parseUsers(line(t, "ada", "lovelace", 4) + line(t, "bob", "builder", 7))
	if err != nil || u.low != 4 || u.high != 7 {
		t.Fatalf("%v %+v", err, u)
	}
	for _, test := range []struct {
		name, password string
		fits           bool
	}{{"ada", "lovelace", true}, {"ada", "builder", false}, {"bob", "builder", true}, {"eve", "lovelace", false}, {"", "", false}, {"ada", strings.Repeat("x", 1000), false}} {
		if u.verify(test.name, test.password) != test.fits {
			t.Errorf("%+v", test)
		}
	}
	for cost := bcrypt.MinCost; cost < 8; cost++ {
		if err := bcrypt.CompareHashAndPassword(decoy(cost), []byte("lovelace")); err != bcrypt.ErrMismatchedHashAndPassword {
			t.Errorf("a decoy of cost %d: %v", cost, err)
		}
	}
}

// TestConnectionsEndBeforeWhoHadThemIsAnother: whom a proxy names it may not name any more, and a session has an end. With
// what is in our files they go on until those change.
func TestConnectionsEndBeforeWhoHadThemIsAnother(t *testing.T) {
	token := newToken()
	r := newRig(t, everyWay(t, token))
	b := r.browser()
	b.post("/signin", "token", token)
	var left time.Duration
	handler := r.gate.Handler(http.HandlerFunc(func(_ http.ResponseWriter, in *http.Request) {
		until, _ := in.Context().Deadline()
		left = time.Until(until)
	}))
	for name, test := range map[string]struct {
		from, header, value string
		least, most         time.Duration
	}{
		"by a proxy":   {"10.1.2.3:5555", "X-User", "carl", 0, proxiedLife},
		"by a session": {"192.0.2.1:1", "Cookie", b.cookies()[0].String(), proxiedLife + time.Minute, sessionLife},
		"by a token":   {"10.1.2.3:5555", "Authorization", "Bearer " + token, 2 * sessionLife, math.MaxInt64},
	} {
		in := httptest.NewRequest(http.MethodGet, "/live", nil)
		in.RemoteAddr = test.from
		in.Header.Set(test.header, test.value)
		handler.ServeHTTP(httptest.NewRecorder(), in)
		if left < test.least || left > test.most {
			t.Errorf("%s: %s", name, left)
		}
	}
}

// TestConnectionsEndWhenFilesChange, so that whoever had one asks anew, and may not be let in.
func TestConnectionsEndWhenFilesChange(t *testing.T) {
	token := newToken()
	r := newRig(t, map[string]string{"token": token})
	begun, ended := make(chan context.Context, 1), make(chan struct{})
	handler := r.gate.Handler(http.HandlerFunc(func(_ http.ResponseWriter, in *http.Request) {
		begun <- in.Context()
		<-in.Context().Done()
		close(ended)
	}))
	go func() {
		in := httptest.NewRequest(http.MethodGet, "/live", nil)
		in.Header.Set("Authorization", "Bearer "+token)
		handler.ServeHTTP(httptest.NewRecorder(), in)
	}()
	ctx := <-begun
	r.gate.Reload() // nothing changed
	if ctx.Err() != nil {
		t.Error("it ended where nothing changed")
	}
	r.put("token", newToken())
	r.gate.Reload()
	select {
	case <-ended:
	case <-time.After(2 * time.Minute):
		t.Fatal("it goes on")
	}
}
