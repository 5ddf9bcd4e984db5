package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "fetch-for-ever" {
		fetchForEver(os.Args[2], os.Args[3])
	}
	goleak.VerifyTestMain(m)
}

func TestEveryTransportAndKindOfRefGivesTheCommitThatGitGives(t *testing.T) {
	o := filled(t)
	web, sshd := o.web(), o.sshd()
	for name, base := range map[string]*Repo{
		"https":    {URL: web.URL + "/origin.git", Auth: web.auth},
		"ssh":      {URL: sshd.url, Auth: sshd.auth},
		"git":      {URL: o.daemon()},
		"file":     {URL: "file://" + o.bare},
		"bare":     {URL: o.bare},
		"worktree": {URL: o.work},
	} {
		for _, cache := range []string{"", t.TempDir()} {
			for ref, want := range map[string]string{
				"main": "main", "": "main", "HEAD": "main", "refs/heads/main": "main",
				"v*": "v1.0.0", "v1.0.0": "v1.0.0", "refs/tags/v1.0.0": "v1.0.0",
				stock(t, o.bare, "rev-parse", "main^"): "main^",
			} {
				r := &Repo{URL: base.URL, Auth: base.Auth, Ref: ref, Cache: cache}
				got, err := r.Fetch(context.Background())
				if err != nil {
					t.Errorf("%s %q: %v", name, ref, err)
					continue
				}
				same(t, name+" "+ref, got.Hash, stock(t, o.bare, "rev-parse", want+"^{commit}"))
				if err := r.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

func TestCommitTellsWhatGitTells(t *testing.T) {
	o := filled(t)
	r := o.web().repo(o, "main")
	got := fetch(t, r)
	when, err := time.Parse(time.RFC3339, stock(t, o.bare, "log", "-1", "--format=%cI"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "commit", got, Commit{
		Hash: o.head(), Tree: stock(t, o.bare, "rev-parse", "main^{tree}"), Author: "Ada", Subject: "second",
		Parents: []string{stock(t, o.bare, "rev-parse", "main^")}, Time: when.UTC(),
	})
	tree, err := r.Tree(got.Hash, Declarations())
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(tree, "providers.cue", "clusters/eu.yaml"); err != nil {
		t.Error(err)
	}
}

func TestNothingNewCostsOneRequestAndANewCommitTwo(t *testing.T) {
	o := filled(t)
	web := o.web()
	r := web.repo(o, "main")
	fetch(t, r)
	for _, step := range []struct {
		name string
		do   func()
		want int64
	}{
		{"nothing new", func() {}, 1},
		{"a commit", func() { o.commit("third"); o.push() }, 2},
		{"again nothing", func() {}, 1},
		{"restart", func() { _ = r.Close() }, 1},
	} {
		step.do()
		before := web.requests.Load()
		same(t, step.name+": commit", fetch(t, r).Hash, o.head())
		same(t, step.name+": requests", web.requests.Load()-before, step.want)
	}
	pinned := &Repo{URL: r.URL, Auth: r.Auth, Ref: o.head(), Cache: r.Cache}
	_ = r.Close()
	before := web.requests.Load()
	fetch(t, pinned)
	same(t, "requests for a commit that is here", web.requests.Load()-before, 0)
	_ = pinned.Close()
}

func TestRewrittenHistoryIsFollowed(t *testing.T) {
	o := filled(t)
	r := o.web().repo(o, "main")
	old := fetch(t, r)

	stock(t, o.work, "commit", "-q", "--amend", "-m", "rewritten")
	o.push()
	rewritten := fetch(t, r)
	same(t, "rewritten", rewritten.Hash, o.head())
	if ok, err := r.IsAncestor(old.Hash, rewritten.Hash); ok || err != nil {
		t.Errorf("rewritten descends from old: %v %v", ok, err)
	}

	stock(t, o.work, "checkout", "-q", "--orphan", "other")
	o.commit("unrelated")
	o.push()
	same(t, "unrelated", fetch(t, r).Hash, o.head())
}

func TestBranchThatWentBackIsBelievedAtTheSecondLook(t *testing.T) {
	o := filled(t)
	r := o.web().repo(o, "main")
	tip := fetch(t, r)
	stock(t, o.work, "reset", "-q", "--hard", "HEAD^")
	o.push()
	same(t, "first look", fetch(t, r).Hash, tip.Hash)
	same(t, "second look", fetch(t, r).Hash, o.head())
	same(t, "third look", fetch(t, r).Hash, o.head())
}

func TestReplicaThatLagsDoesNotFlap(t *testing.T) {
	o := filled(t)
	r := o.web().repo(o, "main")
	tip := fetch(t, r)
	for range 3 {
		stock(t, o.bare, "update-ref", "refs/heads/main", "main^")
		same(t, "lagging", fetch(t, r).Hash, tip.Hash)
		stock(t, o.bare, "update-ref", "refs/heads/main", tip.Hash)
		same(t, "up to date", fetch(t, r).Hash, tip.Hash)
	}
}

func TestWhatIsNotThereIsAnErrorThatSaysWhatToDo(t *testing.T) {
	o, empty := filled(t), newOrigin(t)
	web, void := o.web(), empty.web()
	daemon, sshd := o.daemon(), o.sshd()
	stock(t, o.bare, "tag", "of-a-tree", "main^{tree}")
	for name, c := range map[string]struct {
		repo  *Repo
		words []string
	}{
		"branch": {&Repo{URL: o.bare, Ref: "nope"}, []string{`"nope" is neither a branch nor a tag; there are main`, "--ref"}},
		"branch over https": {&Repo{URL: web.URL + "/origin.git", Ref: "nope", Auth: web.auth},
			[]string{`"nope" is neither a branch nor a tag; there are main`, "--ref"}},
		"hash": {&Repo{URL: web.URL + "/origin.git", Auth: web.auth, Ref: strings.Repeat("1", 40)},
			[]string{"no branch and no tag leads to 1111"}},
		"local hash":       {&Repo{URL: o.bare, Ref: strings.Repeat("1", 40)}, []string{"no branch and no tag leads to 1111"}},
		"pattern":          {&Repo{URL: o.bare, Ref: "release-*"}, []string{`no tag matches "release-*"`}},
		"bad pattern":      {&Repo{URL: o.bare, Ref: "v["}, []string{"syntax error in pattern", "--ref"}},
		"ref to a tree":    {&Repo{URL: o.bare, Ref: "of-a-tree"}, []string{"marks a tree"}},
		"empty repository": {&Repo{URL: void.URL + "/origin.git", Auth: void.auth, Ref: "main"}, []string{"empty", "push a first commit"}},
		"empty local":      {&Repo{URL: empty.bare, Ref: "main"}, []string{"there are no branches"}},
		"no repository":    {&Repo{URL: web.URL + "/other.git", Auth: web.auth, Ref: "main"}, []string{"not found", "correct the URL"}},
		"no local":         {&Repo{URL: t.TempDir(), Ref: "main"}, []string{"repository does not exist", "correct the path"}},
		"no daemon's":      {&Repo{URL: strings.Replace(daemon, "origin", "other", 1), Ref: "main"}, []string{"correct the"}},
		"no ssh's": {&Repo{URL: strings.Replace(sshd.url, "origin", "other", 1), Auth: sshd.auth, Ref: "main"},
			[]string{"repository not found", "correct the URL"}},
		"scheme":  {&Repo{URL: "ftp://example.com/x", Ref: "main"}, []string{`scheme "ftp"`, "use https"}},
		"ext":     {&Repo{URL: "ext::sh -c whoami", Ref: "main"}, []string{"not accepted", "use https"}},
		"nobody":  {&Repo{URL: "https://127.0.0.1:1/x", Ref: "main"}, []string{"connection refused", "start the git server"}},
		"unknown": {&Repo{URL: web.URL + "/origin.git", Ref: "main"}, []string{"certificate", "ca.crt"}},
	} {
		r := c.repo
		_, err := r.Fetch(context.Background())
		t.Logf("%-18s %v", name, err)
		wrong(t, err, c.words...)
		_ = r.Close()
	}
}

func TestDeletedBranchIsAnErrorAndWhatWasFetchedStaysReadable(t *testing.T) {
	o := filled(t)
	r := o.web().repo(o, "main")
	c := fetch(t, r)
	stock(t, o.bare, "update-ref", "-d", "refs/heads/main")
	stock(t, o.bare, "update-ref", "refs/heads/other", c.Parents[0])
	_, err := r.Fetch(context.Background())
	if !errors.Is(err, ErrNoRef) {
		t.Errorf("got %v, want %v", err, ErrNoRef)
	}
	tree, err := r.Tree(c.Hash, Declarations())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fs.ReadFile(tree, "providers.cue"); err != nil {
		t.Error(err)
	}
}

func TestChooseTag(t *testing.T) {
	for _, c := range []struct {
		pattern, tags, want string
	}{
		{"v*", "v1.2.0 v1.10.0 v1.9.0", "v1.10.0"},
		{"v*", "v1.0.0 v2.0.0-rc1", "v1.0.0"},
		{"v*-*", "v1.0.0 v2.0.0-rc1 v2.0.0-rc2", "v2.0.0-rc2"},
		{"v*", "v2.0.0-rc1 v2.0.0-beta", "v2.0.0-rc1"},
		{"v1.*", "v1.0.0 v1.1.0 v2.0.0", "v1.1.0"},
		{"v*", "v1 vague v0.9", "v1"},
		{"prod/*", "prod/1.0.0 prod/1.1.0 test/9.0.0", "prod/1.1.0"},
		{"v[0-9]*", "v1 v2", "v2"},
	} {
		adv := advertisement{refs: map[string]plumbing.Hash{}, caps: capability.NewList()}
		names := map[plumbing.Hash]string{}
		for i, tag := range strings.Fields(c.tags) {
			hash := plumbing.NewHash(fmt.Sprintf("%040x", i+1))
			adv.refs["refs/tags/"+tag], names[hash] = hash, tag
		}
		adv.refs["refs/heads/v99.0.0"] = plumbing.NewHash(fmt.Sprintf("%040x", 99))
		got, err := adv.choose(c.pattern)
		if err != nil || len(got) != 1 || names[got[0]] != c.want {
			t.Errorf("%s of %s: got %v %v, want %s", c.pattern, c.tags, got, err, c.want)
		}
	}
}

func TestTagsWithoutVersionsGoByDate(t *testing.T) {
	o := filled(t)
	for _, tag := range []string{"release-b 2020-01-01T00:00:00", "release-a 2024-01-01T00:00:00", "release-c 2022-01-01T00:00:00"} {
		name, date, _ := strings.Cut(tag, " ")
		t.Setenv("GIT_COMMITTER_DATE", date)
		o.commit(name)
		stock(t, o.work, "tag", "-a", "-m", name, name)
	}
	o.push()
	same(t, "newest", fetch(t, o.web().repo(o, "release-*")).Subject, "release-a")
}

func TestDeadlineHoldsAgainstServersThatStaySilent(t *testing.T) {
	banner := func(conn net.Conn) { _, _ = conn.Write([]byte("SSH-2.0-silent\r\n")) }
	header := func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 1))
		_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n\r\n"))
	}
	drip := func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 1))
		for {
			if _, err := conn.Write([]byte("1")); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	auth := t.TempDir()
	_, private := key(t, "")
	put(t, auth, "ssh-privatekey", private)
	put(t, auth, "known_hosts", "# none\n")
	for name, c := range map[string]struct {
		scheme string
		speak  func(net.Conn)
	}{
		"http": {"http", nil}, "http after header": {"http", header}, "http drip": {"http", drip},
		"ssh": {"ssh", nil}, "ssh after banner": {"ssh", banner}, "ssh drip": {"ssh", drip},
		"git": {"git", nil}, "git drip": {"git", drip},
	} {
		t.Run(name, func(t *testing.T) {
			r := &Repo{URL: c.scheme + "://" + silent(t, c.speak) + "/x.git", Ref: "main", Auth: auth, Timeout: 150 * time.Millisecond}
			start := time.Now()
			_, err := r.Fetch(context.Background())
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("took %v", took)
			}
			wrong(t, err, "not done within 150ms")
			_ = r.Close()
		})
	}
}

