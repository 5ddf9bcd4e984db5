package source

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/workspace-providers/reconcile/schema"
)

// key makes an SSH key, and says how it is declared.
func (r *repository) key(name string) (file, public string) {
	r.t.Helper()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		r.t.Skip("ssh-keygen is not installed")
	}
	file = filepath.Join(r.t.TempDir(), name)
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", file).CombinedOutput(); err != nil {
		r.t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(file + ".pub")
	if err != nil {
		r.t.Fatal(err)
	}
	return file, strings.TrimSpace(string(text))
}

// sign commits what an archive changes, signed with a key; without one, unsigned.
func (r *repository) sign(key, archive string) string {
	r.t.Helper()
	write(r.t, r.dir, archive)
	r.git("add", "-A")
	args := []string{"-c", "gpg.format=ssh", "-c", "user.signingkey=" + key, "commit", "-q", "--allow-empty", "-m", "change"}
	if key != "" {
		args = append(args, "-S")
	}
	r.git(args...)
	return r.git("rev-parse", "HEAD")
}

func verifying(public string) string {
	return fmt.Sprintf("-- verify.cue --\npackage providers\n\ndeployment: verify: allowedSigners: ada: %q\n", public)
}

// Only what is signed with a key of the revision in force follows it, and so do other keys.
func TestUnsignedRevisionsDoNotCount(t *testing.T) {
	r := newRepository(t)
	ada, adas := r.key("ada")
	eve, eves := r.key("eve")
	file := filepath.Join(t.TempDir(), "verify", "accepted")
	start := func() *counted {
		s := newSource(r.origin())
		s.Accepted = file
		return s
	}
	s := start()
	is := func(s *counted, force, head string, wrong bool) {
		t.Helper()
		target := latest(s)
		var mistakes schema.Errors
		if target.Commit.SHA != force || target.Head.SHA != head || errors.As(target.HeadErr, &mistakes) != wrong {
			t.Errorf("in force %.7s, head %.7s, %v; want %.7s, %.7s, wrong: %v", target.Commit.SHA, target.Head.SHA, target.HeadErr, force, head, wrong)
		}
		if wrong && !strings.Contains(target.HeadErr.Error(), "deployment.verify: commit "+head[:7]) {
			t.Errorf("%v", target.HeadErr)
		}
	}
	first := r.git("rev-parse", "HEAD")
	is(s, first, first, false)
	declared := r.sign("", verifying(adas)) // nobody had to sign yet
	is(s, declared, declared, false)
	unsigned := r.sign("", larger)
	is(s, declared, unsigned, true)
	foreign := r.sign(eve, mended)
	is(s, declared, foreign, true)
	stolen := r.sign(eve, verifying(eves)) // whoever has no key cannot bring one
	is(s, declared, stolen, true)
	off := r.sign("", "-- verify.cue --\npackage providers\n")
	is(s, declared, off, true)
	is(start(), declared, off, true) // nor after a restart
	signed := r.sign(ada, larger)
	is(s, signed, signed, false)
	is(start(), signed, signed, false)
	changed := r.sign(ada, verifying(eves))
	is(s, changed, changed, false)
	is(s, changed, r.sign(ada, mended), true)
	last := r.sign(eve, mended)
	is(s, last, last, false)
	end := r.sign(eve, "-- verify.cue --\npackage providers\n")
	is(s, end, end, false)
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was accepted is still remembered: %v", err)
	}
	free := r.sign("", mended)
	is(s, free, free, false)
}
