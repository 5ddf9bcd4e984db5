// Package signintest is an OIDC issuer for tests, on loopback, with a key that is made when it starts. It knows one client
// and whoever is to come in next, and holds the client to what it has to do: PKCE, state and nonce.
package signintest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The client that the issuer knows.
const ClientID = "reconcile"

// Issuer is a running issuer. Its fields are read at each request; use Set to change them while it runs.
type Issuer struct {
	URL    string
	Secret string // of the client, made up

	mu     sync.Mutex // guards what follows
	Claims            // of whoever comes next
	key    *ecdsa.PrivateKey
	codes  map[string]url.Values // what was asked for with the code
}

// Claims are what the issuer says of somebody.
type Claims struct {
	Token map[string]any // in the token, beside what has to be there; what is there is replaced
	Info  map[string]any // at the user info endpoint
	Error string         // that is told in place of a code
}

// New starts an issuer, which ends with the test.
func New(t testing.TB) *Issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &Issuer{Secret: rand.Text(), key: key, codes: map[string]url.Values{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.discovery)
	mux.HandleFunc("GET /keys", i.keys)
	mux.HandleFunc("GET /authorize", i.authorize)
	mux.HandleFunc("POST /token", i.token)
	mux.HandleFunc("GET /userinfo", i.info)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	i.URL = server.URL
	return i
}

// Set says who comes next.
func (i *Issuer) Set(c Claims) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.Claims = c
}

func reply(out http.ResponseWriter, what any) {
	out.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(out).Encode(what) // a client that went away is nobody's loss
}

func (i *Issuer) discovery(out http.ResponseWriter, _ *http.Request) {
	reply(out, map[string]any{
		"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
		"userinfo_endpoint": i.URL + "/userinfo", "id_token_signing_alg_values_supported": []string{"ES256"},
	})
}

func (i *Issuer) keys(out http.ResponseWriter, _ *http.Request) {
	point, err := i.key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		http.Error(out, err.Error(), http.StatusInternalServerError)
		return
	}
	encode := base64.RawURLEncoding.EncodeToString
	reply(out, map[string]any{"keys": []any{map[string]any{
		"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "1", "x": encode(point[1:33]), "y": encode(point[33:]),
	}}})
}

// authorize lets in whoever is to come in, without asking.
func (i *Issuer) authorize(out http.ResponseWriter, in *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	q := in.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("client_id") != ClientID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" ||
		len(q.Get("code_challenge")) != 43 || len(q.Get("state")) < 20 || len(q.Get("nonce")) < 20 {
		http.Error(out, "that is no request: "+in.URL.RawQuery, http.StatusBadRequest)
		return
	}
	answer := url.Values{"state": {q.Get("state")}}
	if i.Error != "" {
		answer.Set("error", i.Error)
	} else {
		code := rand.Text()
		i.codes[code] = q
		answer.Set("code", code)
	}
	back.RawQuery = answer.Encode()
	http.Redirect(out, in, back.String(), http.StatusFound)
}

// token gives a token for a code, once.
func (i *Issuer) token(out http.ResponseWriter, in *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	id, secret, _ := in.BasicAuth()
	asked, known := i.codes[in.FormValue("code")]
	delete(i.codes, in.FormValue("code"))
	sum := sha256.Sum256([]byte(in.FormValue("code_verifier")))
	if !known || id != ClientID || secret != i.Secret || base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge") ||
		in.FormValue("redirect_uri") != asked.Get("redirect_uri") {
		out.Header().Set("Content-Type", "application/json")
		out.WriteHeader(http.StatusBadRequest)
		reply(out, map[string]string{"error": "invalid_grant"})
		return
	}
	claims := jwt.MapClaims{
		"iss": i.URL, "aud": ClientID, "sub": "1", "nonce": asked.Get("nonce"), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	maps.Copy(claims, i.Token)
	t := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	t.Header["kid"] = "1"
	signed, err := t.SignedString(i.key)
	if err != nil {
		http.Error(out, err.Error(), http.StatusInternalServerError)
		return
	}
	reply(out, map[string]any{"access_token": "access", "token_type": "Bearer", "id_token": signed, "expires_in": 3600})
}

func (i *Issuer) info(out http.ResponseWriter, in *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if in.Header.Get("Authorization") != "Bearer access" {
		http.Error(out, "no token", http.StatusUnauthorized)
		return
	}
	claims := map[string]any{"sub": "1"}
	maps.Copy(claims, i.Info)
	reply(out, claims)
}
