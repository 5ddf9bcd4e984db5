package status

import (
	"context"

	"github.com/workspace-providers/reconcile/reconcile"
)

// PullRequest is an open request to merge a branch.
type PullRequest = reconcile.PullRequest

// Annotation is something to say about a line of a file that a pull request has.
type Annotation struct {
	File string // from the root of the repository
	Line int    // from 1; 0: about the file
	Text string
}

// Requests is a Forge with pull requests. All of its errors are like those of Forge: what wraps ErrRefused will
// never be taken, a *LaterError says when to try again.
type Requests interface {
	Forge

	// Open lists the open pull requests, those that changed last first, at most max of them; more says that
	// there are more. Each costs no request of its own but where Member cannot be known otherwise.
	Open(ctx context.Context, max int) (all []PullRequest, more bool, err error)

	// Comment makes text the one comment with that mark on a pull request: it writes one, or edits what this
	// token's account wrote before; where that says the same already, nothing is written. The mark is an
	// invisible part of the text, such as "<!-- reconcile/acme/plan -->".
	Comment(ctx context.Context, number int, mark, text string) error

	// Annotate says in the places of a pull request's files what is wrong there, where the forge can: once for
	// each revision. What was said about an earlier one is left to the forge, which folds it away.
	Annotate(ctx context.Context, pr PullRequest, mark string, all []Annotation) error
}

// MaxComment is how many bytes a comment may have: GitHub's limit, the smallest of all. Gitea has none of its own.
const MaxComment = 65_536
