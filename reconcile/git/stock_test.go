package git

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
)

// stock runs the git program in a directory and returns what it prints.
func stock(t testing.TB, dir string, args ...string) string {
	t.Helper()
	out, err := tryStock(dir, "", args...)
	if err != nil {
		t.Fatalf("git %s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(out)
}

func tryStock(dir, in string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(in)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull,
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com", "LC_ALL=C")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, stderr.String())
	}
	return string(out), err
}

// origin is a bare repository with two commits on main, v1.0.0 on the first, and a clone to push
// from.
type origin struct {
	t    testing.TB
	bare string
	work string
}

func newOrigin(t testing.TB) *origin {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("the git program is not installed")
	}
	dir := t.TempDir()
	o := &origin{t: t, bare: filepath.Join(dir, "origin.git"), work: filepath.Join(dir, "work")}
	stock(t, dir, "init", "-q", "--bare", "-b", "main", o.bare)
	stock(t, o.bare, "config", "http.receivepack", "true")
	stock(t, dir, "init", "-q", "-b", "main", o.work)
	stock(t, o.work, "remote", "add", "origin", o.bare)
	return o
}

// filled has two commits.
func filled(t testing.TB) *origin {
	o := newOrigin(t)
	o.write("providers.cue", "package providers\n")
	o.commit("first")
	stock(t, o.work, "tag", "-a", "-m", "one", "v1.0.0")
	o.write("clusters/eu.yaml", "eu: {region: eu}\n")
	o.commit("second\n\nwith a body")
	o.push()
	return o
}

func (o *origin) write(name, content string) {
	o.t.Helper()
	path := filepath.Join(o.work, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		o.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		o.t.Fatal(err)
	}
}

func (o *origin) commit(message string) string {
	o.t.Helper()
	stock(o.t, o.work, "add", "-A")
	stock(o.t, o.work, "commit", "-q", "--allow-empty", "-m", message)
	return o.head()
}

func (o *origin) head() string { return stock(o.t, o.work, "rev-parse", "HEAD") }

func (o *origin) push(args ...string) {
	o.t.Helper()
	stock(o.t, o.work, append([]string{"push", "-q", "--force", "--tags", "origin", "HEAD:main"}, args...)...)
}

// plant makes a commit on main in the bare repository out of a tree that git itself would not
// write.
func (o *origin) plant(entries ...string) string {
	o.t.Helper()
	var raw bytes.Buffer
	for _, e := range entries { // "mode name\x00hex"
		head, hex, _ := strings.Cut(e, "\x00")
		raw.WriteString(head + "\x00")
		for i := 0; i < len(hex); i += 2 {
			var b byte
			fmt.Sscanf(hex[i:i+2], "%02x", &b)
			raw.WriteByte(b)
		}
	}
	return o.plantTree(o.object("tree", raw.String()))
}

func (o *origin) plantTree(tree string) string {
	o.t.Helper()
	commit := stock(o.t, o.bare, "commit-tree", "-m", "planted", tree)
	stock(o.t, o.bare, "update-ref", "refs/heads/main", commit)
	return commit
}

// object writes an object without git's checks.
func (o *origin) object(kind, content string) string {
	o.t.Helper()
	out, err := tryStock(o.bare, content, "hash-object", "-w", "-t", kind, "--literally", "--stdin")
	if err != nil {
		o.t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// web is a git server over https, which counts.
type web struct {
	*httptest.Server
	auth     string // directory with the CA certificate
	requests atomic.Int64
	gate     func(w http.ResponseWriter, r *http.Request) bool // false: it has answered
}

func (o *origin) web() *web {
	o.t.Helper()
	core := stock(o.t, o.bare, "--exec-path")
	backend := &cgi.Handler{
		Path: filepath.Join(core, "git-http-backend"), Stderr: io.Discard, Logger: log.New(io.Discard, "", 0),
		Env: []string{"GIT_PROJECT_ROOT=" + filepath.Dir(o.bare), "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=test",
			"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull},
	}
	w := &web{auth: o.t.TempDir()}
	w.Server = httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.requests.Add(1)
		if w.gate == nil || w.gate(rw, r) {
			backend.ServeHTTP(rw, r)
		}
	}))
	w.Config.ErrorLog = log.New(io.Discard, "", 0)
	o.t.Cleanup(w.Close)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.Certificate().Raw})
	put(o.t, w.auth, "ca.crt", string(cert))
	return w
}

