package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/workspace-providers/reconcile/reconcile/source"
	"github.com/workspace-providers/reconcile/reconcile/worker"
	"github.com/workspace-providers/reconcile/schema"
	"github.com/workspace-providers/reconcile/schema/edit"
)

// editor changes declarations in --dir, and says what becomes of the change.
type editor struct {
	*settings
	showOnly, commit, request bool
	message, file             string
}

const editingHelp = `

It edits the declarations in --dir; layout and comments stay. What it makes is checked as vet does before anything
is written, and shown. Then it stands in the working tree; with --commit it is a commit of its own; with --pr it is
a pull request on the forge, and the working tree stays as it is. --dry-run shows it and does nothing.`

// addFlags adds the flags of every command that edits.
func (e *editor) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&e.showOnly, "dry-run", false, "show what would be changed, and change nothing")
	f.BoolVar(&e.commit, "commit", false, "commit the files that are changed, and no others")
	f.BoolVar(&e.request, "pr", false, "push the change as a branch, and open a pull request for it to --ref; the forge's token is in --credentials")
	f.StringVar(&e.file, "file", "", "`file` of the declarations for whole new entries; left out: where the others are")
	f.StringVarP(&e.message, "message", "m", "", "`text` of the commit and title of the pull request")
	cmd.MarkFlagsMutuallyExclusive("dry-run", "commit", "pr")
}

// editing is one change of declarations.
type editing struct {
	provider, organization string // that it is about, and that must be declared; empty: none

	prepare func(ctx context.Context, before schema.Config, e *editing) error // what is to be known before; nil: nothing is
	change  func(*edit.Files) (did string, err error)
	check   func(before, after schema.Config) error // that it is what was asked for; nil: what was edited says it
	more    func() []edit.Change                    // files beside the declarations; nil: none
	message string                                  // of the commit
	after   func(ctx context.Context, before, after schema.Config) string
	last    func() string // what is too long to stand before the next steps; nil: nothing is
	watch   string        // the command that shows what becomes of it, without the flags that here adds
}

// edit changes the declarations, shows what it changed and says what to do next. It begins with what is
// valid, and writes nothing that is not.
func (e *editor) edit(ctx context.Context, io *streams, what editing) error {
	if e.repo != "" {
		return errors.New("declarations are edited in a directory: name a checkout of --repo with --dir instead")
	}
	evaluate := source.Evaluator(&worker.Pool{})
	tree, err := e.declarations(ctx)
	if err != nil {
		return err
	}
	before, err := evaluate(ctx, tree)
	if err != nil {
		return refused(io, "nothing is written: the declarations are not valid as they are\n", err)
	}
	if err := what.begin(ctx, before, &what); err != nil {
		return err
	}
	files, err := edit.Read(tree)
	if err != nil {
		return err
	}
	files.New = e.file
	did, err := what.change(files)
	if err != nil {
		return refused(io, "nothing is written\n", err)
	}
	o := outcome{did: did, changes: what.all(files)}
	o.after, err = evaluate(ctx, files.Tree(o.changes))
	if err == nil && what.check != nil {
		err = what.check(before, o.after)
	}
	if err != nil {
		return o.refused(io, err)
	}
	if len(o.changes) == 0 {
		return say(io, nothing(did))
	}
	if what.after != nil {
		o.did += "\n" + strings.TrimSuffix(what.after(ctx, before, o.after), "\n")
	}
	return e.deliver(ctx, io, what, o)
}

// begin checks what a change is about, and finds out what it needs.
func (e editing) begin(ctx context.Context, before schema.Config, what *editing) error {
	if err := e.known(before); err != nil || e.prepare == nil {
		return err
	}
	return e.prepare(ctx, before, what)
}

// all are the files that are changed, and those that come along.
func (e editing) all(files *edit.Files) []edit.Change {
	changes := files.Changes()
	if e.more != nil {
		changes = append(changes, e.more()...)
	}
	return changes
}

// refused says why what was made is not written.
func (o outcome) refused(io *streams, err error) error {
	if len(o.changes) == 0 {
		return refused(io, "nothing is written\n", err)
	}
	return refused(io, "nothing is written, since it would not be valid:\n"+diffs(o.changes), err)
}

// known checks that what a change is about is there: a slip of the pen would declare it.
func (e editing) known(cfg schema.Config) error {
	if _, there := cfg.Providers[e.provider]; e.provider != "" && !there {
		return undeclared("provider", e.provider, providerNames(cfg))
	}
	if _, there := cfg.Organizations[e.organization]; e.organization != "" && !there {
		return undeclared("organization", e.organization, organizationNames(cfg))
	}
	return nil
}

func undeclared(what, name string, there []string) error {
	return fmt.Errorf("no %s %q is declared; there are: %s", what, name, strings.Join(there, ", "))
}

// outcome is what an edit made.
type outcome struct {
	did     string
	changes []edit.Change
	after   schema.Config
}

// deliver brings changes where they were asked for.
func (e *editor) deliver(ctx context.Context, io *streams, what editing, o outcome) error {
	if e.message != "" {
		what.message = e.message
	}
	shown, last := diffs(o.changes)+"\n"+o.did+"\n", ""
	if what.last != nil {
		last = what.last()
	}
	switch {
	case e.showOnly:
		return say(io, shown+"nothing is written: --dry-run\n"+last)
	case e.request:
		told, err := e.propose(ctx, what.message, o)
		return errors.Join(say(io, shown+told+last), err)
	}
	var repo *checkout
	if e.commit {
		var err error
		if repo, err = openCheckout(ctx, e.dir, o.changes); err != nil {
			return err
		}
	}
	if err := edit.Write(e.dir, o.changes); err != nil {
		return err
	}
	if repo == nil {
		return say(io, shown+e.next(what, o.changes)+last)
	}
	sha, err := repo.commit(ctx, what.message, o.changes)
	if err != nil {
		return errors.Join(say(io, shown), fmt.Errorf("the files are written, and not committed: %w", err))
	}
	return say(io, fmt.Sprintf("%scommitted as %s\nnext:\n  %s push\n  %s\n%s", shown, sha, gitIn(e.dir), e.here(what.watch), last))
}

// nothing says that what was asked for is so already.
func nothing(did string) string {
	is, ended := strings.CutSuffix(did, " any more")
	switch {
	case ended:
		return is + ": nothing to do\n"
	case strings.Contains(did, "nothing to do"):
		return did + "\n"
	}
	return did + " already: nothing to do\n"
}

func say(io *streams, text string) error {
	_, err := fmt.Fprint(io.out, text)
	return err
}

// next says what to do after an edit.
func (e *editor) next(what editing, changes []edit.Change) string {
	git, names, begin := gitIn(e.dir), "", ""
	for _, c := range changes {
		names += " " + quoted(c.Name)
		if c.Before == nil {
			begin += " " + quoted(c.Name)
		}
	}
	if begin != "" {
		begin = fmt.Sprintf("  %s add%s\n", git, begin)
	}
	return fmt.Sprintf("next:\n%s  %s commit -m %s%s\n  %s push\n  %s\n",
		begin, git, quoted(what.message), names, git, e.here(what.watch))
}

// gitIn is git in a directory, as one types it.
func gitIn(dir string) string {
	if dir == "." {
		return "git"
	}
	return "git -C " + quoted(dir)
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
