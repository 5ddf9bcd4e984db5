package git

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const acme = "refs/notes/reconcile/acme"

func write(t testing.TB, r *Repo, commit, text string) {
	t.Helper()
	if err := r.Note(context.Background(), acme, commit, text); err != nil {
		t.Fatal(err)
	}
}

func (o *origin) shown(commit string) string {
	o.t.Helper()
	return stock(o.t, o.bare, "notes", "--ref", "reconcile/acme", "show", commit)
}

func TestNotesAreWhatGitShowsOverEveryTransport(t *testing.T) {
	for name, repo := range map[string]func(o *origin) *Repo{
		"https": func(o *origin) *Repo { return o.web().repo(o, "main") },
		"ssh": func(o *origin) *Repo {
			s := o.sshd()
			return &Repo{URL: s.url, Auth: s.auth, Ref: "main"}
		},
		"git":  func(o *origin) *Repo { return &Repo{URL: o.daemon(), Ref: "main"} },
		"file": func(o *origin) *Repo { return &Repo{URL: "file://" + o.bare, Ref: "main"} },
	} {
		t.Run(name, func(t *testing.T) {
			o := filled(t)
			r := repo(o)
			defer r.Close()
			c := fetch(t, r)
			text, err := r.ReadNote(context.Background(), acme, c.Hash)
			if err != nil || text != "" {
				t.Errorf("before: %q %v", text, err)
			}
			write(t, r, c.Hash, "12 of 12 Ready\n")
			same(t, "git shows", o.shown(c.Hash), "12 of 12 Ready")

			write(t, r, c.Parents[0], "first\n")
			write(t, r, c.Hash, "eu/frankfurt: failed\n")
			same(t, "git shows the newer", o.shown(c.Hash), "eu/frankfurt: failed")
			same(t, "git shows the other", o.shown(c.Parents[0]), "first")
			if text, err = r.ReadNote(context.Background(), acme, c.Hash); err != nil || text != "eu/frankfurt: failed\n" {
				t.Errorf("read: %q %v", text, err)
			}

			before := stock(t, o.bare, "rev-parse", acme)
			write(t, r, c.Hash, "eu/frankfurt: failed\n")
			same(t, "the ref after the same again", stock(t, o.bare, "rev-parse", acme), before)
			same(t, "notes", len(strings.Fields(stock(t, o.bare, "rev-list", acme))), 3)
			stock(t, o.bare, "fsck", "--strict")
			same(t, "the branch", fetch(t, r).Hash, c.Hash)
		})
	}
}

func TestNotesOfOthersStay(t *testing.T) {
	o := filled(t)
	r := o.web().repo(o, "main")
	c := fetch(t, r)
	write(t, r, c.Hash, "ours")
	stock(t, o.bare, "notes", "--ref", "reconcile/acme", "add", "-m", "theirs", c.Parents[0])
	write(t, r, c.Hash, "ours again")
	same(t, "theirs", o.shown(c.Parents[0]), "theirs")
	same(t, "ours", o.shown(c.Hash), "ours again")
	stock(t, o.bare, "notes", "--ref", "reconcile/acme", "remove", c.Hash)
	write(t, r, c.Hash, "and again")
	same(t, "ours", o.shown(c.Hash), "and again")
	stock(t, o.bare, "update-ref", "-d", acme)
	write(t, r, c.Hash, "anew")
	same(t, "ours", o.shown(c.Hash), "anew")
}

func TestManyNotesGoIntoFoldersAsGitHasThem(t *testing.T) {
	o := filled(t)
	c := o.head()
	var names []string
	for i := range 700 {
		names = append(names, fmt.Sprintf("%016x%024x", uint64(i)*0x9e3779b97f4a7c15, i))
	}
	for kind, layout := range map[string]func(string) string{
		"flat": func(name string) string { return name },
		"two":  func(name string) string { return name[:2] + "/" + name[2:] },
		"four": func(name string) string { return name[:2] + "/" + name[2:4] + "/" + name[4:] },
	} {
		t.Run(kind, func(t *testing.T) {
			var in strings.Builder
			fmt.Fprintf(&in, "reset %s\ncommit %[1]s\ncommitter A <a@b> 1 +0000\ndata 0\n", acme)
			for _, name := range append(names, c) {
				fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", layout(name), len(name), name)
			}
			if _, err := tryStock(o.bare, in.String(), "fast-import", "--quiet", "--force"); err != nil {
				t.Fatal(err)
			}
			r := &Repo{URL: o.daemon(), Ref: "main"}
			defer r.Close()
			write(t, r, c, "replaced")
			same(t, "replaced", o.shown(c), "replaced")
			parent := stock(t, o.bare, "rev-parse", c+"^")
			write(t, r, parent, "added")
			same(t, "added", o.shown(parent), "added")
			list := strings.Fields(stock(t, o.bare, "notes", "--ref", "reconcile/acme", "list"))
			same(t, "notes", len(list)/2, len(names)+2)
			stock(t, o.bare, "fsck", "--strict")
		})
	}
}

