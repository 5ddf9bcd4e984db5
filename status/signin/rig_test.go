package signin

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/workspace-providers/reconcile/status"
)

// rig is a gate in front of a page that says who looks at it.
type rig struct {
	*testing.T
	gate  *Gate
	files fstest.MapFS
	log   *bytes.Buffer

	mu  sync.Mutex // guards what follows
	now time.Time
}

func newRig(t *testing.T, files map[string]string) *rig {
	t.Helper()
	r := &rig{T: t, files: fstest.MapFS{}, log: &bytes.Buffer{}, now: time.Now()}
	for name, text := range files {
		r.put(name, text)
	}
	gate, err := New(Options{
		Credentials: r.files, Log: slog.New(slog.NewTextHandler(r.log, nil)), Now: r.clock, Form: showForm,
		HTTP: func() (*http.Client, error) { return http.DefaultClient, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	r.gate = gate
	return r
}

// put writes a file of page/; the empty text removes it.
func (r *rig) put(name, text string) {
	delete(r.files, "page/"+name)
	if text != "" {
		r.files["page/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

// showForm writes what the form shows as JSON.
func showForm(out http.ResponseWriter, _ *http.Request, code int, f Form) {
	out.WriteHeader(code)
	_ = json.NewEncoder(out).Encode(f)
}

// ServeHTTP answers GET / with who looks, and everything about signing in.
func (r *rig) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	who := status.Route{Pattern: "GET /{$}", For: status.Members, Handler: http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		fmt.Fprint(out, describe(status.ViewerOf(in.Context())))
	})}
	open := status.Route{Pattern: "GET /open", For: status.Anybody, Handler: http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		fmt.Fprint(out, describe(status.ViewerOf(in.Context())))
	})}
	r.gate.Handler(status.Mux(nil, append(r.gate.Routes(), who, open)...)).ServeHTTP(out, in)
}

// describe writes a viewer: "ada sees everything", "bob sees red, blue", "a stranger".
func describe(v status.Viewer) string {
	switch {
	case !v.SignedIn:
		return "a stranger"
	case v.All:
		return v.Name + " sees everything"
	}
	return v.Name + " sees " + strings.Join(v.Organizations, ", ")
}

// ask sends a request with headers, in pairs, and says what is answered.
func (r *rig) ask(path string, headers ...string) (int, string) {
	in := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "From" {
			in.RemoteAddr = headers[i+1]
			continue
		}
		in.Header.Add(headers[i], headers[i+1])
	}
	out := httptest.NewRecorder()
	r.ServeHTTP(out, in)
	return out.Code, out.Body.String()
}

// newToken makes up a token.
func newToken() string { return rand.Text() + rand.Text() }

// line is what htpasswd -B writes of a user.
func line(t *testing.T, name, password string, cost int) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	if err != nil {
		t.Fatal(err)
	}
	return name + ":" + strings.Replace(string(hash), "$2a$", "$2y$", 1) + "\n"
}

// browser keeps cookies, and follows redirects.
type browser struct {
	*testing.T
	*http.Client
	url string
}

func (r *rig) browser() *browser {
	r.Helper()
	server := httptest.NewServer(r)
	r.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.Fatal(err)
	}
	return &browser{r.T, &http.Client{Jar: jar}, server.URL}
}

// get goes to a page.
func (b *browser) get(path string) (int, string) {
	b.Helper()
	in, err := http.NewRequest(http.MethodGet, b.url+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	in.Header.Set("Accept", "text/html")
	return b.answer(b.Do(in))
}

// post sends a form.
func (b *browser) post(path string, values ...string) (int, string) {
	b.Helper()
	form := url.Values{}
	for i := 0; i < len(values); i += 2 {
		form.Set(values[i], values[i+1])
	}
	return b.answer(b.PostForm(b.url+path, form))
}

func (b *browser) answer(got *http.Response, err error) (int, string) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	defer got.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(got.Body); err != nil {
		b.Fatal(err)
	}
	return got.StatusCode, text.String()
}

// cookies are those that the browser sends.
func (b *browser) cookies() []*http.Cookie {
	u, err := url.Parse(b.url)
	if err != nil {
		b.Fatal(err)
	}
	return b.Jar.Cookies(u)
}
