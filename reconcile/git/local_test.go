package git

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLocalRepositoryIsReadInPlace(t *testing.T) {
	o := filled(t)
	r := &Repo{URL: o.bare, Ref: "main"}
	defer r.Close()
	c := fetch(t, r)
	readAll(t, r, c.Hash)
	for name, change := range map[string]func(){
		"packed":       func() { stock(t, o.bare, "gc", "-q", "--prune=now") },
		"more commits": func() { o.write("n.cue", "n: 1\n"); o.commit("more"); o.push() },
		"packed again": func() { stock(t, o.bare, "repack", "-adq"); stock(t, o.bare, "pack-refs", "--all") },
	} {
		change()
		got := fetch(t, r)
		same(t, name, got.Hash, o.head())
		readAll(t, r, got.Hash)
		readAll(t, r, c.Hash)
	}
	if left := find(t, o.bare, "tmp_"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestLocalRepositoriesOfAllShapes(t *testing.T) {
	o := filled(t)
	dir := t.TempDir()
	linked, shared, mirror := filepath.Join(dir, "linked"), filepath.Join(dir, "shared"), filepath.Join(dir, "mirror")
	stock(t, o.work, "worktree", "add", "-q", "-b", "side", linked)
	stock(t, dir, "clone", "-q", "--shared", o.bare, shared)
	stock(t, dir, "clone", "-q", "--mirror", o.bare, mirror)
	detached := filepath.Join(dir, "detached")
	stock(t, dir, "clone", "-q", o.bare, detached)
	stock(t, detached, "checkout", "-q", "--detach", "HEAD^")
	for _, c := range []struct{ url, ref, want string }{
		{o.work, "main", o.head()}, {linked, "side", o.head()}, {linked, "", o.head()}, {shared, "main", o.head()},
		{mirror, "main", o.head()}, {detached, "", stock(t, detached, "rev-parse", "HEAD")},
		{detached, "refs/remotes/origin/HEAD", o.head()},
	} {
		r := &Repo{URL: c.url, Ref: c.ref}
		got, err := r.Fetch(t.Context())
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		same(t, c.url, got.Hash, c.want)
		readAll(t, r, got.Hash)
		_ = r.Close()
	}
}

func TestSymbolicBranch(t *testing.T) {
	o := filled(t)
	stock(t, o.bare, "symbolic-ref", "refs/heads/live", "refs/heads/main")
	stock(t, o.bare, "symbolic-ref", "refs/heads/nowhere", "refs/heads/gone")
	if err := os.WriteFile(filepath.Join(o.bare, "refs/heads/main.lock"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	same(t, "symbolic", fetch(t, &Repo{URL: o.bare, Ref: "live"}).Hash, o.head())
	_, err := (&Repo{URL: o.bare, Ref: "nowhere"}).Fetch(t.Context())
	wrong(t, err, "neither a branch nor a tag")
}
