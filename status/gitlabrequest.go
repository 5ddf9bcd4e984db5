package status

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	gitlab "gitlab.com/gitlab-org/api/client-go"
)

var _ Requests = (*GitLab)(nil)

// Open lists the open merge requests. Whether somebody may push is asked for those alone whose branch is in another
// project.
func (g *GitLab) Open(ctx context.Context, max int) (all []PullRequest, more bool, err error) {
	for page := int64(1); page > 0; {
		o := &gitlab.ListProjectMergeRequestsOptions{
			ListOptions: gitlab.ListOptions{Page: page, PerPage: 100},
			State:       gitlab.Ptr("opened"), OrderBy: gitlab.Ptr("updated_at"), Sort: gitlab.Ptr("desc"),
		}
		some, answer, err := g.sdk.MergeRequests.ListProjectMergeRequests(g.repository, o, gitlab.WithContext(ctx))
		if err != nil {
			response, err := g.failed(ctx, answer, err)
			return nil, false, fmt.Errorf("gitlab merge requests of %s: %w", g.repository, g.explain(response, err))
		}
		for _, one := range some {
			if len(all) == max {
				return all, true, nil
			}
			if one.SHA == "" {
				continue // there is nothing to merge yet
			}
			q := PullRequest{
				Number: int(one.IID), Title: clean(one.Title), Page: one.WebURL, Head: one.SHA,
				Ref: fmt.Sprintf("refs/merge-requests/%d/head", one.IID), Base: one.TargetBranch, Draft: one.Draft,
				Member: one.SourceProjectID == one.TargetProjectID,
			}
			if one.Author != nil {
				q.Author = one.Author.Username
			}
			if !q.Member && one.Author != nil {
				if q.Member, err = g.member(ctx, one.Author.ID, q.Author); err != nil {
					return nil, false, err
				}
			}
			all = append(all, q)
		}
		page = answer.NextPage
	}
	return all, false, nil
}

// member asks whether somebody may push: developers may, and those above them.
func (g *GitLab) member(ctx context.Context, id int64, login string) (bool, error) {
	return g.known.member(login, func() (bool, error) {
		m, answer, err := g.sdk.ProjectMembers.GetInheritedProjectMember(g.repository, id, gitlab.WithContext(ctx))
		if answer != nil && answer.Response != nil && answer.StatusCode == http.StatusNotFound {
			return false, nil
		}
		if err != nil {
			response, err := g.failed(ctx, answer, err)
			return false, fmt.Errorf("gitlab membership of %s in %s: %w", clean(login), g.repository, g.explain(response, err))
		}
		return m.AccessLevel >= gitlab.DeveloperPermissions, nil
	})
}

// Comment keeps one note up to date.
func (g *GitLab) Comment(ctx context.Context, number int, mark, text string) error {
	in, iid := gitlab.WithContext(ctx), int64(number)
	return g.comment(number, mark, text, thread{
		me: func() (string, *http.Response, error) { return g.login(ctx) },
		list: func(page int) ([]said, int, *http.Response, error) {
			o := &gitlab.ListMergeRequestNotesOptions{ListOptions: gitlab.ListOptions{Page: int64(page), PerPage: 100}}
			some, answer, err := g.sdk.Notes.ListMergeRequestNotes(g.repository, iid, o, in)
			if err != nil {
				response, err := g.failed(ctx, answer, err)
				return nil, 0, response, err
			}
			all := make([]said, len(some))
			for i, n := range some {
				all[i] = said{id: n.ID, author: n.Author.Username, text: n.Body}
			}
			return all, int(answer.NextPage), nil, nil
		},
		create: func(text string) (int64, *http.Response, error) {
			n, answer, err := g.sdk.Notes.CreateMergeRequestNote(g.repository, iid, &gitlab.CreateMergeRequestNoteOptions{Body: &text}, in)
			if err != nil {
				response, err := g.failed(ctx, answer, err)
				return 0, response, err
			}
			return n.ID, nil, nil
		},
		edit: func(id int64, text string) (*http.Response, error) {
			_, answer, err := g.sdk.Notes.UpdateMergeRequestNote(g.repository, iid, id, &gitlab.UpdateMergeRequestNoteOptions{Body: &text}, in)
			if err != nil {
				return g.failed(ctx, answer, err)
			}
			return nil, nil
		},
	})
}

// login is whose the token is.
func (g *GitLab) login(ctx context.Context) (string, *http.Response, error) {
	user, answer, err := g.sdk.Users.CurrentUser(gitlab.WithContext(ctx))
	if err != nil {
		response, err := g.failed(ctx, answer, err)
		return "", response, err
	}
	return user.Username, nil, nil
}

// Annotate writes all remarks as one note for each head: GitLab takes remarks in a file only on lines that are part of
// the difference, one request each, and a note names the places as well.
func (g *GitLab) Annotate(ctx context.Context, pr PullRequest, mark string, all []Annotation) error {
	var text strings.Builder
	own := strings.TrimSuffix(mark, " -->") + " " + pr.Head + " -->"
	fmt.Fprintf(&text, "%s\n%s in %s\n", own, count(len(all), "mistake"), code(short(pr.Head)))
	for _, one := range all {
		fmt.Fprintf(&text, "- %s:%d: %s\n", code(one.File), one.Line, one.Text)
	}
	notes := *g
	notes.known = &Known{} // it is another comment than the plan's
	return notes.Comment(ctx, pr.Number, own, text.String())
}
