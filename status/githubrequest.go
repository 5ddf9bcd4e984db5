package status

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-github/v75/github"
)

var _ Requests = (*GitHub)(nil)

// Open lists the open pull requests; one answer says everything of a hundred of them.
func (g *GitHub) Open(ctx context.Context, max int) (all []PullRequest, more bool, err error) {
	for page := 1; page > 0; {
		o := &github.PullRequestListOptions{
			State: "open", Sort: "updated", Direction: "desc", ListOptions: github.ListOptions{Page: page, PerPage: 100},
		}
		some, answer, err := g.sdk.PullRequests.List(ctx, g.owner, g.name, o)
		if err != nil {
			response, err := answerOfGitHub(err)
			return nil, false, fmt.Errorf("github pull requests of %s: %w", g.repository, g.explain(response, err))
		}
		for _, one := range some {
			if len(all) == max {
				return all, true, nil
			}
			if q, ok := requestOnGitHub(one); ok {
				all = append(all, q)
			}
		}
		page = answer.NextPage
	}
	return all, false, nil
}

// requestOnGitHub is a pull request as GitHub tells it; false where it does not say what it would merge. Whoever is
// owner, member or collaborator is counted as one who may push; the branch of a fork that is gone has no repository.
func requestOnGitHub(one *github.PullRequest) (PullRequest, bool) {
	head, base := one.GetHead(), one.GetBase()
	if head.GetSHA() == "" || base.GetRef() == "" {
		return PullRequest{}, false
	}
	q := PullRequest{
		Number: one.GetNumber(), Title: clean(one.GetTitle()), Author: one.GetUser().GetLogin(), Page: one.GetHTMLURL(),
		Head: head.GetSHA(), Ref: fmt.Sprintf("refs/pull/%d/head", one.GetNumber()), Base: base.GetRef(), Draft: one.GetDraft(),
	}
	switch one.GetAuthorAssociation() {
	case "OWNER", "MEMBER", "COLLABORATOR":
		q.Member = true
	default:
		q.Member = head.Repo != nil && head.GetRepo().GetID() == base.GetRepo().GetID()
	}
	return q, true
}

// Comment keeps one comment up to date.
func (g *GitHub) Comment(ctx context.Context, number int, mark, text string) error {
	return g.comment(number, mark, text, thread{
		me: func() (string, *http.Response, error) { return g.login(ctx) },
		list: func(page int) ([]said, int, *http.Response, error) {
			o := &github.IssueListCommentsOptions{ListOptions: github.ListOptions{Page: page, PerPage: 100}}
			some, answer, err := g.sdk.Issues.ListComments(ctx, g.owner, g.name, number, o)
			if err != nil {
				response, err := answerOfGitHub(err)
				return nil, 0, response, err
			}
			all := make([]said, len(some))
			for i, c := range some {
				all[i] = said{id: c.GetID(), author: c.GetUser().GetLogin(), text: c.GetBody()}
			}
			return all, answer.NextPage, nil, nil
		},
		create: func(text string) (int64, *http.Response, error) {
			c, _, err := g.sdk.Issues.CreateComment(ctx, g.owner, g.name, number, &github.IssueComment{Body: &text})
			if err != nil {
				response, err := answerOfGitHub(err)
				return 0, response, err
			}
			return c.GetID(), nil, nil
		},
		edit: func(id int64, text string) (*http.Response, error) {
			_, _, err := g.sdk.Issues.EditComment(ctx, g.owner, g.name, id, &github.IssueComment{Body: &text})
			return answerOfGitHub(err)
		},
	})
}

// login is whose the token is.
func (g *GitHub) login(ctx context.Context) (string, *http.Response, error) {
	if g.app != nil {
		return g.app.login(ctx)
	}
	user, _, err := g.sdk.Users.Get(ctx, "")
	if err != nil {
		response, err := answerOfGitHub(err)
		return "", response, err
	}
	return user.GetLogin(), nil, nil
}

// Annotate writes a review with a remark in each place. GitHub takes remarks only on lines that are part of the
// difference; where it refuses, they all go into the text of the review.
func (g *GitHub) Annotate(ctx context.Context, pr PullRequest, mark string, all []Annotation) error {
	done, err := g.reviewed(ctx, pr, mark)
	if done || err != nil {
		return err
	}
	comment := "COMMENT"
	body := mark + "\n" + count(len(all), "mistake")
	review := &github.PullRequestReviewRequest{CommitID: &pr.Head, Body: &body, Event: &comment}
	for _, one := range all {
		review.Comments = append(review.Comments, &github.DraftReviewComment{
			Path: github.Ptr(one.File), Line: github.Ptr(max(one.Line, 1)), Side: github.Ptr("RIGHT"), Body: github.Ptr(one.Text),
		})
	}
	response, err := g.review(ctx, pr, review)
	if err != nil && response != nil && response.StatusCode == http.StatusUnprocessableEntity {
		for _, one := range all {
			body += fmt.Sprintf("\n- %s:%d: %s", code(one.File), one.Line, one.Text)
		}
		review.Comments = nil
		response, err = g.review(ctx, pr, review)
	}
	if err != nil {
		return g.onRequest(pr.Number, g.gone(response, err))
	}
	return nil
}

func (g *GitHub) review(ctx context.Context, pr PullRequest, review *github.PullRequestReviewRequest) (*http.Response, error) {
	_, _, err := g.sdk.PullRequests.CreateReview(ctx, g.owner, g.name, pr.Number, review)
	return answerOfGitHub(err)
}

// reviewed says whether there is a review of ours of this head already.
func (g *GitHub) reviewed(ctx context.Context, pr PullRequest, mark string) (bool, error) {
	login, err := g.account(func() (string, *http.Response, error) { return g.login(ctx) })
	if err != nil {
		return false, err
	}
	for page := 1; page > 0 && page <= lastPage; {
		some, answer, err := g.sdk.PullRequests.ListReviews(ctx, g.owner, g.name, pr.Number, &github.ListOptions{Page: page, PerPage: 100})
		if err != nil {
			response, err := answerOfGitHub(err)
			return false, g.onRequest(pr.Number, g.gone(response, err))
		}
		for _, r := range some {
			if r.GetCommitID() == pr.Head && r.GetUser().GetLogin() == login && strings.HasPrefix(r.GetBody(), mark) {
				return true, nil
			}
		}
		page = answer.NextPage
	}
	return false, nil
}