func TestConcurrentNotesAllArrive(t *testing.T) {
	o := filled(t)
	web := o.web()
	var commits []string
	for i := range 6 {
		commits = append(commits, o.commit(fmt.Sprint(i)))
	}
	o.push()
	for name, repo := range map[string]func() *Repo{
		"https": func() *Repo { return web.repo(o, "main") },
		"file":  func() *Repo { return &Repo{URL: o.bare, Ref: "main"} },
	} {
		t.Run(name, func(t *testing.T) {
			var wg sync.WaitGroup
			for i, c := range commits {
				r := repo()
				wg.Go(func() {
					for n := range 3 {
						if err := r.Note(context.Background(), acme, c, fmt.Sprint(i, n)); err != nil {
							t.Errorf("note %d.%d: %v", i, n, err)
						}
					}
				})
			}
			wg.Wait()
			for i, c := range commits {
				same(t, "note", o.shown(c), fmt.Sprint(i, 2))
			}
			stock(t, o.bare, "fsck", "--strict")
		})
	}
}

func TestNotesThatAreNotTaken(t *testing.T) {
	o := filled(t)
	web := o.web()
	r := web.repo(o, "main")
	c := fetch(t, r)
	for _, bad := range []struct{ ref, commit, text string }{
		{"refs/heads/main", c.Hash, ""}, {"refs/notes/../heads/main", c.Hash, ""}, {"refs/notes/", c.Hash, ""},
		{"refs/notes/a b", c.Hash, ""}, {"refs/notes/x.lock", c.Hash, ""}, {acme, "main", ""},
		{acme, c.Hash, strings.Repeat("x", maxNote+1)},
	} {
		err := r.Note(context.Background(), bad.ref, bad.commit, bad.text)
		if !errors.Is(err, ErrRefused) && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%q %q: %v", bad.ref, bad.commit, err)
		}
	}
	hook := filepath.Join(o.bare, "hooks", "update")
	if err := os.WriteFile(hook, []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	wrong(t, r.Note(context.Background(), acme, c.Hash, "x"), "hook declined", "let these credentials push refs/notes")
	web.gate = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.RawQuery, "receive-pack") {
			http.Error(w, "no", http.StatusForbidden)
			return false
		}
		return true
	}
	wrong(t, r.Note(context.Background(), acme, c.Hash, "x"), "authorization failed", "give these credentials access")
	if _, err := tryStock(o.bare, "", "rev-parse", "--verify", "-q", acme); err == nil {
		t.Error("a note is there")
	}
}

func TestNoteIntoARepositoryThatGitHasLocked(t *testing.T) {
	o := filled(t)
	r := &Repo{URL: o.bare, Ref: "main"}
	c := fetch(t, r)
	write(t, r, c.Hash, "before")
	lock := filepath.Join(o.bare, acme+".lock")
	if err := os.WriteFile(lock, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	fetch(t, r) // reading does not mind
	released := make(chan struct{})
	go func() {
		defer close(released)
		until(t, "the note waits", func() bool { return true })
		_ = os.Remove(lock)
	}()
	write(t, r, c.Hash, "after")
	<-released
	same(t, "note", o.shown(c.Hash), "after")
}

func TestALockThatSomebodyLeftBehindIsBroken(t *testing.T) {
	o := filled(t)
	r := &Repo{URL: o.bare, Ref: "main"}
	c := fetch(t, r)
	write(t, r, c.Hash, "before")
	lock := filepath.Join(o.bare, acme+".lock")
	if err := os.WriteFile(lock, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * staleLock)
	if err := os.Chtimes(lock, old, old); err != nil {
		t.Fatal(err)
	}
	write(t, r, c.Hash, "after")
	same(t, "note", o.shown(c.Hash), "after")
}
