package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/workspace-providers/reconcile/reconcile/source"
	"github.com/workspace-providers/reconcile/reconcile/worker"
	"github.com/workspace-providers/reconcile/schema"
	"github.com/workspace-providers/reconcile/schema/edit"
)

// editing is one change of declarations.
type editing struct {
	change  func(*edit.Files) (did string, err error)
	message string // of the commit
	watch   string // the command that shows what becomes of it
}

// edit changes the declarations in --dir, shows what it changed and says what to do next. It begins with what is
// valid, and writes nothing that is not.
func (s *settings) edit(ctx context.Context, io *streams, e editing) error {
	if s.repo != "" {
		return errors.New("declarations are edited in a directory: name a checkout of --repo with --dir instead")
	}
	evaluate := source.Evaluator(&worker.Pool{})
	tree, err := s.declarations(ctx)
	if err != nil {
		return err
	}
	if _, err := evaluate(ctx, tree); err != nil {
		return refused(io, "nothing is written: the declarations are not valid as they are\n", err)
	}
	files, err := edit.Read(tree)
	if err != nil {
		return err
	}
	did, err := e.change(files)
	if err != nil {
		return refused(io, "nothing is written\n", err)
	}
	changes := files.Changes()
	if len(changes) == 0 {
		_, err := fmt.Fprintln(io.out, did)
		return err
	}
	if _, err := evaluate(ctx, files.Tree(changes)); err != nil {
		return refused(io, "nothing is written, since it would not be valid:\n"+diffs(changes), err)
	}
	if err := edit.Write(s.dir, changes); err != nil {
		return err
	}
	_, err = fmt.Fprint(io.out, diffs(changes), "\n", did, "\n", e.next(s.dir, changes))
	return err
}

// next says what to do after an edit.
func (e editing) next(dir string, changes []edit.Change) string {
	git, names := "git", ""
	if dir != "." {
		git += " -C " + dir
	}
	for _, c := range changes {
		names += " " + c.Name
	}
	return fmt.Sprintf("next:\n  %s commit -m %q%s\n  %s push\n  %s\n", git, e.message, names, git, e.watch)
}

// diffs are what changes in all files.
func diffs(changes []edit.Change) string {
	text := ""
	for _, c := range changes {
		text += c.Diff()
	}
	return text
}

// declarations are those in --dir as they are now.
func (s *settings) declarations(ctx context.Context) (fs.FS, error) {
	origin := source.Dir(s.dir)
	head, err := origin.Head(ctx)
	if err != nil {
		return nil, err
	}
	return origin.Declarations(head.SHA)
}

// refused says what is wrong, as vet does, and then what that means.
func refused(io *streams, verdict string, err error) error {
	var mistakes schema.Errors
	if !errors.As(err, &mistakes) {
		return err
	}
	fmt.Fprintf(io.err, "%s\n%s", mistakes.Error(), verdict)
	return exit(exitError)
}
