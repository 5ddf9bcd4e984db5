package status

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Noter keeps git notes in a remote repository.
type Noter interface {
	// Note replaces the note of a commit under a ref such as "refs/notes/reconcile/acme".
	Note(ctx context.Context, ref, commit, text string) error

	// ReadNote reads it; a commit without a note has the empty text.
	ReadNote(ctx context.Context, ref, commit string) (string, error)
}

// Notes is a Forge for a plain git remote: the lines of a commit are its note, one line for each context:
//
//	reconcile/acme/apply success 12 of 12 Ready
type Notes struct {
	Repo Noter
}

// Name is "notes".
func (n Notes) Name() string { return "notes" }

// Post replaces the commit's lines of the same contexts and keeps the others.
func (n Notes) Post(ctx context.Context, sha string, lines []Line) (int, error) {
	if len(lines) == 0 {
		return 0, nil
	}
	ref, err := noteRef(lines[0].Context)
	if err != nil {
		return 0, err
	}
	have, err := n.read(ctx, ref, sha)
	if err != nil {
		return 0, err
	}
	text := noteText(replace(noteLines(sha, have), lines))
	if text == have {
		return len(lines), nil
	}
	if err := n.Repo.Note(ctx, ref, sha, text); err != nil {
		return 0, fmt.Errorf("write the git note on %s under %s: %w", short(sha), ref, err)
	}
	return len(lines), nil
}

// Posted reads the note of the commit.
func (n Notes) Posted(ctx context.Context, like Line) ([]Line, error) {
	ref, err := noteRef(like.Context)
	if err != nil {
		return nil, err
	}
	have, err := n.read(ctx, ref, like.SHA)
	return noteLines(like.SHA, have), err
}

func (n Notes) read(ctx context.Context, ref, sha string) (string, error) {
	text, err := n.Repo.ReadNote(ctx, ref, sha)
	if err != nil {
		return "", fmt.Errorf("read the git note on %s under %s: %w", short(sha), ref, err)
	}
	return text, nil
}

// replace puts lines in the place of those with the same contexts.
func replace(stand, lines []Line) []Line {
	for _, l := range lines {
		stand = slices.DeleteFunc(stand, func(have Line) bool { return have.Context == l.Context })
		stand = append(stand, l)
	}
	return stand
}

// noteLines reads what noteText wrote; lines of any other form are not ours and fall away.
func noteLines(sha, text string) []Line {
	var lines []Line
	for row := range strings.Lines(text) {
		fields := strings.SplitN(strings.TrimSpace(row), " ", 3)
		if len(fields) < 2 {
			continue
		}
		l := Line{SHA: sha, Context: fields[0], State: LineState(fields[1])}
		if len(fields) == 3 {
			l.Text = fields[2]
		}
		lines = append(lines, l)
	}
	return lines
}

// noteRef is the ref for a context: "reconcile/acme/apply/eu" is kept in "refs/notes/reconcile/acme".
func noteRef(context string) (string, error) {
	parts := strings.Split(context, "/")
	if len(parts) < 2 {
		return "", fmt.Errorf("%w: the context %q names no deployment", ErrRefused, context)
	}
	return "refs/notes/" + parts[0] + "/" + parts[1], nil
}

// noteText writes the lines by context.
func noteText(lines []Line) string {
	slices.SortFunc(lines, func(a, b Line) int { return strings.Compare(a.Context, b.Context) })
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "%s %s %s\n", l.Context, l.State, l.Text)
	}
	return b.String()
}
