package status

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-github/v75/github"
)

// GitHub is the Forge of github.com and of GitHub Enterprise.
type GitHub struct {
	api
	sdk         *github.Client
	owner, name string
	app         *installation // nil: the token is a person's
}

// NewGitHub makes the Forge of one repository; without a URL it is one of github.com. It makes no request.
func NewGitHub(o APIOptions) (*GitHub, error) {
	o.URL = cmp.Or(o.URL, "https://api.github.com/")
	a, err := api{
		kind: "github", title: "GitHub", needs: "commit statuses: write, and for pull requests pull requests: write",
	}.connect(o, false)
	if err != nil {
		return nil, err
	}
	g := &GitHub{api: a}
	g.owner, g.name = a.ownerAndName()
	if o.App != nil {
		g.app = &installation{App: o.App, connect: g.connected, owner: g.owner, name: g.name, known: g.known}
		g.who = g.app
	}
	g.sdk, err = g.connected(g.who)
	return g, err
}

// connected is the SDK with somebody's token.
func (g *GitHub) connected(who credential) (*github.Client, error) {
	sdk, err := github.NewClient(g.as(who)).WithEnterpriseURLs(g.base.String(), g.base.String())
	if err != nil {
		return nil, fmt.Errorf("statuses on GitHub: %w", err)
	}
	sdk.DisableRateLimitCheck = true // a rotated token has a limit of its own; the answers say it
	return sdk, nil
}

// Post creates a status for each line.
func (g *GitHub) Post(ctx context.Context, sha string, lines []Line) (int, error) {
	return g.post(sha, lines, func(l Line) (*http.Response, error) {
		body := &github.RepoStatus{State: github.Ptr(string(l.State)), Context: &l.Context, Description: &l.Text}
		if page := g.target(sha); page != "" {
			body.TargetURL = &page
		}
		_, _, err := g.sdk.Repositories.CreateStatus(ctx, g.owner, g.name, sha, body)
		return answerOfGitHub(err)
	})
}

// Posted reads the newest status of each context.
func (g *GitHub) Posted(ctx context.Context, like Line) ([]Line, error) {
	var lines []Line
	sha := like.SHA
	err := g.read(sha, func(n int) (int, *http.Response, error) {
		o := &github.ListOptions{Page: n, PerPage: 100}
		all, answer, err := g.sdk.Repositories.GetCombinedStatus(ctx, g.owner, g.name, sha, o)
		if err != nil {
			answer, err := answerOfGitHub(err)
			return 0, answer, err
		}
		for _, s := range all.Statuses {
			lines = append(lines, Line{
				SHA: sha, Context: s.GetContext(), State: LineState(s.GetState()), Text: s.GetDescription(),
			})
		}
		return answer.NextPage, nil, nil
	})
	return lines, err
}

// answerOfGitHub is the answer behind an error. The SDK knows both of GitHub's limits, the secondary one not in all of
// its forms; how long that lasts is in Retry-After alone, since what stands beside it is of the primary one.
func answerOfGitHub(err error) (*http.Response, error) {
	if limit, is := errors.AsType[*github.RateLimitError](err); is {
		return nil, &LaterError{After: max(time.Second, time.Until(limit.Rate.Reset.Time)), Err: err}
	}
	if abuse, is := errors.AsType[*github.AbuseRateLimitError](err); is {
		return nil, secondary(abuse.Response, err)
	}
	if answer, is := errors.AsType[*github.ErrorResponse](err); is {
		if answer.Response.StatusCode == http.StatusForbidden && strings.Contains(answer.Message, "rate limit") {
			return nil, secondary(answer.Response, err)
		}
		return answer.Response, err
	}
	return nil, err
}

func secondary(answer *http.Response, err error) error {
	after, _ := pauseAsked(answer)
	return &LaterError{After: max(shortestPause, after), Err: err}
}
