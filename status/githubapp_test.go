package status

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

// appKeys are two private keys.
var appKeys = sync.OnceValue(func() (keys [2]*rsa.PrivateKey) {
	for i := range keys {
		var err error
		if keys[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			panic(err)
		}
	}
	return keys
})

func pemOf(key *rsa.PrivateKey) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

// appHub is a hub whose requests come from a GitHub App.
type appHub struct {
	*hub
	dir string // of the credentials

	mu      sync.Mutex // guards the rest
	key     *rsa.PrivateKey
	taken   map[string]bool // tokens
	granted int
	looked  int                       // for the installation
	fail    func(http.ResponseWriter) // for tokens; nil: none
}

func newAppHub(t *testing.T) *appHub {
	h := &appHub{hub: newHub("github"), dir: t.TempDir(), key: appKeys()[0], taken: map[string]bool{}}
	h.write(t, appIDFile, "4711\n")
	h.write(t, appKeyFile, pemOf(h.key))
	return h
}

func (h *appHub) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (h *appHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	path := strings.TrimPrefix(r.URL.Path, "/api/v3")
	if path != "/repos/acme/config/installation" && !strings.HasPrefix(path, "/app") {
		if !h.taken[token] {
			answer(w, http.StatusUnauthorized, `{"message":"Bad credentials"}`)
			return
		}
		h.hub.ServeHTTP(w, r)
		return
	}
	claims := &jwt.RegisteredClaims{}
	_, err := jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return &h.key.PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer("4711"), jwt.WithIssuedAt(), jwt.WithExpirationRequired())
	if err != nil || claims.ExpiresAt.After(time.Now().Add(10*time.Minute)) {
		answer(w, http.StatusUnauthorized, `{"message":"A JSON web token could not be decoded"}`)
		return
	}
	switch {
	case path == "/app":
		answer(w, http.StatusOK, `{"slug":"reconcile-acme"}`)
	case path == "/repos/acme/config/installation":
		h.looked++
		answer(w, http.StatusOK, `{"id":815}`)
	case h.fail != nil:
		h.fail(w)
	case r.Method == http.MethodPost && path == "/app/installations/815/access_tokens":
		h.granted++
		token := fmt.Sprintf("granted-%d", h.granted)
		h.taken[token] = true
		answer(w, http.StatusCreated, fmt.Sprintf(`{"token":%q,"expires_at":%q}`, token, time.Now().Add(time.Hour).Format(time.RFC3339)))
	default:
		answer(w, http.StatusNotFound, `{"message":"Not Found"}`)
	}
}