func (w *web) repo(o *origin, ref string) *Repo {
	r := &Repo{URL: w.URL + "/origin.git", Ref: ref, Auth: w.auth, Cache: o.t.TempDir()}
	o.t.Cleanup(func() { _ = r.Close() })
	return r
}

// daemon starts git's own server and returns its URL.
func (o *origin) daemon() string {
	o.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		o.t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	cmd := exec.Command(filepath.Join(stock(o.t, o.bare, "--exec-path"), "git-daemon"), "--export-all", "--reuseaddr",
		"--enable=receive-pack", "--listen=127.0.0.1", fmt.Sprintf("--port=%d", port),
		"--base-path="+filepath.Dir(o.bare), filepath.Dir(o.bare))
	if err := cmd.Start(); err != nil {
		o.t.Skip("git daemon is not installed")
	}
	o.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	until(o.t, "git daemon listens", func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return "git://" + addr + "/origin.git"
}

// sshd is an ssh server that runs git, for one known key.
type sshd struct {
	url  string
	auth string // directory with key and known_hosts
	addr string
}

func (o *origin) sshd() *sshd {
	o.t.Helper()
	hostKey, _ := key(o.t, "")
	userKey, userPEM := key(o.t, "")
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
		if !bytes.Equal(k.Marshal(), userKey.PublicKey().Marshal()) {
			return nil, fmt.Errorf("unknown key")
		}
		return nil, nil
	}}
	config.AddHostKey(hostKey)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		o.t.Fatal(err)
	}
	var conns sync.WaitGroup
	o.t.Cleanup(func() { _ = l.Close(); conns.Wait() })
	conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { serveSSH(conn, config) })
		}
	})
	s := &sshd{addr: l.Addr().String(), auth: o.t.TempDir()}
	s.url = "ssh://git@" + s.addr + o.bare
	put(o.t, s.auth, "ssh-privatekey", userPEM)
	put(o.t, s.auth, "known_hosts", knownhosts.Line([]string{knownhosts.Normalize(s.addr)}, hostKey.PublicKey())+"\n")
	return s
}

func serveSSH(conn net.Conn, config *ssh.ServerConfig) {
	defer conn.Close()
	c, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	defer c.Close()
	go ssh.DiscardRequests(requests)
	for n := range channels {
		ch, reqs, err := n.Accept()
		if err != nil {
			return
		}
		for req := range reqs {
			_ = req.Reply(req.Type == "exec", nil)
			if req.Type != "exec" {
				continue
			}
			cmd := exec.Command("sh", "-c", string(req.Payload[4:]))
			cmd.Stdout, cmd.Stderr = ch, ch.Stderr()
			in, _ := cmd.StdinPipe()
			go func() { _, _ = io.Copy(in, ch); _ = in.Close() }()
			err := cmd.Run()
			status := byte(0)
			if err != nil {
				status = 1
			}
			_, _ = ch.SendRequest("exit-status", false, []byte{0, 0, 0, status})
			_ = ch.Close()
			break
		}
	}
}

// key makes a key pair; with a passphrase the PEM is encrypted.
func key(t testing.TB, passphrase string) (ssh.Signer, string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	return signer, string(pem.EncodeToMemory(block))
}

func put(t testing.TB, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// fetch fetches and must succeed.
func fetch(t testing.TB, r *Repo) Commit {
	t.Helper()
	c, err := r.Fetch(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// until waits for a condition, for ten seconds at most.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func same[T any](t interface {
	Helper()
	Errorf(string, ...any)
}, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// wrong checks that an error is there and says something.
func wrong(t testing.TB, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", words)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q lacks %q", err, w)
		}
	}
}

func read(t testing.TB, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func knownhostsLine(addr string, key ssh.Signer) string {
	return knownhosts.Line([]string{knownhosts.Normalize(addr)}, key.PublicKey()) + "\n"
}

func isFile(dir, name string) bool {
	info, err := os.Stat(filepath.Join(dir, name))
	return err == nil && !info.IsDir()
}

func isDir(dir, name string) bool {
	info, err := os.Stat(filepath.Join(dir, name))
	return err == nil && info.IsDir()
}
