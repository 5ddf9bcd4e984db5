package status

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"code.gitea.io/sdk/gitea"
)

var _ Requests = (*Gitea)(nil)

// giteaPage is how many things one answer has at most; the server's own limit is 50 unless it is set otherwise.
const giteaPage = 50

// Open lists the open pull requests. Whether somebody may push is asked for those alone whose branch is in another
// repository.
func (g *Gitea) Open(ctx context.Context, max int) (all []PullRequest, more bool, err error) {
	sdk, err := g.sdk(ctx)
	if err != nil {
		return nil, false, err
	}
	for page := 1; page > 0; {
		o := gitea.ListPullRequestsOptions{
			ListOptions: gitea.ListOptions{Page: page, PageSize: giteaPage}, State: gitea.StateOpen, Sort: "recentupdate",
		}
		some, answer, err := sdk.ListRepoPullRequests(g.owner, g.name, o)
		if err != nil {
			return nil, false, fmt.Errorf("gitea pull requests of %s: %w", g.repository, g.explain(responseOf(answer), err))
		}
		for _, one := range some {
			if len(all) == max {
				return all, true, nil
			}
			q, ok := g.request(one)
			if ok && !q.Member {
				if q.Member, err = g.member(sdk, q.Author); err != nil {
					return nil, false, err
				}
			}
			if ok {
				all = append(all, q)
			}
		}
		page = answer.NextPage
	}
	return all, false, nil
}

// request is a pull request as the forge tells it; false where it does not say what it would merge.
func (g *Gitea) request(one *gitea.PullRequest) (PullRequest, bool) {
	if one.Head == nil || one.Base == nil || one.Head.Sha == "" {
		return PullRequest{}, false
	}
	q := PullRequest{
		Number: int(one.Index), Title: clean(one.Title), Page: one.HTMLURL, Head: one.Head.Sha,
		Ref: fmt.Sprintf("refs/pull/%d/head", one.Index), Base: one.Base.Ref, Draft: one.Draft,
		Member: one.Head.RepoID == one.Base.RepoID,
	}
	if one.Poster != nil {
		q.Author = one.Poster.UserName
	}
	return q, true
}

// member asks whether somebody may push. Whoever is no collaborator may not; nor does anybody where the token may not ask,
// as only one of an administrator of the repository may: not knowing is no, and keeps nobody else from being planned.
func (g *Gitea) member(sdk *gitea.Client, login string) (bool, error) {
	return g.known.member(login, func() (bool, error) {
		p, answer, err := sdk.CollaboratorPermission(g.owner, g.name, login)
		if answer != nil && (answer.StatusCode == http.StatusNotFound || answer.StatusCode == http.StatusForbidden) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("gitea permission of %s in %s: %w", clean(login), g.repository, g.explain(responseOf(answer), err))
		}
		if p == nil {
			return false, nil
		}
		switch p.Permission {
		case gitea.AccessModeWrite, gitea.AccessModeAdmin, gitea.AccessModeOwner:
			return true, nil
		}
		return false, nil
	})
}

// Comment keeps one comment up to date.
func (g *Gitea) Comment(ctx context.Context, number int, mark, text string) error {
	sdk, err := g.sdk(ctx)
	if err != nil {
		return err
	}
	return g.comment(number, mark, text, thread{
		me: func() (string, *http.Response, error) { return giteaLogin(sdk) },
		list: func(page int) ([]said, int, *http.Response, error) {
			o := gitea.ListIssueCommentOptions{ListOptions: gitea.ListOptions{Page: page, PageSize: giteaPage}}
			some, answer, err := sdk.ListIssueComments(g.owner, g.name, int64(number), o)
			if err != nil {
				response, err := g.lost(sdk, number, answer, err)
				return nil, 0, response, err
			}
			all := make([]said, len(some))
			for i, c := range some {
				all[i] = said{id: c.ID, text: c.Body}
				if c.Poster != nil {
					all[i].author = c.Poster.UserName
				}
			}
			return all, answer.NextPage, nil, nil
		},
		create: func(text string) (int64, *http.Response, error) {
			c, answer, err := sdk.CreateIssueComment(g.owner, g.name, int64(number), gitea.CreateIssueCommentOption{Body: text})
			if err != nil {
				return 0, responseOf(answer), err
			}
			return c.ID, nil, nil
		},
		edit: func(id int64, text string) (*http.Response, error) {
			_, answer, err := sdk.EditIssueComment(g.owner, g.name, id, gitea.EditIssueCommentOption{Body: text})
			return responseOf(answer), err
		},
	})
}

// lost is the answer behind an error about a pull request: one that is not there is answered with 500.
func (g *Gitea) lost(sdk *gitea.Client, number int, answer *gitea.Response, err error) (*http.Response, error) {
	if response := responseOf(answer); response == nil || response.StatusCode != http.StatusInternalServerError {
		return response, err
	}
	_, found, readErr := sdk.GetPullRequest(g.owner, g.name, int64(number))
	if readErr != nil && found != nil && found.StatusCode == http.StatusNotFound && g.seen(sdk) {
		return nil, fmt.Errorf("%w: there is no such pull request: %w", ErrRefused, err)
	}
	return responseOf(answer), err
}

func giteaLogin(sdk *gitea.Client) (string, *http.Response, error) {
	user, answer, err := sdk.GetMyUserInfo()
	if err != nil {
		return "", responseOf(answer), err
	}
	return user.UserName, nil, nil
}

// Annotate writes a review with a remark in each place.
func (g *Gitea) Annotate(ctx context.Context, pr PullRequest, mark string, all []Annotation) error {
	sdk, err := g.sdk(ctx)
	if err != nil {
		return err
	}
	said, err := g.reviewed(sdk, pr, mark)
	if said || err != nil {
		return err
	}
	review := gitea.CreatePullReviewOptions{State: gitea.ReviewStateComment, CommitID: pr.Head, Body: mark + "\n" + count(len(all), "mistake")}
	for _, one := range all {
		review.Comments = append(review.Comments, gitea.CreatePullReviewComment{
			Path: one.File, Body: one.Text, NewLineNum: int64(max(one.Line, 1)),
		})
	}
	_, answer, err := sdk.CreatePullReview(g.owner, g.name, int64(pr.Number), review)
	if err != nil {
		return g.onRequest(pr.Number, g.gone(responseOf(answer), err))
	}
	return nil
}

// reviewed says whether there is a review of ours of this head already.
func (g *Gitea) reviewed(sdk *gitea.Client, pr PullRequest, mark string) (bool, error) {
	login, err := g.account(func() (string, *http.Response, error) { return giteaLogin(sdk) })
	if err != nil {
		return false, err
	}
	for page := 1; page > 0 && page <= lastPage; {
		o := gitea.ListPullReviewsOptions{ListOptions: gitea.ListOptions{Page: page, PageSize: giteaPage}}
		some, answer, err := sdk.ListPullReviews(g.owner, g.name, int64(pr.Number), o)
		if err != nil {
			return false, g.onRequest(pr.Number, g.gone(responseOf(answer), err))
		}
		for _, r := range some {
			if r.CommitID == pr.Head && r.Reviewer != nil && r.Reviewer.UserName == login && strings.HasPrefix(r.Body, mark) {
				return true, nil
			}
		}
		page = answer.NextPage
	}
	return false, nil
}

// responseOf is the answer behind one of the SDK's.
func responseOf(answer *gitea.Response) *http.Response {
	if answer == nil {
		return nil
	}
	return answer.Response
}