// poster posts as the daemon does: with a forge that is made anew each time.
func (h *appHub) poster(t *testing.T, known *Known) func(context.Context) error {
	return func(ctx context.Context) error {
		t.Helper()
		app, err := FindApp(h.dir)
		if err != nil {
			return err
		}
		forge, err := NewGitHub(APIOptions{
			URL: "https://github.example.com", Repository: "acme/config", App: app, Known: known,
			TokenFile: filepath.Join(h.dir, "no such token"), HTTP: &http.Client{Transport: direct{h}},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = forge.Post(ctx, "1a2b3c4", []Line{{Context: "c", State: StateSuccess}})
		return err
	}
}

func (h *appHub) change(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
}

// A token serves until shortly before it ends, until GitHub does not take it any more, or the files are others.
func TestAnAppFetchesTokensWhenItNeedsThem(t *testing.T) {
	other := appKeys()[1]
	synctest.Test(t, func(t *testing.T) {
		h := newAppHub(t)
		post := h.poster(t, &Known{})
		for _, step := range []struct {
			name            string
			do              func()
			granted, looked int // until now
		}{
			{"the first", func() {}, 1, 1},
			{"the second", func() {}, 1, 1},
			{"a little later", func() { time.Sleep(54 * time.Minute) }, 1, 1},
			{"shortly before the end", func() { time.Sleep(2 * time.Minute) }, 2, 2},
			{"revoked", func() { h.change(func() { clear(h.taken) }) }, 3, 3},
			{"another key", func() { h.change(func() { h.key = other }); h.write(t, appKeyFile, pemOf(other)) }, 4, 4},
			{"the installation is declared", func() { h.write(t, installationFile, "815\n") }, 5, 4},
		} {
			step.do()
			if err := post(t.Context()); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
			if h.granted != step.granted || h.looked != step.looked {
				t.Errorf("%s: %d tokens of %d installations", step.name, h.granted, h.looked)
			}
		}
	})
}

func TestWhatIsWrongWithAnAppIsSaid(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string // beside, or in place of, those that are right; "": it is taken away
		fail  func(http.ResponseWriter)
		says  string
		later bool
	}{
		{name: "no key", files: map[string]string{appKeyFile: ""}, says: "there is app-id in forge/ of the credentials, and no private-key.pem"},
		{name: "no ID", files: map[string]string{appIDFile: ""}, says: "there is private-key.pem in forge/ of the credentials, and no app-id"},
		{name: "only the installation", files: map[string]string{appIDFile: "", appKeyFile: "", installationFile: "1"},
			says: "and no app-id and private-key.pem"},
		{name: "empty", files: map[string]string{appIDFile: "\n"}, says: "app-id in forge/ of the credentials is empty"},
		{name: "no PEM", files: map[string]string{appKeyFile: "canary"}, says: "private-key.pem in forge/ of the credentials is no RSA private key"},
		{name: "too large", files: map[string]string{appKeyFile: strings.Repeat("x", maxCredential+1)}, says: "which is no credential"},
		{name: "no number", files: map[string]string{installationFile: "canary"}, says: "installation-id in forge/ of the credentials is not a number"},
		{name: "another's key", files: map[string]string{appKeyFile: pemOf(appKeys()[1])}, says: "must belong together"},
		{name: "another installation", files: map[string]string{installationFile: "816"}, says: "install the app on the repository"},
		{name: "unprocessable", fail: unprocessable, says: "token of installation 815"},
		{name: "down", fail: serverError, says: "token of installation 815"},
		{name: "too many", fail: tooMany, says: "slow down", later: true},
		{name: "rate limit", fail: rateLimited(time.Minute), says: "API rate limit exceeded", later: true},
		{name: "hang", fail: hang, says: "deadline exceeded"},
		{name: "no token", fail: func(w http.ResponseWriter) { answer(w, http.StatusCreated, `{}`) }, says: "the answer has no token"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newAppHub(t)
			h.hub.tokens = nil
			h.fail = test.fail
			for name, text := range test.files {
				h.write(t, name, text)
				if text == "" {
					if err := os.Remove(filepath.Join(h.dir, name)); err != nil {
						t.Fatal(err)
					}
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			err := h.poster(t, nil)(ctx)
			if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%v, want one that says %q", err, test.says)
			}
			if _, is := errors.AsType[*LaterError](err); is != test.later || errors.Is(err, ErrRefused) {
				t.Errorf("%v: later %v, refused %v", err, is, errors.Is(err, ErrRefused))
			}
			if len(h.hub.tokens) > 0 {
				t.Error("something was posted")
			}
		})
	}
}

// Where GitHub takes no token at all, it is asked for one more and no further.
func TestAnAppWhoseTokensAreRefusedStops(t *testing.T) {
	h := newAppHub(t)
	requests := 0
	forge, err := NewGitHub(APIOptions{
		URL: "https://github.example.com", Repository: "acme/config", App: &App{h.dir},
		HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			requests++
			h.change(func() { clear(h.taken) })
			return direct{h}.RoundTrip(r)
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = forge.Post(t.Context(), "1a2b3c4", []Line{{Context: "c", State: StateSuccess}})
	if err == nil || !strings.Contains(err.Error(), "Bad credentials") || requests != 2*3 {
		t.Errorf("%d requests: %v", requests, err)
	}
}

// An assertion of the app, and its tokens, go to no other host.
func TestTheTokensOfAnAppGoNowhereElse(t *testing.T) {
	var elsewhere []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		elsewhere = append(elsewhere, r.Header.Get("Authorization"))
		answer(w, http.StatusCreated, `{"token":"theirs","expires_at":"2999-01-01T00:00:00Z"}`)
	}))
	defer other.Close()
	h := newAppHub(t)
	h.fail = func(w http.ResponseWriter) {
		w.Header().Set("Location", other.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
	server := httptest.NewServer(h)
	defer server.Close()
	forge, err := NewGitHub(APIOptions{URL: server.URL, Repository: "acme/config", App: &App{h.dir}, HTTP: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = forge.Post(t.Context(), "1a2b3c4", []Line{{Context: "c", State: StateSuccess}}); err == nil {
		t.Error("it took the token of another host")
	}
	for _, header := range elsewhere {
		if header != "" {
			t.Errorf("another host got %q", header[:min(len(header), 20)])
		}
	}
	if len(elsewhere) == 0 {
		t.Error("the redirect was not followed, so that nothing was tried")
	}
}

func TestAnAppWritesUnderItsOwnName(t *testing.T) {
	h := newAppHub(t)
	forge, err := NewGitHub(APIOptions{
		URL: "https://github.example.com", Repository: "acme/config", App: &App{h.dir}, HTTP: &http.Client{Transport: direct{h}},
	})
	if err != nil {
		t.Fatal(err)
	}
	login, _, err := forge.login(t.Context())
	if diff := cmp.Diff("reconcile-acme[bot]", login); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestWithoutAnAppTheTokenCounts(t *testing.T) {
	if app, err := FindApp(t.TempDir()); app != nil || err != nil {
		t.Errorf("%v %v", app, err)
	}
}
