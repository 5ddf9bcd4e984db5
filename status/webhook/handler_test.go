package webhook

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const push = `{"ref":"refs/heads/main"}`

// Each forge proves who it is in its own way, and its pushes make the repository be looked at.
func TestVerifiedPushesAreLookedAt(t *testing.T) {
	raw, line := key()
	for name, d := range map[string]delivery{
		"github":  github("blue", push, "1"),
		"gitea":   {"gitea", push, headers("X-Gitea-Event", "push", "X-Gitea-Signature", sign("blue", push))},
		"forgejo": {"forgejo", push, headers("X-Forgejo-Event", "push", "X-Forgejo-Signature", sign("blue", push))},
		"gitea with all its headers": {"gitea", push, headers("X-Gitea-Event", "push", "X-GitHub-Event", "push",
			"X-Gitea-Signature", sign("blue", push), "X-Hub-Signature-256", "sha256="+sign("blue", push),
			"X-Hub-Signature", "sha1="+sha1Of("blue", push))},
		"gitlab's secret token":  {"gitlab", push, headers("X-Gitlab-Event", "Push Hook", "X-Gitlab-Token", "blue")},
		"gitlab's signing token": gitlabSigned(raw, push, "1", time.Now()),
		"gitlab rotates its signing token": func() delivery {
			d := gitlabSigned(raw, push, "1", time.Now())
			other, _ := key()
			wrong := gitlabSigned(other, push, "1", time.Now()).head.Get("Webhook-Signature")
			d.head.Set("Webhook-Signature", wrong+" v9,? "+d.head.Get("Webhook-Signature"))
			return d
		}(),
		"an empty body": github("blue", "", "1"),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, patience)
			r.secret(d.forge, "  old\r\n\nblue\n")
			if d.forge == "gitlab" {
				r.secret(d.forge, "blue\n"+line)
			}
			if got := r.send(d); got.Code != http.StatusAccepted || r.pokes.Load() != 1 {
				t.Errorf("%d %s, %d looks", got.Code, got.Body, r.pokes.Load())
			}
			if diff := cmp.Diff(map[string]int{d.forge + " accepted": 1}, r.counted()); diff != "" {
				t.Error(diff)
			}
			if r.log.Len() > 0 {
				t.Errorf("it logs %s", r.log.String())
			}
		})
	}
}

