package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/storage/memory"
	"pgregory.net/rapid"
)

// edits changes the files of a worktree at random: lines, modes, links, files that become directories and back.
func edits(t *rapid.T, dir string) {
	for range rapid.IntRange(1, 4).Draw(t, "edits") {
		name := filepath.Join(dir, rapid.SampledFrom([]string{"a", "b", "d/a", "d/b", "d/e/c", "f"}).Draw(t, "name"))
		if rapid.IntRange(0, 9).Draw(t, "what") == 0 {
			_ = os.RemoveAll(name)
			continue
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			_ = os.RemoveAll(name)
			raw = nil
		}
		lines := strings.SplitAfter(string(raw), "\n")
		for range rapid.IntRange(1, 3).Draw(t, "lines") {
			at := rapid.IntRange(0, len(lines)-1).Draw(t, "at")
			switch rapid.IntRange(0, 2).Draw(t, "how") {
			case 0:
				lines[at] = fmt.Sprintf("changed %d\n", rapid.IntRange(0, 5).Draw(t, "to"))
			case 1:
				lines[at] += fmt.Sprintf("added %d\n", rapid.IntRange(0, 5).Draw(t, "to"))
			case 2:
				lines[at] = ""
			}
		}
		if parent := filepath.Dir(name); os.MkdirAll(parent, 0o755) != nil {
			_ = os.Remove(parent)
			_ = os.MkdirAll(parent, 0o755)
		}
		if rapid.IntRange(0, 15).Draw(t, "link") == 0 {
			_ = os.Remove(name)
			_ = os.Symlink("../outside", name)
			continue
		}
		mode := os.FileMode(0o644)
		if rapid.IntRange(0, 5).Draw(t, "mode") == 0 {
			mode = 0o755
		}
		_ = os.WriteFile(name, []byte(strings.Join(lines, "")), mode)
		_ = os.Chmod(name, mode)
	}
}

// Merge gives what git gives, or a conflict where git has one too.
func TestMergeIsGits(t *testing.T) {
	if testing.Short() {
		t.Skip("runs git a thousand times")
	}
	root := t.TempDir()
	n, clean, conflicts, strict := 0, 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		work := filepath.Join(root, fmt.Sprint(n))
		run := func(args ...string) (string, error) {
			cmd := exec.Command("git", append([]string{"-c", "merge.renames=false", "-c", "merge.directoryRenames=false"}, args...)...)
			cmd.Dir = work
			cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "LC_ALL=C",
				"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=a@example.com")
			out, err := cmd.Output()
			return strings.TrimSpace(string(out)), err
		}
		must := func(args ...string) string {
			out, err := run(args...)
			if err != nil {
				t.Fatalf("git %v: %v", args, err)
			}
			return out
		}
		commit := func() string {
			must("add", "-A")
			must("commit", "-q", "--allow-empty", "-m", "x")
			return must("rev-parse", "HEAD")
		}
		if err := os.MkdirAll(work, 0o755); err != nil {
			t.Fatal(err)
		}
		must("init", "-q", "-b", "main")
		var text strings.Builder
		for i := range 12 {
			fmt.Fprintf(&text, "line %d\n", i)
		}
		for _, name := range []string{"a", "d/a", "d/b", "d/e/c"} {
			_ = os.MkdirAll(filepath.Join(work, filepath.Dir(name)), 0o755)
			_ = os.WriteFile(filepath.Join(work, name), []byte(text.String()), 0o644)
		}
		commit()
		must("checkout", "-q", "-b", "topic")
		edits(t, work)
		theirs := commit()
		must("checkout", "-q", "-f", "main")
		must("clean", "-fdq")
		edits(t, work)
		ours := commit()

		want, gitErr := run("merge-tree", "--write-tree", ours, theirs)
		got, err := mergeThere(t, work, ours, theirs)
		var conflict *ConflictError
		switch {
		case err != nil && !errors.As(err, &conflict):
			t.Fatal(err)
		case err == nil && gitErr != nil:
			t.Errorf("git has a conflict, and we gave %s", got)
		case err == nil && got != want:
			t.Errorf("git gives %s, we %s\n%s", want, got, must("diff", want, got))
		case err == nil:
			clean++
		case gitErr != nil:
			conflicts++
		default:
			strict++
		}
		_ = os.RemoveAll(work)
	})
	t.Logf("%d merged, %d conflicts, %d that git would have merged", clean, conflicts, strict)
	if clean < n/4 || conflicts == 0 || strict > n/5 {
		t.Errorf("of %d: %d merged, %d conflicts, %d that git would have merged", n, clean, conflicts, strict)
	}
}

// mergeThere merges two commits of a repository that is read in place, and returns the tree.
func mergeThere(t *rapid.T, work, ours, theirs string) (string, error) {
	r := &Repo{URL: "file://" + work, Ref: "main"}
	defer func() { _ = r.Close() }()
	if _, err := r.Fetch(context.Background()); err != nil {
		t.Fatal(err)
	}
	a, errA := r.Commit(ours)
	b, errB := r.Commit(theirs)
	from, err := r.mergeBase(a, b)
	if err := errors.Join(errA, errB, err); err != nil {
		t.Fatal(err)
	}
	m := &merge{repo: r, fresh: memory.NewStorage()}
	tree, err := m.commits(from, a, b)
	return tree.String(), err
}
