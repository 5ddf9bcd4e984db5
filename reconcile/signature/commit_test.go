package signature_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/workspace-providers/reconcile/reconcile/git"
	"github.com/workspace-providers/reconcile/reconcile/signature"
)

// run runs a program and returns what it prints.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skip(name + " is not installed")
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "LC_ALL=C",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com")
	out, err := cmd.Output()
	if err != nil {
		exit := new(exec.ExitError)
		_ = errors.As(err, &exit)
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, exit.Stderr)
	}
	return strings.TrimSpace(string(out))
}

// repository is a new one with a signed commit, and one like it that says something else.
func repository(t *testing.T, config ...string) (r *git.Repo, signed, forged string) {
	t.Helper()
	dir := t.TempDir()
	run(t, dir, "git", "init", "-q", "-b", "main")
	for _, c := range config {
		key, value, _ := strings.Cut(c, "=")
		run(t, dir, "git", "config", key, value)
	}
	run(t, dir, "git", "commit", "-q", "-S", "--allow-empty", "-m", "signed\n\nby Ada")
	signed = run(t, dir, "git", "rev-parse", "HEAD")
	raw := run(t, dir, "git", "cat-file", "commit", signed)
	file := filepath.Join(t.TempDir(), "commit")
	if err := os.WriteFile(file, []byte(strings.Replace(raw, "by Ada", "by Eve", 1)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	forged = run(t, dir, "git", "hash-object", "-t", "commit", "-w", file)
	r = &git.Repo{URL: dir, Ref: "main"}
	if _, err := r.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r, signed, forged
}

// holds wants the signed commit to be that of "ada", and the forged one to be nobody's.
func holds(t *testing.T, r *git.Repo, ring signature.Ring, signed, forged string) {
	t.Helper()
	payload, sig, err := r.Signed(signed)
	if err != nil {
		t.Fatal(err)
	}
	if signer, err := signature.Verify(payload, sig, ring, time.Now()); err != nil || signer.Name != "ada" {
		t.Errorf("got %+v %v", signer, err)
	}
	if _, err := signature.Verify(payload, sig, signature.Ring{}, time.Now()); !errors.Is(err, signature.ErrUnknownKey) {
		t.Errorf("with nobody's key: %v", err)
	}
	if payload, sig, err = r.Signed(forged); err != nil {
		t.Fatal(err)
	}
	if _, err := signature.Verify(payload, sig, ring, time.Now()); !errors.Is(err, signature.ErrInvalid) {
		t.Errorf("forged: %v", err)
	}
}

func TestCommitSignedWithSSH(t *testing.T) {
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		t.Run(kind, func(t *testing.T) {
			key := filepath.Join(t.TempDir(), "id")
			run(t, ".", "ssh-keygen", "-q", "-t", kind, "-N", "", "-f", key)
			public, err := os.ReadFile(key + ".pub")
			if err != nil {
				t.Fatal(err)
			}
			r, signed, forged := repository(t, "gpg.format=ssh", "user.signingKey="+key)
			ring, errs := signature.NewRing(nil, map[string]string{"ada": strings.TrimSpace(string(public))})
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			holds(t, r, ring, signed, forged)
		})
	}
}

// ada is whose OpenPGP keys these are.
const ada = "ada@example.com"

// gnupg makes an OpenPGP key in a new home of gpg, and returns its public part.
func gnupg(t *testing.T, kind string, options ...string) (home, public string) {
	t.Helper()
	home, err := os.MkdirTemp("", "gpg") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GNUPGHOME", home)
	t.Cleanup(func() {
		run(t, ".", "gpgconf", "--kill", "all") // gpg leaves an agent behind
		_ = os.RemoveAll(home)
	})
	args := append(options, "--batch", "--passphrase", "", "--quick-gen-key", "Ada <"+ada+">", kind, "sign", "1y")
	run(t, ".", "gpg", args...)
	return home, run(t, ".", "gpg", "--armor", "--export", ada)
}

func TestCommitSignedWithOpenPGP(t *testing.T) {
	for _, kind := range []string{"ed25519", "rsa3072", "nistp384"} {
		t.Run(kind, func(t *testing.T) {
			_, public := gnupg(t, kind)
			r, signed, forged := repository(t, "user.signingKey="+ada)
			ring, errs := signature.NewRing(map[string]string{"ada": public}, nil)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			holds(t, r, ring, signed, forged)
		})
	}
}

func TestSHA1IsTooWeak(t *testing.T) {
	home, public := gnupg(t, "rsa3072")
	if err := os.WriteFile(filepath.Join(home, "gpg.conf"), []byte("digest-algo SHA1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, signed, _ := repository(t, "user.signingKey="+ada)
	payload, sig, err := r.Signed(signed)
	if err != nil {
		t.Fatal(err)
	}
	ring, _ := signature.NewRing(map[string]string{"ada": public}, nil)
	_, err = signature.Verify(payload, sig, ring, time.Now())
	if !errors.Is(err, signature.ErrRefused) || !strings.Contains(err.Error(), "SHA-1, which is too weak") {
		t.Errorf("got %v", err)
	}
}

func TestKeysOfOldAreTooWeak(t *testing.T) {
	for name, c := range map[string]struct {
		kind    string
		options []string
	}{
		"bound with SHA-1": {"rsa3072", []string{"--cert-digest-algo", "SHA1"}},
		"RSA 1024":         {"rsa1024", nil},
		"DSA":              {"dsa2048", nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, public := gnupg(t, c.kind, c.options...)
			if err := signature.CheckOpenPGP(public); err == nil || !strings.Contains(err.Error(), "weak") {
				t.Errorf("got %v", err)
			}
		})
	}
}
