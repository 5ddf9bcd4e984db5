package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a handler with credentials of its own, which tells what it did.
type rig struct {
	testing.TB
	http.Handler
	dir   string // the credentials
	pokes atomic.Int64
	log   strings.Builder // read it when no request is under way

	mu    sync.Mutex // guards count and log
	count map[string]int
}

func newRig(t testing.TB, patience time.Duration) *rig {
	t.Helper()
	r := &rig{TB: t, dir: t.TempDir(), count: map[string]int{}}
	r.Handler = newHandler(Options{
		Credentials: os.DirFS(r.dir),
		Poke:        func() { r.pokes.Add(1) },
		Count: func(forge, result string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.count[forge+" "+result]++
		},
		Log: slogTo(r),
	}, patience)
	return r
}

// Write takes lines of the log.
func (r *rig) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(line)
}

// counted is what was counted so far.
func (r *rig) counted() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.count)
}

// secret makes text the file of a forge.
func (r *rig) secret(forge, text string) {
	r.Helper()
	if err := os.MkdirAll(filepath.Join(r.dir, "webhooks"), 0o700); err != nil {
		r.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "webhooks", forge), []byte(text), 0o600); err != nil {
		r.Fatal(err)
	}
}

// delivery is a request by hand.
type delivery struct {
	forge string
	body  string
	head  http.Header
}

// request is one without a connection.
func request(d delivery) *http.Request {
	in := httptest.NewRequest(http.MethodPost, "/webhooks/"+d.forge, strings.NewReader(d.body))
	in.Header = d.head
	return in
}

// send delivers without a connection.
func (r *rig) send(d delivery) *httptest.ResponseRecorder {
	out := httptest.NewRecorder()
	r.ServeHTTP(out, request(d))
	return out
}

func slogTo(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// headers takes pairs of name and value.
func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// github is a push as GitHub tells it.
func github(secret, body, id string) delivery {
	return delivery{"github", body, headers("X-GitHub-Event", "push", "X-GitHub-Delivery", id,
		"X-Hub-Signature-256", "sha256="+sign(secret, body))}
}

// gitlabSigned is a push as GitLab tells it with a signing token.
func gitlabSigned(key []byte, body, id string, at time.Time) delivery {
	unix := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	_, _ = io.WriteString(mac, id+"."+unix+"."+body)
	return delivery{"gitlab", body, headers("X-Gitlab-Event", "Push Hook", "Webhook-Id", id, "Webhook-Timestamp", unix,
		"Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))}
}

func sign(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = io.WriteString(mac, body)
	return hex.EncodeToString(mac.Sum(nil))
}

func sha1Of(secret, body string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	_, _ = io.WriteString(mac, body)
	return hex.EncodeToString(mac.Sum(nil))
}

// key is a new signing token of GitLab, and how it stands in a file.
func key() (raw []byte, line string) {
	raw = make([]byte, 32)
	_, _ = rand.Read(raw) // never fails
	return raw, "whsec_" + base64.StdEncoding.EncodeToString(raw)
}
