package git

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// signing makes git sign with a new SSH key.
func (o *origin) signing() {
	o.t.Helper()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		o.t.Skip("ssh-keygen is not installed")
	}
	key := filepath.Join(o.t.TempDir(), "id")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		o.t.Fatalf("ssh-keygen: %v: %s", err, out)
	}
	stock(o.t, o.work, "config", "gpg.format", "ssh")
	stock(o.t, o.work, "config", "user.signingKey", key)
}

// fits asks ssh-keygen whether a signature was made over a payload.
func fits(t *testing.T, payload, sig []byte) error {
	t.Helper()
	dir := t.TempDir()
	put(t, dir, "sig", string(sig))
	cmd := exec.Command("ssh-keygen", "-Y", "check-novalidate", "-n", "git", "-s", filepath.Join(dir, "sig"))
	cmd.Stdin = bytes.NewReader(payload)
	return cmd.Run()
}

func TestSignedGivesWhatGitSigned(t *testing.T) {
	o := filled(t)
	o.signing()
	stock(t, o.work, "commit", "-q", "-S", "--allow-empty", "-m", "signed\n\ngpgsig in the text\n\n of the message\n")
	plain := o.head()

	stock(t, o.work, "checkout", "-q", "-b", "side", "HEAD^")
	o.write("side", "side\n")
	o.commit("side")
	stock(t, o.work, "tag", "-s", "-m", "a signed tag", "side-1")
	stock(t, o.work, "checkout", "-q", "main")
	stock(t, o.work, "merge", "-q", "--no-ff", "-S", "-m", "merge of a signed tag", "side-1")
	merge := o.head()
	if raw := stock(t, o.work, "cat-file", "commit", merge); strings.Count(raw, "-----BEGIN SSH") != 2 || !strings.Contains(raw, "mergetag") {
		t.Fatalf("git put no signed tag into the merge:\n%s", raw)
	}
	o.push()

	for _, r := range []*Repo{{URL: o.bare, Ref: "main"}, {URL: o.daemon(), Ref: "main"}} {
		fetch(t, r)
		for name, commit := range map[string]string{"plain": plain, "merge": merge} {
			payload, sig, err := r.Signed(commit)
			if err != nil {
				t.Fatal(err)
			}
			if err := fits(t, payload, sig); err != nil {
				t.Errorf("%s: ssh-keygen says %v of\n%s%s", name, err, sig, payload)
			}
			if err := fits(t, append(payload, ' '), sig); err == nil {
				t.Errorf("%s: ssh-keygen takes anything", name)
			}
		}
		if _, _, err := r.Signed(plain + "^"); !errors.Is(err, ErrRefused) {
			t.Errorf("no hash: %v", err)
		}
		_, _, err := r.Signed(stock(t, o.bare, "rev-parse", plain+"^"))
		if !errors.Is(err, ErrUnsigned) {
			t.Errorf("not signed: %v", err)
		}
		wrong(t, err, "not signed", "git commit -S")
		_ = r.Close()
	}
}

// What a commit begins with, and a signature of it.
var (
	treeLine      = "tree " + strings.Repeat("a", 40) + "\n"
	parentLine    = "parent " + strings.Repeat("b", 40) + "\n"
	authorLine    = "author A <a@b> 1 +0000\n"
	committerLine = "committer A <a@b> 1 +0000\n"
	gpgsig        = "gpgsig -----BEGIN\n \n x\n -----END\n"
)

func TestTakeSignature(t *testing.T) {
	const sig = "-----BEGIN\n\nx\n-----END\n"
	head := treeLine + parentLine + authorLine + committerLine
	for name, c := range map[string]struct {
		commit, payload string
		want            error
	}{
		"last header":        {head + "encoding x\n" + gpgsig + "\ntext\n", head + "encoding x\n\ntext\n", nil},
		"followed by others": {head + gpgsig + "mergetag x\n gpgsig y\n\ntext", head + "mergetag x\n gpgsig y\n\ntext", nil},
		"no message":         {head + gpgsig, head, nil},
		"root commit":        {treeLine + authorLine + committerLine + gpgsig + "\n", treeLine + authorLine + committerLine + "\n", nil},
		"in the message":     {head + "\n" + gpgsig, "", ErrUnsigned},
		"in another header":  {head + "mergetag x\n " + gpgsig + "\n", "", ErrUnsigned},
		"none":               {head + "\n", "", ErrUnsigned},
		"two":                {head + gpgsig + gpgsig + "\n", "", ErrRefused},
		"two with one empty": {head + "gpgsig \n" + gpgsig + "\n", "", ErrRefused},
		"of SHA-256 too":     {head + gpgsig + "gpgsig-sha256 x\n\n", "", ErrRefused},
		"of SHA-256 alone":   {head + "gpgsig-sha256 x\n\n", "", ErrRefused},
		"without a space":    {head + "gpgsig\n x\n\n", "", ErrRefused},
		"before the tree":    {gpgsig + head + "\n", "", ErrRefused},
		"before the author":  {treeLine + gpgsig + authorLine + committerLine + "\n", "", ErrRefused},
		"two trees":          {treeLine + head + gpgsig + "\n", "", ErrRefused},
		"a tree after it":    {head + gpgsig + treeLine + "\n", "", ErrRefused},
		"a parent after it":  {head + gpgsig + parentLine + "\n", "", ErrRefused},
		"two authors":        {treeLine + authorLine + authorLine + committerLine + gpgsig + "\n", "", ErrRefused},
		"two committers":     {head + committerLine + gpgsig + "\n", "", ErrRefused},
		"no tree":            {authorLine + committerLine + gpgsig + "\n", "", ErrRefused},
		"a short tree":       {"tree abc\n" + authorLine + committerLine + gpgsig + "\n", "", ErrRefused},
		"NUL":                {head + "x \x00\n" + gpgsig + "\n", "", ErrRefused},
		"nothing":            {"", "", ErrRefused},
		"too large":          {head + gpgsig + "x " + strings.Repeat("y", maxHeader) + "\n\n", "", ErrTooLarge},
	} {
		payload, got, err := takeSignature([]byte(c.commit))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
			continue
		}
		same(t, name+": payload", string(payload), c.payload)
		if err == nil {
			same(t, name+": signature", string(got), sig)
		}
	}
}

func FuzzTakeSignature(f *testing.F) {
	head := treeLine + parentLine + authorLine + committerLine
	for _, seed := range []string{head + gpgsig + "\ntext", head + "mergetag x\n gpgsig y\n" + gpgsig, head + gpgsig + gpgsig, "gpgsig"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, commit []byte) {
		before := bytes.Clone(commit)
		payload, sig, err := takeSignature(commit)
		if !bytes.Equal(before, commit) {
			t.Fatal("the commit was changed")
		}
		if err != nil {
			return
		}
		// Written as git does, right before the message, it is taken out just so again.
		at := len(payload)
		if i := bytes.Index(payload, []byte("\n\n")); i >= 0 {
			at = i + 1
		}
		if at == 0 || payload[at-1] != '\n' || !bytes.HasSuffix(sig, []byte("\n")) {
			return // cut off in a header
		}
		header := "gpgsig " + strings.ReplaceAll(strings.TrimSuffix(string(sig), "\n"), "\n", "\n ") + "\n"
		again := string(payload[:at]) + header + string(payload[at:])
		p, s, err := takeSignature([]byte(again))
		if len(again) <= maxHeader && (err != nil || !bytes.Equal(p, payload) || !bytes.Equal(s, sig)) {
			t.Fatalf("%v\n%q\n%q\n%q\n%q", err, payload, p, sig, s)
		}
	})
}
