package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/workspace-providers/reconcile/schema/edit"
)

// checkout is somebody's clone of a repository. It is worked on with the git command: his name, his hooks, his keys
// and how he reaches the remote are set up there.
type checkout struct {
	dir    string   // of the declarations
	prefix string   // of the declarations in the repository: "" or "sub/"
	env    []string // beside that of this process
}

// openCheckout finds the checkout that declarations are in. The files that are to change must hold what their last
// commit has, so that nobody's work gets into ours.
func openCheckout(ctx context.Context, dir string, changes []edit.Change) (*checkout, error) {
	c := &checkout{dir: dir}
	prefix, err := c.git(ctx, nil, "rev-parse", "--show-prefix")
	if err != nil {
		return nil, fmt.Errorf("%s is in no git repository: %w", dir, err)
	}
	c.prefix = prefix
	args := []string{"status", "--porcelain", "--"}
	for _, one := range changes {
		args = append(args, one.Name)
	}
	dirty, err := c.git(ctx, nil, args...)
	if err == nil && dirty != "" {
		err = fmt.Errorf("what would be changed has changes that are not committed: commit or stash them, or leave --commit "+
			"and --pr out\n%s", dirty)
	}
	return c, err
}

// commit commits the files that were changed, and returns the commit's short name.
func (c *checkout) commit(ctx context.Context, message string, changes []edit.Change) (string, error) {
	names := make([]string, len(changes))
	for i, one := range changes {
		names[i] = one.Name
	}
	if _, err := c.git(ctx, nil, append([]string{"add", "--all", "--"}, names...)...); err != nil {
		return "", err
	}
	if _, err := c.git(ctx, nil, append([]string{"commit", "--quiet", "-m", message, "--"}, names...)...); err != nil {
		return "", err
	}
	return c.git(ctx, nil, "rev-parse", "--short", "HEAD")
}

// aside makes a commit of the changes on top of HEAD, beside the working tree and its index.
func (c *checkout) aside(ctx context.Context, message string, changes []edit.Change) (sha string, err error) {
	dir, err := os.MkdirTemp("", "reconcile-*")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	index := *c
	index.env = []string{"GIT_INDEX_FILE=" + filepath.Join(dir, "index")}
	if _, err := index.git(ctx, nil, "read-tree", "HEAD"); err != nil {
		return "", err
	}
	for _, one := range changes {
		if err := index.stage(ctx, one); err != nil {
			return "", err
		}
	}
	tree, err := index.git(ctx, nil, "write-tree")
	if err != nil {
		return "", err
	}
	args := []string{"commit-tree", tree, "-p", "HEAD", "-m", message}
	if signs, err := c.git(ctx, nil, "config", "--bool", "commit.gpgSign"); err == nil && signs == "true" {
		args = append(args, "-S")
	}
	return c.git(ctx, nil, args...)
}

// stage puts one file into the index.
func (c *checkout) stage(ctx context.Context, one edit.Change) error {
	name := c.prefix + one.Name
	if one.After == nil {
		_, err := c.git(ctx, nil, "update-index", "--force-remove", "--", one.Name)
		return err
	}
	blob, err := c.git(ctx, one.After, "hash-object", "-w", "--stdin", "--path", name)
	if err != nil {
		return err
	}
	mode := "100644"
	if was, err := c.git(ctx, nil, "ls-files", "--stage", "--", one.Name); err == nil && was != "" {
		mode, _, _ = strings.Cut(was, " ")
	}
	_, err = c.git(ctx, nil, "update-index", "--add", "--cacheinfo", mode+","+blob+","+name)
	return err
}

// remote is where a branch is pushed to: the name of a remote, and its URL.
func (c *checkout) remote(ctx context.Context) (name, url string, err error) {
	name, err = c.git(ctx, nil, "config", "--get", "remote.pushDefault")
	if err != nil {
		name = "origin"
	}
	url, err = c.git(ctx, nil, "remote", "get-url", "--push", name)
	return name, url, err
}

// git runs git, and returns what it printed.
func (c *checkout) git(ctx context.Context, in []byte, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", c.dir}, args...)...)
	cmd.Env = append(os.Environ(), c.env...)
	var out, errOut bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &errOut
	if err := cmd.Run(); err != nil {
		said := cmp.Or(strings.TrimSpace(errOut.String()), strings.TrimSpace(out.String()), err.Error())
		return "", fmt.Errorf("git %s: %s", args[0], said)
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}
