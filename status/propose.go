package status

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"code.gitea.io/sdk/gitea"
	"github.com/google/go-github/v75/github"
	gitlab "gitlab.com/gitlab-org/api/client-go"
)

// Change is a branch that somebody wants to have merged.
type Change struct{ Branch, Base, Title, Text string }

// Proposer is a Forge on which a pull request can be opened.
type Proposer interface {
	// Propose opens a pull request for a branch that was pushed, and returns its page. Where there is one already, or
	// the token may not, it is an error.
	Propose(ctx context.Context, c Change) (page string, err error)
}

var _, _, _ Proposer = (*GitHub)(nil), (*GitLab)(nil), (*Gitea)(nil)

// Propose opens a pull request.
func (g *GitHub) Propose(ctx context.Context, c Change) (string, error) {
	pr, _, err := g.sdk.PullRequests.Create(ctx, g.owner, g.name, &github.NewPullRequest{
		Title: &c.Title, Head: &c.Branch, Base: &c.Base, Body: &c.Text,
	})
	if err != nil {
		response, err := answerOfGitHub(err)
		return "", fmt.Errorf("github pull request of %s: %w", c.Branch, g.explain(response, err))
	}
	return pr.GetHTMLURL(), nil
}

// Propose opens a merge request.
func (g *GitLab) Propose(ctx context.Context, c Change) (string, error) {
	o := &gitlab.CreateMergeRequestOptions{
		Title: &c.Title, SourceBranch: &c.Branch, TargetBranch: &c.Base, Description: &c.Text, RemoveSourceBranch: gitlab.Ptr(true),
	}
	mr, answer, err := g.sdk.MergeRequests.CreateMergeRequest(g.repository, o, gitlab.WithContext(ctx))
	if err != nil {
		response, err := g.failed(ctx, answer, err)
		return "", fmt.Errorf("gitlab merge request of %s: %w", c.Branch, g.explain(response, err))
	}
	return mr.WebURL, nil
}

// Propose opens a pull request, once the forge has seen the push.
func (g *Gitea) Propose(ctx context.Context, c Change) (string, error) {
	sdk, err := g.sdk(ctx)
	if err != nil {
		return "", err
	}
	o := gitea.CreatePullRequestOption{Head: c.Branch, Base: c.Base, Title: c.Title, Body: c.Text}
	for seen := false; ; {
		pr, answer, err := sdk.CreatePullRequest(g.owner, g.name, o)
		if err == nil {
			return pr.HTMLURL, nil
		}
		err = fmt.Errorf("gitea pull request of %s: %w", c.Branch, g.explain(responseOf(answer), err))
		if seen || answer == nil || answer.StatusCode != http.StatusNotFound {
			return "", err
		}
		seen = g.saw(sdk, c.Branch) // it may not have when it answered
		select {
		case <-ctx.Done():
			return "", err
		case <-time.After(pushSeen):
		}
	}
}

// pushSeen is how long a forge is given before it is asked again whether it has seen a push.
const pushSeen = 200 * time.Millisecond

// saw says whether the forge has seen that a branch was pushed, which it looks at in the background: until then an empty
// repository has no pull requests, and the branch is not there. Where that is not told, it has.
func (g *Gitea) saw(sdk *gitea.Client, branch string) bool {
	repo, _, err := sdk.GetRepo(g.owner, g.name)
	if err != nil || repo.Empty {
		return err != nil
	}
	_, answer, err := sdk.GetRepoBranch(g.owner, g.name, branch)
	return err == nil || answer == nil || answer.StatusCode != http.StatusNotFound
}
