package status

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// APIOptions say which repository of a forge statuses go to and who posts them.
type APIOptions struct {
	URL        string       // base URL of the API, https but on loopback
	Repository string       // "owner/name"; on GitLab "group/subgroup/name" too
	TokenFile  string       // read before each use, so that a rotated token counts at once; empty: none
	App        *App         // posts in place of the token; GitHub's alone, may be nil
	Page       string       // base of the target URLs, which are Page/revisions/<sha>; empty: none
	HTTP       *http.Client // private CAs and proxies; http.DefaultClient when nil
	Known      *Known       // of this repository; may be nil
}

// api is what the forges with an API have in common. Each speaks to it through an SDK of its own.
type api struct {
	kind, title string
	needs       string // what the token may have to do
	repository  string
	page        string
	base        *url.URL
	plain       http.Client
	client      *http.Client // adds the token
	who         credential   // has the token
	known       *Known
}

// lastPage bounds how much is read of what stands on one commit.
const lastPage = 20

// connect checks the options. It makes no request.
func (a api) connect(o APIOptions, nested bool) (api, error) {
	if parts := strings.Split(o.Repository, "/"); len(parts) < 2 || len(parts) > 2 && !nested || slices.Contains(parts, "") {
		return a, fmt.Errorf("statuses on %s: repository %q is not of the form owner/name; "+
			"declare deployment.statuses.repository", a.title, o.Repository)
	}
	base, err := url.Parse(o.URL)
	if err != nil || base.Host == "" || base.Scheme != "https" && (base.Scheme != "http" || !Loopback(base.Hostname())) {
		return a, fmt.Errorf("statuses on %s: %q is not an absolute https URL; declare deployment.statuses.url",
			a.title, o.URL)
	}
	if o.HTTP != nil {
		a.plain = *o.HTTP
	}
	a.repository, a.base, a.page = o.Repository, base, strings.TrimSuffix(o.Page, "/")
	a.who = fileToken(o.TokenFile)
	a.client = a.as(a.who)
	if a.known = o.Known; a.known == nil {
		a.known = &Known{}
	}
	return a, nil
}

// as is a client that sends requests with somebody's token.
func (a *api) as(who credential) *http.Client {
	client := a.plain
	client.Transport = &tokenTransport{next: client.Transport, base: a.base, who: who}
	return &client
}

// Loopback says whether a host is this machine, where a token may go unencrypted.
func Loopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// Name is the kind.
func (a *api) Name() string { return a.kind }

// ownerAndName are the two parts of the repository.
func (a *api) ownerAndName() (owner, name string) {
	owner, name, _ = strings.Cut(a.repository, "/")
	return owner, name
}

// target is the page of a revision; empty where there are none.
func (a *api) target(sha string) string {
	if a.page == "" {
		return ""
	}
	return a.page + "/revisions/" + sha
}

// post puts lines up one after the other until one fails.
func (a *api) post(sha string, lines []Line, one func(Line) (*http.Response, error)) (int, error) {
	for i, l := range lines {
		if answer, err := one(l); err != nil {
			return i, fmt.Errorf("%s status %s on %s@%s: %w", a.kind, l.Context, a.repository, short(sha), a.explain(answer, err))
		}
	}
	return len(lines), nil
}

// read goes through the pages of what stands on a commit, from the first; the next after the last is 0.
func (a *api) read(sha string, page func(n int) (next int, answer *http.Response, err error)) error {
	for n := 1; n > 0 && n <= lastPage; {
		next, answer, err := page(n)
		if err != nil {
			return fmt.Errorf("%s statuses of %s@%s: %w", a.kind, a.repository, short(sha), a.explain(answer, err))
		}
		n = next
	}
	return nil
}

// newest keeps the last status of each context where a forge tells them all, by the number that it gives them.
type newest map[string]numbered

type numbered struct {
	Line
	number int64
}

func (n newest) add(number int64, l Line) {
	if have, known := n[l.Context]; !known || have.number < number {
		n[l.Context] = numbered{l, number}
	}
}

// lines are by context.
func (n newest) lines() []Line {
	var out []Line
	for _, context := range slices.Sorted(maps.Keys(n)) {
		out = append(out, n[context].Line)
	}
	return out
}

// explain sorts an error of the API by the answer, if there was one: what will never be taken, what wants to be
// left alone, the rest.
func (a *api) explain(answer *http.Response, err error) error {
	if _, is := errors.AsType[*LaterError](err); is || answer == nil || errors.Is(err, ErrRefused) {
		return err
	}
	switch answer.StatusCode {
	case http.StatusUnprocessableEntity, http.StatusBadRequest:
		return fmt.Errorf("%w: %w", ErrRefused, err)
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		err = fmt.Errorf("%w; the token in forge/ of the credentials needs %s", err, a.needs)
	}
	if after, said := pauseAsked(answer); said {
		return &LaterError{After: after, Err: err}
	}
	return err
}

// shortestPause is how long a forge is left alone that says "too many requests" and no time.
const shortestPause = time.Minute

// pauseAsked is how long a forge wants to be left alone. GitHub and Gitea say it in Retry-After; where that is
// missing, GitLab tells when the limit that was met begins anew, and so does GitHub where nothing is left of it.
func pauseAsked(answer *http.Response) (after time.Duration, said bool) {
	value := answer.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	if at, err := http.ParseTime(value); err == nil {
		return time.Until(at), true
	}
	if answer.StatusCode != http.StatusTooManyRequests {
		return 0, false
	}
	reset := answer.Header.Get("RateLimit-Reset")
	if answer.Header.Get("X-RateLimit-Remaining") == "0" {
		reset = answer.Header.Get("X-RateLimit-Reset")
	}
	at, err := strconv.ParseInt(reset, 10, 64)
	if err != nil {
		return shortestPause, true
	}
	return max(time.Second, time.Until(time.Unix(at, 0))), true
}