// deaf is a context whose end nobody hears of: what is left is its deadline.
type deaf struct {
	context.Context
	at time.Time
}

func (d deaf) Deadline() (time.Time, bool) { return d.at, true }

// The connection has the deadline too: a hand on it that comes late or never must not hold a fetch.
func TestConnectionEndsAtTheDeadlineByItself(t *testing.T) {
	auth := t.TempDir()
	_, private := key(t, "")
	put(t, auth, "ssh-privatekey", private)
	put(t, auth, "known_hosts", "# none\n")
	banner := func(conn net.Conn) { _, _ = conn.Write([]byte("SSH-2.0-silent\r\n")) }
	for name, speak := range map[string]func(net.Conn){"ssh": nil, "ssh after banner": banner} {
		t.Run(name, func(t *testing.T) {
			r := &Repo{URL: "ssh://" + silent(t, speak) + "/x.git", Auth: auth}
			m, err := r.remote()
			if err != nil {
				t.Fatal(err)
			}
			_, err = soon(t, func() (*stream, error) {
				return m.openStream(deaf{context.Background(), time.Now().Add(200 * time.Millisecond)}, "git-upload-pack")
			})
			wrong(t, err, "timeout")
		})
	}
}

func TestSSHAgentThatStaysSilentHoldsNoFetch(t *testing.T) {
	o := filled(t)
	sshd := o.sshd()
	if err := os.Remove(sshd.auth + "/ssh-privatekey"); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "agent") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := net.Listen("unix", dir+"/a")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	t.Setenv("SSH_AUTH_SOCK", l.Addr().String())
	r := &Repo{URL: sshd.url, Auth: sshd.auth, Ref: "main", Timeout: 300 * time.Millisecond}
	_, err = soon(t, func() (Commit, error) { return r.Fetch(context.Background()) })
	wrong(t, err, "not done within 300ms")
	_ = r.Close()
}

