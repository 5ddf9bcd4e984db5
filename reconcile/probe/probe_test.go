package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/workspace-providers/reconcile/reconcile"
)

var errLost = errors.New("lost")

const from, to = "https://old.example", "https://new.example"

// Each look at a URL that answered is one letter: "." it answers, "x" it does not. What is known after each is
// written in the same way.
func TestPatienceIsForThePreviousURL(t *testing.T) {
	for _, c := range []struct{ name, url, looks, known string }{
		{"a previous URL is lost after three looks in a row", from, ".xxxx.", "...xx."},
		{"looks in between are no row", from, ".xx.xx.xxx", ".........x"},
		{"the new one is lost after the first", to, ".x.xx.", ".x.xx."},
		{"one that never answered is not waited for", from, "xx.x", "xx.."},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p Prober
			var known strings.Builder
			for _, look := range c.looks {
				p.Watch(reconcile.AccessURL{}, from, to) // as each step of the loop does
				p.note(reconcile.AccessURL{}, c.url, answer(look))
				known.WriteRune(mark(p.Live()[c.url]))
			}
			if got := known.String(); got != c.known {
				t.Errorf("after %s got %s, want %s", c.looks, got, c.known)
			}
		})
	}
}

func answer(look rune) reconcile.URLLive {
	live := reconcile.URLLive{At: time.Now(), Addresses: []string{"192.0.2.1"}}
	if look == 'x' {
		live.Err = errLost.Error()
		return live
	}
	live.Status, live.ID, live.Version, live.Says = "200 OK", "one", "2.30.0", from
	return live
}

func mark(live reconcile.URLLive) rune {
	if live.Err != "" {
		return 'x'
	}
	return '.'
}

// When a change is turned round, a look that was overlooked in the previous URL is not in the new one.
func TestOneAloneIsNewAndRolesTurnRound(t *testing.T) {
	var p Prober
	var how reconcile.AccessURL
	p.Watch(how, to)
	p.note(how, to, answer('.'))
	if p.note(how, to, answer('x')); p.Live()[to].Err == "" {
		t.Error("one alone has patience")
	}
	p.Watch(how, from, to)
	p.note(how, from, answer('.'))
	p.note(how, from, answer('x'))
	if p.Watch(how, to, from); !p.Live()[from].At.IsZero() {
		t.Error("what became the new URL answers, though it did not last")
	}
}

func TestALostURLKeepsWhichDeploymentItWas(t *testing.T) {
	var p Prober
	var how reconcile.AccessURL
	p.Watch(how, from, to)
	for _, url := range []string{from, to} {
		for _, look := range ".xxxx" {
			p.note(how, url, answer(look))
		}
		live := p.Live()[url]
		if live.ID != "one" || live.Version != "2.30.0" || live.Err != errLost.Error() {
			t.Errorf("%s: got %+v, want the id, the version and why it is lost", url, live)
		}
		if live.Says != "" || live.Status != "" {
			t.Errorf("%s: got %+v, which still says what it uses", url, live)
		}
	}
	next := answer('.')
	next.ID, next.Version = "two", ""
	if p.note(how, from, next); p.Live()[from].ID != "two" || p.Live()[from].Version != "" {
		t.Errorf("got %+v, want what the next answer says", p.Live()[from])
	}
}

// What was asked in the former way is no answer to what is asked now.
func TestALookInFlightIsOfTheFormerPath(t *testing.T) {
	asked, proceed := make(chan string), make(chan bool)
	url := plain(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		<-proceed
		fmt.Fprintf(w, `{"deployment_id": %q}`, r.URL.Path)
	})
	p := &Prober{Timeout: patient, Interval: patient}
	p.Watch(reconcile.AccessURL{Path: "/old"}, url)
	stop := run(t, p)
	defer stop()
	receive(t, asked, "the look at the old path")
	p.Watch(reconcile.AccessURL{Path: "/new"}, url)
	proceed <- true
	if got := receive(t, asked, "the look at the new path, long before the interval is over"); got != "/new" {
		t.Fatalf("asked for %s", got)
	}
	if live := p.Live()[url]; !live.At.IsZero() || live.ID != "" { // the round before is over
		t.Errorf("got %+v of the former path", live)
	}
	proceed <- true
	receive(t, p.Changed(), "news")
	if live := p.Live()[url]; live.ID != "/new" {
		t.Errorf("got %+v, want the answer of the new path", live)
	}
}

func TestALookInFlightIsWithTheFormerAuthorities(t *testing.T) {
	var p Prober
	former, now := reconcile.AccessURL{CA: "a.pem"}, reconcile.AccessURL{CA: "b.pem"}
	p.Watch(former, from)
	p.Watch(now, from)
	if p.note(former, from, answer('.')); !p.Live()[from].At.IsZero() {
		t.Error("an answer that other authorities vouched for counts")
	}
	if p.note(now, to, answer('.')); len(p.Live()) != 1 {
		t.Error("a URL that nobody watches is known")
	}
}

func TestRunEndsInTheMiddleOfALook(t *testing.T) {
	asked := make(chan bool)
	url := plain(t, func(_ http.ResponseWriter, r *http.Request) {
		asked <- true
		<-r.Context().Done()
	})
	p := &Prober{Timeout: 100 * patient}
	p.Watch(reconcile.AccessURL{}, url)
	stop := run(t, p)
	receive(t, asked, "a look")
	stop()
	if live := p.Live()[url]; !live.At.IsZero() {
		t.Errorf("got %+v of a look that was broken off", live)
	}
}