// Whoever does not prove who he is brings nothing about, and learns nothing of the secret.
func TestWrongSignatures(t *testing.T) {
	raw, line := key()
	other, _ := key()
	right := sign("blue", push)
	hub := func(values ...string) delivery {
		d := delivery{"github", push, headers("X-GitHub-Event", "push")}
		for _, v := range values {
			d.head.Add("X-Hub-Signature-256", v)
		}
		return d
	}
	gitlab := func(pairs ...string) delivery {
		return delivery{"gitlab", push, headers(append(pairs, "X-Gitlab-Event", "Push Hook")...)}
	}
	changed := func(name, value string) delivery {
		d := gitlabSigned(raw, push, "1", time.Now())
		d.head.Set(name, value)
		return d
	}
	const blue = "blue"
	for name, test := range map[string]struct {
		file string
		delivery
		says string
	}{
		"none":                     {blue, hub(), "not signed"},
		"an empty one":             {blue, hub(""), "not signed"},
		"of another secret":        {blue, hub("sha256=" + sign("purple", push)), "does not fit"},
		"of a secret that is gone": {"purple\nyellow", hub("sha256=" + right), "does not fit"},
		"of the empty secret":      {blue, hub("sha256=" + sign("", push)), "does not fit"},
		"of an empty file":         {"", hub("sha256=" + sign("", push)), "cannot be used"},
		"of a file of blank lines": {" \n\r\n", hub("sha256=" + sign("", push)), "cannot be used"},
		"of too many secrets":      {strings.Repeat("blue\n", maxSecrets+1), hub("sha256=" + right), "cannot be used"},
		"of a huge file":           {strings.Repeat("b", maxSecretFile+1), hub("sha256=" + right), "cannot be used"},
		"of two lines as one":      {"blue\npurple", hub("sha256=" + sign("blue\npurple", push)), "does not fit"},
		"with SHA-1 only":          {blue, delivery{"github", push, headers("X-Hub-Signature", "sha1="+sha1Of(blue, push))}, "SHA-1"},
		"SHA-1 under the new name": {blue, hub("sha1=" + sha1Of(blue, push)), "not an HMAC-SHA256"},
		"of another body":          {blue, hub("sha256=" + sign(blue, push+" ")), "does not fit"},
		"no hex":                   {blue, hub("sha256=" + strings.Repeat("g", 64)), "not an HMAC-SHA256"},
		"too short":                {blue, hub("sha256=" + right[:62]), "not an HMAC-SHA256"},
		"too long":                 {blue, hub("sha256=" + right + "00"), "not an HMAC-SHA256"},
		"two, the right one first": {blue, hub("sha256="+right, "sha256="+sign("purple", push)), "more than once"},
		"two, the right one last":  {blue, hub("sha256="+sign("purple", push), "sha256="+right), "more than once"},
		"two at once":              {blue, hub("sha256=" + right + ", sha256=" + right), "not an HMAC-SHA256"},
		"gitea, one wrong of two":  {blue, delivery{"gitea", push, headers("X-Gitea-Signature", right, "X-Hub-Signature-256", sign("purple", push))}, "another signature"},
		"gitlab, none":             {blue, gitlab(), "not signed"},
		"gitlab, another token":    {blue, gitlab("X-Gitlab-Token", "blu"), "does not fit"},
		"gitlab, an empty token":   {blue, gitlab("X-Gitlab-Token", ""), "not signed"},
		"gitlab, two tokens":       {blue, gitlab("X-Gitlab-Token", "blue", "X-Gitlab-Token", "blue"), "more than once"},
		"gitlab, a key as token":   {line, gitlab("X-Gitlab-Token", line), "does not fit"},
		"gitlab, no signing token": {blue, gitlabSigned(raw, push, "1", time.Now()), "does not fit"},
		"gitlab, half a token":     {line[:len(line)-3], gitlabSigned(raw, push, "1", time.Now()), "cannot be used"},
		"gitlab, an empty key":     {"whsec_", gitlabSigned(nil, push, "1", time.Now()), "cannot be used"},
		"gitlab, of another key":   {line, gitlabSigned(other, push, "1", time.Now()), "does not fit"},
		"gitlab, signed long ago":  {line, gitlabSigned(raw, push, "1", time.Now().Add(-time.Hour)), "another time"},
		"gitlab, signed tomorrow":  {line, gitlabSigned(raw, push, "1", time.Now().Add(time.Hour)), "another time"},
		"gitlab, another id":       {line, changed("Webhook-Id", "2"), "does not fit"},
		"gitlab, another time":     {line, changed("Webhook-Timestamp", strconv.FormatInt(time.Now().Unix()+9, 10)), "does not fit"},
		"gitlab, no time":          {line, changed("Webhook-Timestamp", ""), "not a Unix time"},
		"gitlab, a time far out":   {line, changed("Webhook-Timestamp", "9223372036854775807"), "another time"},
		"gitlab, another version":  {line, changed("Webhook-Signature", "v2,AAAA"), "no signature of version v1"},
		"gitlab, no base64":        {line, changed("Webhook-Signature", "v1,%%%%"), "no signature of version v1"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, patience)
			r.secret(test.forge, test.file)
			got := r.send(test.delivery)
			if got.Code != http.StatusUnauthorized || !strings.Contains(got.Body.String(), test.says) {
				t.Errorf("%d %s, want 401 with %q", got.Code, got.Body, test.says)
			}
			if n := r.pokes.Load(); n != 0 {
				t.Errorf("%d looks", n)
			}
			if diff := cmp.Diff(map[string]int{test.forge + " refused": 1}, r.counted()); diff != "" {
				t.Error(diff)
			}
			for _, line := range strings.Fields(test.file) {
				if text := got.Body.String() + r.log.String(); line != "whsec_" && strings.Contains(text, line) {
					t.Errorf("it tells the secret: %s", text)
				}
			}
		})
	}
}

// During a rotation both secrets count, and a file that changes counts at once.
func TestARotatedSecretCountsAtOnce(t *testing.T) {
	r := newRig(t, patience)
	try := func(secret, body string, want int) {
		t.Helper()
		if got := r.send(github(secret, body, body)); got.Code != want {
			t.Errorf("%s: %d %s, want %d", body, got.Code, got.Body, want)
		}
	}
	try("old", "without a file", http.StatusNotFound)
	try("old", "without a file, again", http.StatusNotFound)
	if text := r.log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "webhooks/github") {
		t.Errorf("it logs %q, want one line that names the file", text)
	}
	r.secret("github", "old")
	try("old", "1", http.StatusAccepted)
	try("new", "2", http.StatusUnauthorized)
	r.secret("github", "new\nold\n")
	try("old", "3", http.StatusAccepted)
	try("new", "4", http.StatusAccepted)
	r.secret("github", "new\n")
	try("old", "5", http.StatusUnauthorized)
	try("new", "6", http.StatusAccepted)
	none := httptest.NewRecorder()
	New(Options{Poke: func() { t.Error("it looks") }, Count: func(_, _ string) {}, Log: slogTo(r)}).ServeHTTP(none, request(github("a", "b", "c")))
	if none.Code != http.StatusNotFound || !strings.Contains(r.log.String(), "--credentials") {
		t.Errorf("without credentials: %d, %s", none.Code, r.log.String())
	}
}

