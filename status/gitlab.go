package status

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	gitlab "gitlab.com/gitlab-org/api/client-go"
)

// GitLab is the Forge of gitlab.com and of a GitLab of one's own. A status there is a job of an external
// pipeline, with the states and the transitions of one:
//
//	pending, nothing done yet   pending
//	pending, something is       running
//	success, failure            success, failed
//	error (superseded)          canceled
//
// It keeps the text as long as the state, so that progress shows at its first step only.
type GitLab struct {
	api
	sdk *gitlab.Client
}

// NewGitLab makes the Forge of one project. It makes no request.
func NewGitLab(o APIOptions) (*GitLab, error) {
	a, err := api{
		kind: "gitlab", title: "GitLab", needs: "the scope api, and a role that may merge to the branch",
	}.connect(o, true)
	if err != nil {
		return nil, err
	}
	sdk, err := gitlab.NewAuthSourceClient(gitlab.Unauthenticated{}, // the transport adds the token
		gitlab.WithBaseURL(a.base.String()), gitlab.WithHTTPClient(a.client), gitlab.WithoutRetries(),
		gitlab.WithCustomLimiter(unlimited{}))
	if err != nil {
		return nil, fmt.Errorf("statuses on GitLab: %w", err)
	}
	return &GitLab{api: a, sdk: sdk}, nil
}

// unlimited never waits: when to try again is for the Poster to decide.
type unlimited struct{}

// Wait is over at once.
func (unlimited) Wait(context.Context) error { return nil }

// Post creates a status for each line.
func (g *GitLab) Post(ctx context.Context, sha string, lines []Line) (int, error) {
	return g.post(sha, lines, func(l Line) (*http.Response, error) {
		o := &gitlab.SetCommitStatusOptions{State: stateOnGitLab(l), Name: &l.Context, Description: &l.Text}
		if page := g.target(sha); page != "" {
			o.TargetURL = &page
		}
		_, answer, err := g.sdk.Commits.SetCommitStatus(g.repository, sha, o, gitlab.WithContext(ctx))
		if err != nil && !stands(err, o.State) {
			return g.failed(ctx, answer, err)
		}
		return nil, nil
	})
}

// Posted reads the last status of each name, those of other pipelines too.
func (g *GitLab) Posted(ctx context.Context, like Line) ([]Line, error) {
	found := newest{}
	err := g.read(like.SHA, func(n int) (int, *http.Response, error) {
		o := &gitlab.GetCommitStatusesOptions{ListOptions: gitlab.ListOptions{Page: int64(n), PerPage: 100}}
		all, answer, err := g.sdk.Commits.GetCommitStatuses(g.repository, like.SHA, o, gitlab.WithContext(ctx))
		if err != nil {
			answer, err := g.failed(ctx, answer, err)
			return 0, answer, err
		}
		for _, s := range all {
			found.add(s.ID, Line{SHA: like.SHA, Context: s.Name, State: stateFromGitLab(s.Status), Text: s.Description})
		}
		return int(answer.NextPage), nil, nil
	})
	return found.lines(), err
}

// failed is the answer behind an error. One that says "not found" is of the commit, which will not come back, if
// the token can see the project.
func (g *GitLab) failed(ctx context.Context, answer *gitlab.Response, err error) (*http.Response, error) {
	if errors.Is(err, gitlab.ErrNotFound) {
		o := &gitlab.ListCommitsOptions{ListOptions: gitlab.ListOptions{PerPage: 1}}
		if _, _, seen := g.sdk.Commits.ListCommits(g.repository, o, gitlab.WithContext(ctx)); seen == nil {
			return nil, fmt.Errorf("%w: no branch has the commit: %w", ErrRefused, err)
		}
	}
	if answer == nil {
		return nil, err
	}
	return answer.Response, err
}

func stateOnGitLab(l Line) gitlab.BuildStateValue {
	switch l.State {
	case StateSuccess:
		return gitlab.Success
	case StateFailure:
		return gitlab.Failed
	case StateError:
		return gitlab.Canceled
	}
	if l.Done > 0 {
		return gitlab.Running
	}
	return gitlab.Pending
}

func stateFromGitLab(state string) LineState {
	switch gitlab.BuildStateValue(state) {
	case gitlab.Success:
		return StateSuccess
	case gitlab.Failed:
		return StateFailure
	case gitlab.Canceled, "canceling":
		return StateError
	}
	return StatePending // and all that comes before a job runs
}

// stands says whether GitLab refused to go to a state because it is there already. Nothing but the words of
// the answer tells:
//
//	Cannot transition status via :run from :running (Reason(s): Status cannot transition via "run")
func stands(err error, state gitlab.BuildStateValue) bool {
	answer, is := errors.AsType[*gitlab.ErrorResponse](err)
	if !is || !answer.HasStatusCode(http.StatusBadRequest) {
		return false
	}
	_, words, _ := strings.Cut(answer.Message, "Cannot transition status via :")
	_, words, _ = strings.Cut(words, " from :")
	from, _, _ := strings.Cut(words, " ")
	from = strings.TrimRight(from, "})")
	return from == string(state) || state == gitlab.Pending && from == string(gitlab.Running)
}
