package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/workspace-providers/reconcile/schema/edit"
)

// Whatever somebody gives as a reason or has as a directory, a shell makes the same words of it, and runs none of them.
func TestQuoted(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"frankfurt": "frankfurt", "a/b-c.cue": "a/b-c.cue", "": "''", "it moves": "'it moves'", "it's": `'it'\''s'`,
		"$(touch x)": "'$(touch x)'", "`id`": "'`id`'", `a"b\c`: `'a"b\c'`, "~": "'~'", "a\nb": "'a\nb'", "Zürich": "'Zürich'", "!1": "'!1'",
	} {
		got := quoted(word)
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+got).Output()
		if got != want || err != nil || string(out) != word {
			t.Errorf("%q is %s, want %s; a shell makes %q of it: %v", word, got, want, out, err)
		}
	}
}

// What is to be done next after an edit can be pasted.
func TestNextCanBePasted(t *testing.T) {
	t.Parallel()
	what := editing{message: `Cordon provider paris: "it" $(touch x)`, watch: "reconcile explain paris"}
	e := &editor{settings: &settings{dir: "my shop", clusters: "~/kubeconfigs", stateNamespace: "default"}}
	said := e.next(what, []edit.Change{{Name: "a b.cue"}})
	var words []string
	for line := range strings.Lines(said) {
		if line, is := strings.CutPrefix(line, "  git "); is {
			out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf '%s\\n' "+line).Output()
			if err != nil {
				t.Fatal(err)
			}
			words = append(words, string(out))
		}
	}
	want := []string{"-C\nmy shop\nadd\na b.cue\n", "-C\nmy shop\ncommit\n-m\n" + what.message + "\na b.cue\n", "-C\nmy shop\npush\n"}
	if strings.Join(words, "|") != strings.Join(want, "|") {
		t.Errorf("got %q, want %q; said:\n%s", words, want, said)
	}
	if want := "  reconcile explain paris --clusters '~/kubeconfigs' --dir 'my shop'\n"; !strings.HasSuffix(said, want) {
		t.Errorf("it does not end with %q:\n%s", want, said)
	}
}
