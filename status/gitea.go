package status

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"code.gitea.io/sdk/gitea"
)

// Gitea is the Forge of Gitea and of Forgejo, Codeberg's among them. Their states have the names of ours.
type Gitea struct {
	api
	server      string // without the path of the API
	owner, name string
}

// NewGitea makes the Forge of one repository. It makes no request.
func NewGitea(o APIOptions) (*Gitea, error) {
	a, err := api{kind: "gitea", title: "Gitea", needs: "the scope write:repository"}.connect(o, false)
	if err != nil {
		return nil, err
	}
	g := &Gitea{api: a, server: strings.TrimSuffix(strings.TrimRight(a.base.String(), "/"), "/api/v1")}
	g.owner, g.name = a.ownerAndName()
	return g, nil
}

// sdk is a client for one call, since the SDK takes the context of its calls as an option.
func (g *Gitea) sdk(ctx context.Context) (*gitea.Client, error) {
	return gitea.NewClient(g.server, gitea.SetGiteaVersion(""), // else it asks the server for it
		gitea.SetHTTPClient(g.client), gitea.SetContext(ctx))
}

// Post creates a status for each line.
func (g *Gitea) Post(ctx context.Context, sha string, lines []Line) (int, error) {
	sdk, err := g.sdk(ctx)
	if err != nil {
		return 0, err
	}
	return g.post(sha, lines, func(l Line) (*http.Response, error) {
		_, answer, err := sdk.CreateStatus(g.owner, g.name, sha, gitea.CreateStatusOption{
			State: gitea.StatusState(l.State), Context: l.Context, Description: l.Text, TargetURL: g.target(sha),
		})
		return g.failed(sdk, sha, answer, err)
	})
}

// Posted reads all statuses, the newest first: what stands is the last of each context. Beyond the pages that
// are read, nothing is known to stand.
func (g *Gitea) Posted(ctx context.Context, like Line) ([]Line, error) {
	sdk, err := g.sdk(ctx)
	if err != nil {
		return nil, err
	}
	found := newest{}
	err = g.read(like.SHA, func(n int) (int, *http.Response, error) {
		o := gitea.ListStatusesOption{ListOptions: gitea.ListOptions{Page: n, PageSize: 50}}
		all, answer, err := sdk.ListStatuses(g.owner, g.name, like.SHA, o)
		if err != nil {
			answer, err := g.failed(sdk, like.SHA, answer, err)
			return 0, answer, err
		}
		for _, s := range all {
			found.add(s.ID, Line{SHA: like.SHA, Context: s.Context, State: LineState(s.State), Text: s.Description})
		}
		return answer.NextPage, nil, nil
	})
	return found.lines(), err
}

// failed is the answer behind an error. A commit that is not there is answered with 404 when it is read and with
// 500 when it gets a status; it will not come back, if the token can see the repository.
func (g *Gitea) failed(sdk *gitea.Client, sha string, answer *gitea.Response, err error) (*http.Response, error) {
	if err == nil || answer == nil {
		return nil, err
	}
	if code := answer.StatusCode; code == http.StatusNotFound || code == http.StatusInternalServerError {
		_, found, readErr := sdk.GetSingleCommit(g.owner, g.name, sha)
		if readErr != nil && found != nil && found.StatusCode == http.StatusNotFound && g.seen(sdk) {
			return nil, fmt.Errorf("%w: it has no such commit: %w", ErrRefused, err)
		}
	}
	return answer.Response, err
}

// seen says whether the token can see the repository.
func (g *Gitea) seen(sdk *gitea.Client) bool {
	_, _, err := sdk.GetRepo(g.owner, g.name)
	return err == nil
}