// soon fails the test where something takes much longer than it may.
func soon[T any](t *testing.T, do func() (T, error)) (got T, err error) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		got, err = do()
	}()
	select {
	case <-done:
		return got, err
	case <-time.After(10 * time.Second):
		t.Fatal("it hangs")
		panic("not reached")
	}
}

// silent listens, accepts, and says no more than it is told to.
func silent(t *testing.T, speak func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			if speak != nil {
				go speak(conn)
			}
		}
	}()
	return l.Addr().String()
}

func TestCredentials(t *testing.T) {
	o := filled(t)
	web := o.web()
	web.gate = func(w http.ResponseWriter, r *http.Request) bool {
		user, password, _ := r.BasicAuth()
		if user == "x-access-token" && password == "s3cret" {
			return true
		}
		w.Header().Set("WWW-Authenticate", "Basic")
		http.Error(w, "who are you", http.StatusUnauthorized)
		return false
	}
	r := web.repo(o, "main")
	_, err := r.Fetch(context.Background())
	wrong(t, err, "authentication required", "put username and password, or token")

	put(t, web.auth, "token", "s3cret\n") // a rotated file counts at once
	fetch(t, r)
	put(t, web.auth, "token", "revoked\n")
	_, err = r.Fetch(context.Background())
	wrong(t, err, "authentication required")
	if strings.Contains(err.Error(), "revoked") {
		t.Errorf("the token is in the error: %v", err)
	}

	inURL := &Repo{URL: strings.Replace(r.URL, "://", "://x-access-token:s3cret@", 1), Ref: "nope", Auth: t.TempDir()}
	put(t, inURL.Auth, "ca.crt", read(t, web.auth, "ca.crt"))
	_, err = inURL.Fetch(context.Background())
	wrong(t, err, "neither a branch nor a tag")
	if strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the password is in the error: %v", err)
	}
	_ = inURL.Close()
}

