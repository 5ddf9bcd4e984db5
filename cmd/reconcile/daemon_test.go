package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/workspace-providers/reconcile/status"
)

// patience is how long tests wait for what must come about, on a machine that has much to do.
const patience = 10 * time.Minute

// await waits until ok says yes, asking again and again. What ok returns besides is shown when it never
// does.
func (s *site) await(what string, ok func() (state any, done bool)) {
	s.Helper()
	var state any
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		var done bool
		if state, done = ok(); done {
			return
		}
	}
	s.Fatalf("not within %s: %s\nlast seen:\n%v", patience, what, state)
}

// daemon is a running daemon of a site.
type daemon struct {
	*site
	cmd  *exec.Cmd
	log  *logged
	url  string
	done chan struct{} // closed when the process has ended
}

// daemon starts a daemon on the site's repository and waits until it listens.
func (s *site) daemon(args ...string) *daemon {
	s.Helper()
	return s.daemonOn(append([]string{"--repo", s.bare}, args...)...)
}

// daemonOn starts a daemon on declarations that the arguments name.
func (s *site) daemonOn(args ...string) *daemon {
	s.Helper()
	args = append([]string{
		"--credentials", s.creds, "--cache", filepath.Join(s.TempDir(), "cache"),
		"--interval", "300ms", "--listen", "127.0.0.1:0",
	}, args...)
	d := &daemon{site: s, cmd: exec.Command(s.program, args...), log: newLogged(), done: make(chan struct{})}
	d.cmd.Env = slices.Concat(os.Environ(), []string{leashEnv + "=1"}, s.env)
	d.cmd.Stdout, d.cmd.Stderr = d.log, d.log
	if _, err := d.cmd.StdinPipe(); err != nil {
		s.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		s.Fatal(err)
	}
	go func() {
		_ = d.cmd.Wait() // code tells how it ended
		close(d.done)
	}()
	s.Cleanup(d.bury)
	select {
	case addr := <-d.log.address:
		d.url = "http://" + addr
	case <-d.done:
		s.Fatalf("the daemon ended: %s\n%s", d.cmd.ProcessState, d.log)
	case <-time.After(patience):
		s.Fatalf("the daemon does not listen\n%s", d.log)
	}
	return d
}

// bury ends the daemon if the test has not, and shows what it logged last where the test failed.
func (d *daemon) bury() {
	select {
	case <-d.done:
		return
	default:
	}
	d.kill()
	if d.Failed() {
		text := d.log.String()
		d.Logf("the daemon logged, of what went wrong:\n%s\nand in the end:\n%s", last(wrongs(text), 12), last(text, 6))
	}
}

// wrongs are the lines of a log that are no good news.
func wrongs(log string) string {
	var out strings.Builder
	for line := range strings.Lines(log) {
		if strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") {
			out.WriteString(line)
		}
	}
	return out.String()
}

// last are the last lines of a log, each as far as it fits a screen: where many tests fail, somebody has to read
// them all.
func last(log string, lines int) string {
	all := strings.SplitAfter(strings.TrimSuffix(log, "\n"), "\n")
	all = all[max(0, len(all)-lines):]
	for i, line := range all {
		if runes := []rune(line); len(runes) > 300 {
			all[i] = string(runes[:300]) + "…\n"
		}
	}
	return strings.Join(all, "")
}

// kill ends the daemon as a power cut would.
func (d *daemon) kill() {
	_ = d.cmd.Process.Kill() // it may have ended already
	<-d.done
}

// stop asks the daemon to end, as Kubernetes does, and wants it to within its grace.
func (d *daemon) stop() {
	d.Helper()
	d.signal(syscall.SIGTERM)
	select {
	case <-d.done:
	case <-time.After(30 * time.Second):
		d.Fatal("the daemon does not end")
	}
	if code := d.cmd.ProcessState.ExitCode(); code != exitOK {
		d.Fatalf("the daemon ended with code %d", code)
	}
}

func (d *daemon) signal(sig os.Signal) {
	d.Helper()
	if err := d.cmd.Process.Signal(sig); err != nil {
		d.Fatal(err)
	}
}

// get reads a page of the daemon; one that does not answer has code 0.
func (d *daemon) get(path string) (code int, body string) {
	resp, err := http.Get(d.url + path)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(text)
}

// status is what the daemon says of everything; the zero value where it says nothing yet.
func (d *daemon) status() (doc status.StatusDoc) {
	code, body := d.get("/api/v1/status")
	if code != http.StatusOK {
		return doc
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		d.Fatalf("status: %v\n%s", err, body)
	}
	return doc
}

// until waits for a status that fits, and returns it.
func (d *daemon) until(what string, ok func(status.StatusDoc) bool) (doc status.StatusDoc) {
	d.Helper()
	d.await(what, func() (any, bool) {
		doc = d.status()
		return shown{doc}, ok(doc)
	})
	return doc
}

// shown writes a status for people.
type shown struct{ status.StatusDoc }

func (s shown) String() string {
	return fmt.Sprintf("head %.7s %s%s\n%s%v", s.Head.SHA, s.HeadError, s.FetchError, status.Table(s.Providers), s.Summary)
}

// ready waits until a revision is in force and these providers are Ready at it.
func (d *daemon) ready(sha string, names ...string) status.StatusDoc {
	d.Helper()
	return d.until("Ready: "+strings.Join(names, ", "), func(doc status.StatusDoc) bool {
		return doc.Revision.SHA == sha && !slices.ContainsFunc(names, func(name string) bool {
			p := provider(doc, name)
			return p.Status != status.Ready || !p.Applied
		})
	})
}

// provider is one provider of a status; the zero value where there is none.
func provider(doc status.StatusDoc, name string) status.Provider {
	for _, p := range doc.Providers {
		if p.Name == name {
			return p
		}
	}
	return status.Provider{}
}

// held is the first hold of a provider.
func held(doc status.StatusDoc, name string) status.Hold {
	if holds := provider(doc, name).Holds; len(holds) > 0 {
		return holds[0]
	}
	return status.Hold{}
}

// revision is the Helm revision of a provider's first release; 0 where there is none.
func revision(doc status.StatusDoc, name string) int {
	if rels := provider(doc, name).Releases; len(rels) > 0 {
		return rels[0].Revision
	}
	return 0
}

// noted waits until the git note on a commit has a line that begins so, after "reconcile/NAME/".
func (s *site) noted(sha, line string) {
	s.Helper()
	s.await("a note on "+sha[:7]+": "+line, func() (any, bool) {
		note := s.note(sha)
		return note, strings.Contains("\n"+note, "\nreconcile/"+s.name+"/"+line)
	})
}

// note is the git note on a commit, empty where it has none.
func (s *site) note(sha string) string {
	out, err := exec.Command("git", "-C", s.bare, "notes", "--ref", "reconcile/"+s.name, "show", sha).Output()
	if err != nil {
		return ""
	}
	return string(out)
}

// logged keeps what a daemon prints, and picks out where it listens.
type logged struct {
	address chan string // receives once

	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func newLogged() *logged { return &logged{address: make(chan string, 1)} }

// Write keeps more of what is printed.
func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	if _, after, found := strings.Cut(l.text.String(), "msg=listening address="); found {
		if addr, _, whole := strings.Cut(after, "\n"); whole {
			select {
			case l.address <- addr:
			default:
			}
		}
	}
	return len(p), nil
}

// String is everything that was printed.
func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