func TestRunEndsInTheMiddleOfALookup(t *testing.T) {
	looking, proceed := make(chan bool, 100), make(chan bool)
	defer close(proceed)
	dial := func(context.Context, string, string) (net.Conn, error) {
		looking <- true
		<-proceed // whatever becomes of the context
		return nil, errLost
	}
	p := &Prober{Timeout: 100 * patient, names: &net.Resolver{PreferGo: true, Dial: dial}}
	p.Watch(reconcile.AccessURL{}, from)
	stop := run(t, p)
	receive(t, looking, "a lookup")
	stop()
}

// run runs until stop is called, which waits for its end.
func run(t *testing.T, p *Prober) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); p.Run(ctx) }()
	return func() { cancel(); receive(t, ended, "the end of Run") }
}

// A redirect is followed by nobody: behind it may be the previous URL.
func TestARedirectIsNoAnswer(t *testing.T) {
	behind := plain(t, func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") })
	for _, code := range []int{301, 302, 303, 307, 308} {
		url := plain(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, behind, code) })
		live := new(Prober).Look(t.Context(), reconcile.AccessURL{Path: "/"}, url)
		if want := " (to " + behind + ")"; live.Status != "" || !strings.HasSuffix(live.Err, want) {
			t.Errorf("%d: got %+v, want an error that ends in %s", code, live, want)
		}
	}
}

// Of a body without end a part is read, which says nothing; the answer counts all the same.
func TestBodiesAreBounded(t *testing.T) {
	url := plain(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Coder-Build-Version", "2.30.0")
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte(strings.Repeat(" ", 4096))); err != nil {
				return
			}
		}
	})
	p := &Prober{Timeout: patient}
	if live := p.Look(t.Context(), reconcile.AccessURL{}, url); live.Err != "" || live.Version != "2.30.0" {
		t.Errorf("got %+v, want an answer", live)
	}
}

func TestWhatAnAnswerSays(t *testing.T) {
	for body, want := range map[string]reconcile.URLLive{
		`{"version": "2.30.0", "deployment_id": "one", "dashboard_url": "https://new.example/"}`: {
			Version: "2.30.0", ID: "one", Says: to},
		`{"access_url": "https://new.example"}`: {Says: to, Version: "header"},
		"well":                                  {Version: "header"},
	} {
		url := plain(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Coder-Version", "header")
			fmt.Fprint(w, body)
		})
		want.Status, want.Addresses = "200 OK", []string{"127.0.0.1"}
		got := new(Prober).Look(t.Context(), reconcile.AccessURL{}, url)
		if want.At = got.At; differs(got, want) || got.At.IsZero() {
			t.Errorf("%s: got %+v, want %+v", body, got, want)
		}
	}
}

func TestTheDeclaredAuthorityAloneIsTrusted(t *testing.T) {
	const unknown = "its certificate is signed by an unknown authority"
	ours, other, dir := newAuthority(t), newAuthority(t), t.TempDir()
	write(t, dir, "ours.pem", ours.pem())
	write(t, dir, "other.pem", other.pem())
	write(t, dir, "empty.pem", nil)
	url := secure(t, ours.issue(t, nil), func(http.ResponseWriter, *http.Request) {})
	p := &Prober{Credentials: os.DirFS(dir), Timeout: patient}
	for ca, want := range map[string]string{
		"ours.pem":    "",
		"other.pem":   unknown, // though ours.pem lies beside it
		"missing.pem": "certificate authorities in the credentials: open ca/missing.pem: no such file or directory",
		"empty.pem":   "ca/empty.pem of the credentials has no certificate in it",
	} {
		if live := p.Look(t.Context(), reconcile.AccessURL{CA: ca}, url); live.Err != want || len(live.Addresses) == 0 {
			t.Errorf("%s: got %+v, want the error %q", ca, live, want)
		}
	}
	must(t, os.Remove(filepath.Join(dir, "ca", "empty.pem")))
	if live := p.Look(t.Context(), reconcile.AccessURL{}, url); live.Err != "" {
		t.Errorf("without a name got %+v, want an answer", live)
	}
	if live := new(Prober).Look(t.Context(), reconcile.AccessURL{}, url); live.Err != unknown {
		t.Errorf("without credentials got %+v, want the error %q", live, unknown)
	}
}

func TestARotatedAuthorityCountsAtTheNextLook(t *testing.T) {
	before, after, dir := newAuthority(t), newAuthority(t), t.TempDir()
	write(t, dir, "ours.pem", before.pem())
	url := secure(t, after.issue(t, nil), func(http.ResponseWriter, *http.Request) {})
	how := reconcile.AccessURL{CA: "ours.pem"}
	p := &Prober{Credentials: os.DirFS(dir), Timeout: patient, Interval: time.Millisecond}
	p.Watch(how, url)
	defer run(t, p)()
	receive(t, p.Changed(), "the first look")
	if live := p.Live()[url]; live.Err == "" {
		t.Fatalf("got %+v, want an error", live)
	}
	write(t, dir, "ours.pem", after.pem())
	receive(t, p.Changed(), "a look with the new authority")
	if live := p.Live()[url]; live.Err != "" {
		t.Errorf("got %+v, want an answer", live)
	}
}

// write replaces a file of authorities in one go.
func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Join(dir, "ca"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, name+".new"), data, 0o600))
	must(t, os.Rename(filepath.Join(dir, name+".new"), filepath.Join(dir, "ca", name)))
}