func TestCredentialsStayWhereTheyBelong(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "token", "s3cret")
	_, err := (&Repo{URL: "http://git.example.com/x", Ref: "main", Auth: dir}).Fetch(context.Background())
	wrong(t, err, "credentials over plain http")

	o := filled(t)
	web := o.web()
	var seen []string
	thief := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
	}))
	defer thief.Close()
	web.gate = func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, thief.URL+r.URL.RequestURI(), http.StatusFound)
		return false
	}
	put(t, web.auth, "token", "s3cret")
	r := web.repo(o, "main")
	if _, err := r.Fetch(context.Background()); err == nil {
		t.Error("the redirect was followed to the end")
	}
	if len(seen) == 0 {
		t.Error("the other host was never asked")
	}
	for _, s := range seen {
		if s != "" {
			t.Errorf("the other host got %q", s)
		}
	}
}

func TestSSHKeysAndHosts(t *testing.T) {
	o := filled(t)
	s := o.sshd()
	try := func(change func(dir string)) error {
		dir := t.TempDir()
		for _, name := range []string{"ssh-privatekey", "known_hosts"} {
			put(t, dir, name, read(t, s.auth, name))
		}
		change(dir)
		_, err := (&Repo{URL: s.url, Ref: "main", Auth: dir}).Fetch(context.Background())
		return err
	}
	if err := try(func(string) {}); err != nil {
		t.Error(err)
	}
	wrong(t, try(func(dir string) { put(t, dir, "known_hosts", "# empty\n") }), "add the host's key to known_hosts")
	other, otherPEM := key(t, "")
	wrong(t, try(func(dir string) {
		put(t, dir, "known_hosts", knownhostsLine(s.addr, other))
	}), "the host key changed")
	wrong(t, try(func(dir string) { put(t, dir, "ssh-privatekey", otherPEM) }), "unable to authenticate")
	_, locked := key(t, "open sesame")
	wrong(t, try(func(dir string) { put(t, dir, "ssh-privatekey", locked) }), "passphrase")
	wrong(t, try(func(dir string) {
		put(t, dir, "ssh-privatekey", locked)
		put(t, dir, "password", "open sesame\n")
	}), "unable to authenticate") // it could be opened, and is not known there
	t.Setenv("SSH_AUTH_SOCK", "")
	wrong(t, try(func(dir string) { _ = os.Remove(dir + "/ssh-privatekey") }), "put ssh-privatekey")
}