// The event chooses whether to look.
func TestEvents(t *testing.T) {
	looks := map[string][]string{
		"github": {"push", "create", "delete", "pull_request"},
		"gitea":  {"push", "create", "delete", "pull_request"},
		"gitlab": {"Push Hook", "Tag Push Hook", "Merge Request Hook"},
	}
	ignores := map[string][]string{
		"github": {"ping", "star", "issues", "Push", ""}, "gitea": {"issues", "fork", ""},
		"gitlab": {"Issue Hook", "System Hook", "push", ""},
	}
	name := map[string]string{"github": "X-GitHub-Event", "gitea": "X-Gitea-Event", "gitlab": "X-Gitlab-Event"}
	r := newRig(t, patience)
	for forge := range name {
		r.secret(forge, "blue")
	}
	try := func(forge, event string, code int) {
		t.Helper()
		body := forge + event
		got := r.send(delivery{forge, body, headers(name[forge], event, "X-Gitlab-Token", "blue",
			"X-Gitea-Signature", sign("blue", body), "X-Hub-Signature-256", sign("blue", body))})
		if got.Code != code {
			t.Errorf("%s %q: %d %s, want %d", forge, event, got.Code, got.Body, code)
		}
	}
	n := int64(0)
	for forge, events := range looks {
		for _, event := range events {
			n++
			try(forge, event, http.StatusAccepted)
		}
	}
	for forge, events := range ignores {
		for _, event := range events {
			try(forge, event, http.StatusOK)
		}
	}
	if got := r.pokes.Load(); got != n {
		t.Errorf("%d looks, want %d", got, n)
	}
}

func TestOtherPathsAndMethods(t *testing.T) {
	r := newRig(t, patience)
	for _, test := range []struct {
		method, path string
		code         int
	}{
		{"GET", "/webhooks/github", http.StatusMethodNotAllowed},
		{"POST", "/webhooks/", http.StatusNotFound},
		{"POST", "/webhooks/bitbucket", http.StatusNotFound},
		{"POST", "/webhooks/github/x", http.StatusNotFound},
		{"POST", "/", http.StatusNotFound},
	} {
		out := httptest.NewRecorder()
		r.ServeHTTP(out, httptest.NewRequest(test.method, test.path, nil))
		if out.Code != test.code {
			t.Errorf("%s %s: %d, want %d", test.method, test.path, out.Code, test.code)
		}
	}
	if len(r.counted()) != 0 {
		t.Errorf("counted %v", r.counted())
	}
}

// Whatever comes, nobody looks who has no secret; and the words are those of the closed lists.
func FuzzRequests(f *testing.F) {
	f.Add("github", "X-Hub-Signature-256", "sha256="+sign("blue", push), push)
	f.Add("gitlab", "X-Gitlab-Token", "blue", "null")
	f.Add("gitlab", "Webhook-Signature", "v1,AAAA v1,", "")
	f.Add("gitea", "X-Gitea-Signature", strings.Repeat("0", 64), "[[[[")
	f.Add("forgejo", "Webhook-Timestamp", "-9223372036854775808", "{}")
	r := newRig(f, patience)
	_, line := key()
	for _, forge := range Forges() {
		r.secret(forge, "a secret of this test\n")
	}
	r.secret("gitlab", line)
	known := map[string]bool{}
	for _, forge := range Forges() {
		for _, result := range Results() {
			known[forge+" "+result] = true
		}
	}
	f.Fuzz(func(t *testing.T, forge, name, value, body string) {
		in := httptest.NewRequest(http.MethodPost, "/webhooks/x", strings.NewReader(body))
		in.URL.Path = "/webhooks/" + forge
		in.Header = http.Header{"Webhook-Timestamp": {strconv.FormatInt(time.Now().Unix(), 10)}}
		in.Header[http.CanonicalHeaderKey(name)] = []string{value}
		out := httptest.NewRecorder()
		r.ServeHTTP(out, in)
		if out.Code < 300 || r.pokes.Load() != 0 {
			t.Errorf("%d %s", out.Code, out.Body)
		}
		for words := range r.counted() {
			if !known[words] {
				t.Errorf("counted %q", words)
			}
		}
	})
}
