package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/workspace-providers/reconcile/status"
)

// propose pushes a change as a branch of its own, and opens a pull request for it where the forge is known and there
// is a token for it. It says what it did.
func (e *editor) propose(ctx context.Context, message string, o outcome) (told string, err error) {
	repo, err := openCheckout(ctx, e.dir, o.changes)
	if err != nil {
		return "", err
	}
	name, url, err := repo.remote(ctx)
	if err != nil {
		return "", fmt.Errorf("there is no remote to push to: %w", err)
	}
	sha, err := repo.aside(ctx, message, o.changes)
	if err != nil {
		return "", err
	}
	branch := branchFor(message, sha)
	if _, err := repo.git(ctx, nil, "push", "--quiet", name, sha+":refs/heads/"+branch); err != nil {
		return "", err
	}
	told = fmt.Sprintf("pushed as branch %s\n", branch)
	forge, err := e.forgeFor(url, o)
	if err != nil {
		return told, fmt.Errorf("no pull request is opened: %w; open it by hand", err)
	}
	ctx, cancel := context.WithTimeout(ctx, min(e.timeout, 30*time.Second))
	defer cancel()
	page, err := forge.Propose(ctx, status.Change{Branch: branch, Base: e.ref, Title: message, Text: "```diff\n" + diffs(o.changes) + "```\n"})
	if err != nil {
		return told, fmt.Errorf("no pull request is opened: %w; open it by hand", err)
	}
	return told + "pull request: " + page + "\n", nil
}

// forgeFor is the forge at a remote, as the declarations or its host name it.
func (e *editor) forgeFor(url string, o outcome) (status.Proposer, error) {
	own := *e.settings
	own.repo = url
	p := &parts{settings: &own}
	declared := o.after.Deployment.Statuses
	kind := cmp.Or(declared.Forge, forgeOf(url))
	if kind == "none" || kind == "notes" {
		if kind = forgeOf(url); kind == "notes" {
			return nil, errors.New("nothing says which forge the remote is on; declare deployment.statuses.forge")
		}
	}
	forge, err := p.served(kind, declared)
	if err != nil {
		return nil, err
	}
	return forge.(status.Proposer), nil
}

// branchFor is a branch's name that says what it is about, and that no other has.
func branchFor(message, sha string) string {
	words := strings.FieldsFunc(strings.ToLower(message), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	about := strings.Join(words, "-")
	return fmt.Sprintf("reconcile/%s-%.7s", about[:min(len(about), 40)], sha)
}