func TestServersThatCannotBeToldWhatIsHere(t *testing.T) {
	o := filled(t)
	web, sshd := o.web(), o.sshd()
	for name, r := range map[string]*Repo{
		"https": web.repo(o, "main"), "git": {URL: o.daemon(), Ref: "main"},
		"ssh": {URL: sshd.url, Auth: sshd.auth, Ref: "main"},
	} {
		m, err := r.remote()
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second on top of the first
			head := o.commit(name)
			o.push()
			if err := r.open(); err != nil {
				t.Fatal(err)
			}
			s, err := m.uploadSession(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			adv, err := advertised(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			wants := []plumbing.Hash{plumbing.NewHash(head)}
			if err := r.download(t.Context(), download{session: s, adv: adv, wants: wants, whole: true}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			_ = s.Close()
			if chain, err := r.Ancestors(head, 100); err != nil || len(chain) < 3 {
				t.Errorf("%s: %d commits, %v", name, len(chain), err)
			}
		}
		_ = r.Close()
	}
	for host, want := range map[string]bool{
		"https://dev.azure.com/acme/_git/x": true, "https://acme.visualstudio.com/_git/x": true,
		"git@ssh.dev.azure.com:v3/acme/x/y": true, "https://github.com/acme/x": false, "https://notdev.azure.com.example/x": false,
	} {
		m, err := (&Repo{URL: host}).remote()
		if err != nil {
			t.Fatal(err)
		}
		same(t, host, m.wholeOnly(), want)
	}
}
