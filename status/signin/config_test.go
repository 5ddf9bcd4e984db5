package signin

import (
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"
)

const roles = `roles: {all: {groups: [staff], organizations: ["*"]}}`

// TestFilesWithMistakes: what is wrong is told with its place and what to do, and no secret with it.
func TestFilesWithMistakes(t *testing.T) {
	good := newToken()
	for _, test := range []struct{ file, text, says string }{
		{"token", "hunter2\n", "page/token: line 1 has 7 bytes, or white space in it; a token has 32 at least: openssl rand -hex 32 makes one"},
		{"token", good + "\n" + good + " hunter2", "page/token: line 2"},
		{"token", "\n", "page/token: it has 0 tokens"},
		{"token", strings.Repeat(good+"\n", 33), "page/token: it has 33 tokens"},
		{"token", strings.Repeat("hunter2", maxFile), "page/token has more than 1048576 bytes"},
		{"users", "ada:hunter2\n", "page/users: line 1 is not NAME:HASH with a hash of bcrypt; htpasswd -B writes such lines"},
		{"users", "# nobody\n", "page/users: it has no user"},
		{"users", line(t, "ada", "hunter2", 4) + line(t, "ada", "hunter2", 4), "page/users: line 2 is the second of the same name"},
		{"users", ":" + strings.TrimPrefix(line(t, "", "hunter2", 4), ":"), "page/users: line 1 is not NAME:HASH"},
		{"users", "ada:" + string(decoy(15)), "page/users: line 1 has a hash of cost 15, which takes too long; use 14 at most"},
		{"session-key", "hunter2", "page/session-key: it has 7 bytes, and needs 32"},
		{"oidc-secret", "\n", "page/oidc-secret: it has 0 bytes"},
		{"signin.yaml", "oicd: {}", `page/signin.yaml: unknown field "oicd"; there are roles:`},
		{"signin.yaml", "roles: {a: {group: [b]}}", `unknown field "group"`},
		{"signin.yaml", "roles: {a: {}, a: {}}", `key "a" already set in map`},
		{"signin.yaml", "roles: {a: {organizations: [red]}}", "page/signin.yaml: roles.a.groups: there has to be one at least"},
		{"signin.yaml", "roles: {a: {groups: [b]}}", `roles.a.organizations: say which, or ["*"] for everything`},
		{"signin.yaml", `roles: {a: {groups: [b], organizations: ["*", red]}}`, `"*" is everything; leave the others out`},
		{"signin.yaml", `roles: {a: {groups: [b], organizations: ["blue,red"]}}`, `roles.a.organizations: "blue,red" is no name of an organization`},
		{"signin.yaml", `roles: {a: {groups: [b], organizations: [red, Blue]}}`, `"Blue" is no name`},
		{"signin.yaml", `roles: {a: {groups: [b], organizations: ["re*"]}}`, `"re*" is no name`},
		{"signin.yaml", "proxy: {userHeader: X-User, networks: [10.0.0.0/8]}", "there are no roles"},
		{"signin.yaml", roles + "\nproxy: {userHeader: X-User}", "proxy.networks: it is missing"},
		{"signin.yaml", roles + "\nproxy: {userHeader: X-User, networks: [10.0.0.1]}", `proxy.networks: "10.0.0.1" is no network in CIDR notation`},
		{"signin.yaml", roles + "\nproxy: {userHeader: X-User, networks: [0.0.0.0/0]}", `"0.0.0.0/0" is everybody`},
		{"signin.yaml", roles + "\nproxy: {userHeader: cookie, networks: [10.0.0.0/8]}", `proxy.userHeader: "cookie" is no header that a proxy sets`},
		{"signin.yaml", roles + "\nproxy: {userHeader: X-User, networks: [10.0.0.0/8], secretHeader: X-Secret}", "proxy.secretHeader: there is no page/proxy-secret"},
		{"signin.yaml", roles + "\nproxy: {userHeader: X-User, networks: [10.0.0.0/8], secretHeader: host}", `proxy.secretHeader: "host" is no header`},
		{"proxy-secret", "hunter2\n", "page/proxy-secret: it has 7 bytes, and needs 32"},
		{"signin.yaml", roles + "\nproxy: {networks: [10.0.0.0/8]}", `proxy.userHeader: "" is no header`},
		{"signin.yaml", roles + "\noidc: {issuer: http://id.example.com}", `oidc.issuer: "http://id.example.com" is no https URL`},
		{"signin.yaml", roles + "\noidc: {issuer: https://id.example.com, redirectURL: https://x.example.com/}", `oidc.redirectURL: "https://x.example.com/" does not end in /signin/callback`},
		{"signin.yaml", roles + "\noidc: {issuer: https://id.example.com, redirectURL: https://x.example.com/signin/callback}", "oidc.clientID: it is missing"},
	} {
		files := fstest.MapFS{"page/" + test.file: {Data: []byte(test.text)}}
		_, err := New(Options{Credentials: files, Log: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.HasPrefix(err.Error(), "signing in: ") || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s with %.40q: %v, want %q", test.file, test.text, err, test.says)
		}
		if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), good)) {
			t.Errorf("it tells a secret: %v", err)
		}
	}
}

// TestWhatChangesCountsAtOnce, and what is wrong or takes everything away changes nothing.
func TestWhatChangesCountsAtOnce(t *testing.T) {
	old, young := newToken(), newToken()
	r := newRig(t, nil)
	is := func(what, token, want string) {
		t.Helper()
		if _, got := r.ask("/open", "Authorization", "Bearer "+token); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	is("where nothing is configured", "anything", " sees everything")
	r.put("token", old)
	is("before it was read", "anything", " sees everything")
	r.gate.Reload()
	is("a token is there now", old, "token sees everything")
	is("another", young, "not signed in: ")
	r.put("token", old+"\n"+young)
	r.gate.Reload()
	is("one is added", young, "token sees everything")
	r.put("token", young)
	r.gate.Reload()
	is("the first is taken away", old, "not signed in: ")
	r.put("users", "nonsense")
	r.put("token", old)
	r.gate.Reload()
	is("with a mistake elsewhere", young, "token sees everything")
	r.put("users", "")
	r.put("token", "")
	r.gate.Reload()
	is("with nothing at all", young, "token sees everything")
	r.put("token", young)
	r.put("signin.yaml", `{roles: {red: {groups: [token], organizations: [red, blue]}}}`)
	r.gate.Reload()
	is("with a role", young, "token sees blue, red")
	for _, want := range []string{"page/users: line 1", "there is no way to sign in any more"} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("the log does not have %q:\n%s", want, r.log)
		}
	}
	if strings.Contains(r.log.String(), old) || strings.Contains(r.log.String(), young) {
		t.Errorf("it logs tokens:\n%s", r.log)
	}
}
