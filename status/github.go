package status

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v75/github"
)

// GitHub is the Forge of github.com and of GitHub Enterprise.
type GitHub struct {
	client      *github.Client
	owner, name string
	page        string
}

// GitHubOptions say which repository statuses go to and who posts them.
type GitHubOptions struct {
	URL        string       // API base URL, https but on loopback; https://api.github.com when empty
	Repository string       // "owner/name"
	TokenFile  string       // read before each use, so that a rotated token counts at once
	Page       string       // base of the target URLs, which are Page/revisions/<sha>; empty: none
	HTTP       *http.Client // private CAs and proxies; http.DefaultClient when nil
}

// NewGitHub makes the Forge of one repository. It makes no request.
func NewGitHub(o GitHubOptions) (*GitHub, error) {
	owner, name, found := strings.Cut(o.Repository, "/")
	if !found || owner == "" || name == "" || strings.Contains(name, "/") {
		return nil, fmt.Errorf("statuses on GitHub: repository %q is not of the form owner/name; "+
			"declare deployment.statuses.repository", o.Repository)
	}
	base, err := url.Parse(cmp.Or(o.URL, "https://api.github.com/"))
	if err != nil || base.Host == "" || base.Scheme != "https" && !loopback(base.Hostname()) {
		return nil, fmt.Errorf("statuses on GitHub: %q is not an absolute https URL; declare deployment.statuses.url",
			o.URL)
	}
	inner := http.Client{}
	if o.HTTP != nil {
		inner = *o.HTTP
	}
	inner.Transport = &tokenTransport{next: inner.Transport, base: base, file: o.TokenFile}
	client, err := github.NewClient(&inner).WithEnterpriseURLs(base.String(), base.String())
	if err != nil {
		return nil, fmt.Errorf("statuses on GitHub: %w", err)
	}
	client.DisableRateLimitCheck = true // a rotated token has a limit of its own; the answers say it
	return &GitHub{client: client, owner: owner, name: name, page: strings.TrimSuffix(o.Page, "/")}, nil
}

// loopback says whether a host is this machine, where a token may go unencrypted.
func loopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// Name is "github".
func (g *GitHub) Name() string { return "github" }

// Post creates a status for each line.
func (g *GitHub) Post(ctx context.Context, sha string, lines []Line) (int, error) {
	for i, l := range lines {
		body := &github.RepoStatus{State: github.Ptr(string(l.State)), Context: &l.Context, Description: &l.Text}
		if g.page != "" {
			body.TargetURL = github.Ptr(g.page + "/revisions/" + sha)
		}
		if _, _, err := g.client.Repositories.CreateStatus(ctx, g.owner, g.name, sha, body); err != nil {
			return i, fmt.Errorf("github status %s on %s/%s@%s: %w", l.Context, g.owner, g.name, short(sha), explain(err))
		}
	}
	return len(lines), nil
}

// Posted reads the newest status of each context.
func (g *GitHub) Posted(ctx context.Context, like Line) ([]Line, error) {
	var lines []Line
	sha := like.SHA
	o := &github.ListOptions{PerPage: 100}
	for {
		all, answer, err := g.client.Repositories.GetCombinedStatus(ctx, g.owner, g.name, sha, o)
		if err != nil {
			return nil, fmt.Errorf("github statuses of %s/%s@%s: %w", g.owner, g.name, short(sha), explain(err))
		}
		for _, s := range all.Statuses {
			lines = append(lines, Line{
				SHA: sha, Context: s.GetContext(), State: LineState(s.GetState()), Text: s.GetDescription(),
			})
		}
		if answer.NextPage == 0 {
			return lines, nil
		}
		o.Page = answer.NextPage
	}
}

// explain sorts an error of the API: what will never be taken, what wants to be left alone, the rest.
func explain(err error) error {
	if limit, is := errors.AsType[*github.RateLimitError](err); is {
		return &LaterError{After: max(time.Second, time.Until(limit.Rate.Reset.Time)), Err: err}
	}
	if abuse, is := errors.AsType[*github.AbuseRateLimitError](err); is {
		return &LaterError{After: max(time.Minute, abuse.GetRetryAfter()), Err: err}
	}
	answer, is := errors.AsType[*github.ErrorResponse](err)
	if !is {
		return err
	}
	switch code := answer.Response.StatusCode; code {
	case http.StatusUnprocessableEntity, http.StatusBadRequest:
		return fmt.Errorf("%w: %w", ErrRefused, err)
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		err = fmt.Errorf("%w; the token in forge/ of the credentials needs commit statuses: write there", err)
	}
	if s, convErr := strconv.Atoi(answer.Response.Header.Get("Retry-After")); convErr == nil {
		return &LaterError{After: time.Duration(s) * time.Second, Err: err}
	}
	return err
}

// tokenTransport adds the token to requests for the forge, and to no other host a redirect may name.
type tokenTransport struct {
	next http.RoundTripper
	base *url.URL
	file string
}

// RoundTrip reads the token and sends the request with it.
func (t *tokenTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	next := t.next
	if next == nil {
		next = http.DefaultTransport
	}
	if r.URL.Host != t.base.Host || r.URL.Scheme != t.base.Scheme || t.file == "" {
		return next.RoundTrip(r)
	}
	token, err := os.ReadFile(t.file)
	if err != nil {
		return nil, fmt.Errorf("token of the forge: %w", err)
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	return next.RoundTrip(r)
}
