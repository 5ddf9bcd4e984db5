package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const anyBlob = "\x00e69de29bb2d1d6434b8b29ae775ad8c2e48c5391" // the empty one

func TestHostileTreesAreRefusedWhereTheyAreMet(t *testing.T) {
	o := filled(t)
	o.object("blob", "")
	subtree := stock(t, o.bare, "rev-parse", "main^{tree}")
	for name, c := range map[string]struct {
		entries []string
		open    string // what fails; "." is the listing
		words   []string
	}{
		"A-01 .git":           {[]string{"40000 .git" + "%tree"}, ".", []string{`".git"`, "git's own"}},
		"A-01 .GIT":           {[]string{"100644 .GIT" + anyBlob}, ".", []string{`".GIT"`, "git's own"}},
		"A-01 git~1":          {[]string{"40000 git~1" + "%tree"}, ".", []string{`"git~1"`, "git's own"}},
		"A-02 ..":             {[]string{"40000 .." + "%tree"}, ".", []string{`".."`, "is no name"}},
		"A-02 .":              {[]string{"40000 ." + "%tree"}, ".", []string{`"."`, "is no name"}},
		"A-02 a/../b":         {[]string{"100644 a/../b" + anyBlob}, ".", []string{`"a/../b"`, "separator"}},
		"A-02 absolute":       {[]string{"100644 /etc/passwd" + anyBlob}, ".", []string{`"/etc/passwd"`, "separator"}},
		"A-02 backslash":      {[]string{`100644 ..\b` + anyBlob}, ".", []string{"separator"}},
		"A-02 empty":          {[]string{"100644 " + anyBlob}, ".", []string{"empty filename"}},
		"A-03 symlink":        {[]string{"120000 link.cue" + anyBlob}, "link.cue", []string{"symbolic link", "commit the file itself"}},
		"A-03 below symlink":  {[]string{"120000 link" + anyBlob}, "link/x", []string{"symbolic link"}},
		"A-04 duplicate":      {[]string{"120000 a" + anyBlob, "40000 a%tree"}, ".", []string{`two entries have the name "a"`}},
		"A-05 submodule":      {[]string{"160000 sub\x00" + strings.Repeat("12", 20)}, "sub", []string{"submodule"}},
		"A-06 duplicate file": {[]string{"100644 a" + anyBlob, "100644 a" + anyBlob}, ".", []string{`two entries have the name "a"`}},
		"A-07 newline":        {[]string{"100644 a\nb" + anyBlob}, ".", []string{`"a\nb"`, "do not print"}},
		"A-07 escape":         {[]string{"100644 a\x1b[31m" + anyBlob}, ".", []string{`"a\x1b[31m"`, "do not print"}},
		"A-07 right to left":  {[]string{"100644 a\u202egpj.cue" + anyBlob}, ".", []string{`"a\u202egpj.cue"`, "do not print"}},
		"A-07 not UTF-8":      {[]string{"100644 a\xff" + anyBlob}, ".", []string{`"a\xff"`, "not UTF-8"}},
		"A-07 long":           {[]string{"100644 " + strings.Repeat("a", 300) + anyBlob}, ".", []string{"300 bytes"}},
		"A-08 mode 0":         {[]string{"0 a" + anyBlob}, "a", []string{"a mode that git does not write"}},
		"A-08 mode 777777":    {[]string{"777777 a" + anyBlob}, "a", []string{"a mode that git does not write"}},
		"no such object":      {[]string{"100644 a\x00" + strings.Repeat("12", 20)}, "a", []string{"git fsck"}},
		"a tree as a file":    {[]string{"100644 a%tree"}, "a", []string{"a tree where a blob belongs"}},
		"a file as a tree":    {[]string{"40000 a" + anyBlob}, "a/b", []string{"a blob where a tree belongs"}},
		"a large file":        {[]string{"100644 a%large"}, "a", []string{"too large", "at most 262144"}},
	} {
		t.Run(name, func(t *testing.T) {
			for i, e := range c.entries {
				e = strings.Replace(e, "%tree", "\x00"+subtree, 1)
				if before, after, large := strings.Cut(e, "%large"); large {
					e = before + "\x00" + o.object("blob", strings.Repeat("x", 256<<10+1)) + after
				}
				c.entries[i] = e
			}
			o.plant(c.entries...)
			r := &Repo{URL: o.bare, Ref: "main"}
			commit := fetch(t, r)
			tree, err := r.Tree(commit.Hash, Declarations())
			if err != nil {
				t.Fatal(err)
			}
			if c.open == "." {
				_, err = fs.ReadDir(tree, ".")
			} else {
				_, err = fs.ReadFile(tree, c.open)
				if _, lerr := fs.ReadDir(tree, "."); lerr != nil {
					t.Errorf("the listing fails too: %v", lerr)
				}
			}
			wrong(t, err, c.words...)
		})
	}
}

func TestExecutableFilesAreData(t *testing.T) {
	o := newOrigin(t)
	blob := o.object("blob", "x: 1\n")
	o.plant("100777 a\x00"+blob, "100755 b\x00"+blob, "100664 c\x00"+blob)
	r := &Repo{URL: o.bare, Ref: "main"}
	tree, err := r.Tree(fetch(t, r).Hash, Declarations())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b", "c"} {
		info, err := fs.Stat(tree, name)
		if err != nil {
			t.Fatal(err)
		}
		same(t, name, info.Mode(), 0o444)
	}
}

func TestWalksEnd(t *testing.T) {
	o := newOrigin(t)
	leaf := o.object("blob", "")
	level := func(mode, below string, n int) string {
		var in strings.Builder
		for i := range n {
			kind := "blob"
			if mode == "040000" {
				kind = "tree"
			}
			fmt.Fprintf(&in, "%s %s %s\tn%d\n", mode, kind, below, i)
		}
		out, err := tryStock(o.bare, in.String(), "mktree")
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(out)
	}
	bomb := level("100644", leaf, 10)
	for range 9 {
		bomb = level("040000", bomb, 10)
	}
	deep := level("100644", leaf, 1)
	for range 40 {
		deep = level("040000", deep, 1)
	}
	wide := level("100644", leaf, 100_000)
	for name, c := range map[string]struct {
		tree  string
		words []string
	}{
		"A-10 bomb": {bomb, []string{"more than 4000 files and directories"}},
		"A-11 deep": {deep, []string{"more than 32 directories inside each other"}},
		"A-12 wide": {wide, []string{"too large"}},
	} {
		t.Run(name, func(t *testing.T) {
			commit := o.plantTree(c.tree)
			r := &Repo{URL: o.bare, Ref: "main"}
			fetch(t, r)
			tree, err := r.Tree(commit, Declarations())
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			_, err = Hash(tree)
			wrong(t, err, c.words...)
			if !errors.Is(err, ErrTooLarge) {
				t.Errorf("got %v, want %v", err, ErrTooLarge)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestTotalOfWhatIsReadIsBounded(t *testing.T) {
	o := newOrigin(t)
	for i := range 5 {
		o.write(fmt.Sprintf("f%d", i), strings.Repeat(fmt.Sprint(i), 100))
	}
	o.commit("files")
	o.push()
	r := &Repo{URL: o.bare, Ref: "main"}
	tree, err := r.Tree(fetch(t, r).Hash, Limits{File: 100, Total: 300, Entries: 10, Depth: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"f0", "f1", "f2", "f0", "f1", "f2"} {
		if _, err := fs.ReadFile(tree, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = fs.ReadFile(tree, "f3")
	wrong(t, err, "all files together have more than 300 bytes")
}

func TestPathBelowTheRoot(t *testing.T) {
	o := filled(t)
	o.write("deploy/eu/providers.cue", "package providers\n")
	o.commit("below")
	o.push()
	for _, p := range []string{"deploy/eu", "/deploy/eu/", "./deploy/../deploy/eu", "../deploy/eu"} {
		r := &Repo{URL: o.bare, Ref: "main", Path: p}
		c := fetch(t, r)
		tree, err := r.Tree(c.Hash, Declarations())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fs.Stat(tree, "providers.cue"); err != nil {
			t.Error(err)
		}
		hash, err := r.TreeHash(c.Hash, ".")
		if err != nil {
			t.Fatal(err)
		}
		same(t, "hash", hash, stock(t, o.bare, "rev-parse", "main:deploy/eu"))
		hash, err = r.TreeHash(c.Hash, "providers.cue")
		if err != nil {
			t.Fatal(err)
		}
		same(t, "hash of a file", hash, stock(t, o.bare, "rev-parse", "main:deploy/eu/providers.cue"))
	}
	r := &Repo{URL: o.bare, Ref: "main", Path: "nowhere"}
	_, err := r.Tree(fetch(t, r).Hash, Declarations())
	wrong(t, err, "nowhere", "correct --path")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
	r = &Repo{URL: o.bare, Ref: "main", Path: "providers.cue"}
	_, err = r.Tree(fetch(t, r).Hash, Declarations())
	wrong(t, err, "not a directory", "correct --path")
}

func TestCommitsOfUnknownOriginAreSafeToPrint(t *testing.T) {
	o := filled(t)
	tree := stock(t, o.bare, "rev-parse", "main^{tree}")
	for name, c := range map[string]struct {
		author, message string
		want            Commit
	}{
		"control characters": {"Eve\x1b[2J", "sub\x07ject\u202e\r\nbody", Commit{Author: "Eve�[2J", Subject: "sub�ject�"}},
		"long":               {strings.Repeat("e", 500), strings.Repeat("é", 5000), Commit{Author: strings.Repeat("e", 120) + "…", Subject: strings.Repeat("é", 120) + "…"}},
		"A-16 huge":          {"Eve", "short\n" + strings.Repeat("x", 5<<20), Commit{Author: "Eve", Subject: "short"}},
		"empty":              {"", "", Commit{}},
		"not UTF-8":          {"E\xffe", "\xfe\xff", Commit{Author: "E�e", Subject: "��"}},
		"newlines first":     {"Eve", "\n\n  subject \n", Commit{Author: "Eve", Subject: "subject"}},
	} {
		raw := fmt.Sprintf("tree %s\nauthor %s <e@x> 1700000000 +0100\ncommitter %[2]s <e@x> 1700000000 +0100\n\n%s", tree, c.author, c.message)
		hash := o.object("commit", raw)
		stock(t, o.bare, "update-ref", "refs/heads/main", hash)
		got := fetch(t, &Repo{URL: o.bare, Ref: "main"})
		c.want.Hash, c.want.Tree, c.want.Time = hash, tree, time.Unix(1700000000, 0).UTC()
		same(t, name, got, c.want)
	}
}

func TestTreeIsWhatWasCommitted(t *testing.T) {
	o := newOrigin(t)
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.StringMatching(`[a-zA-Z0-9._é -]{0,3}[a-z0-9]`)
		names := rapid.Custom(func(rt *rapid.T) string {
			return strings.Join(rapid.SliceOfN(name, 1, 4).Draw(rt, "parts"), "/")
		})
		stock(t, o.work, "rm", "-rfq", "--ignore-unmatch", ".")
		for name, content := range rapid.MapOfN(names, rapid.SliceOfN(rapid.Byte(), 0, 300), 1, 12).Draw(rt, "files") {
			writeLoose(o, name, string(content))
		}
		o.commit("random")
		r := &Repo{URL: o.work, Ref: "main"}
		tree, err := r.Tree(fetch(t, r).Hash, Charts())
		if err != nil {
			rt.Fatal(err)
		}
		same(rt, "files", content(rt, tree), content(rt, os.DirFS(o.work)))
	})
}

// content reads all files of a tree but git's own.
func content(t interface{ Fatal(...any) }, tree fs.FS) map[string]string {
	files := map[string]string{}
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == ".git":
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		data, err := fs.ReadFile(tree, name)
		files[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// writeLoose writes a file unless a directory is in its place, or a file in the place of its
// directory.
func writeLoose(o *origin, name, content string) {
	if strings.Contains(name, "..") || strings.HasPrefix(name, ".git") {
		return
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if isFile(o.work, dir) {
			return
		}
	}
	if !isDir(o.work, name) {
		o.write(name, content)
	}
}

func TestReadingGoesOnBesideFetching(t *testing.T) {
	o := filled(t)
	r := o.web().repo(o, "main")
	c := fetch(t, r)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 20 {
			if _, err := r.Fetch(context.Background()); err != nil {
				t.Error(err)
			}
		}
	}()
	for {
		readAll(t, r, c.Hash)
		if _, err := r.Ancestors(c.Hash, 10); err != nil {
			t.Error(err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

func TestObjectThatIsNotWhatItsNameSaysIsRefused(t *testing.T) {
	o := newOrigin(t)
	o.write("a.cue", "replicas: 1\n")
	o.commit("one")
	o.write("a.cue", "replicas: 9\n")
	o.commit("nine")
	file := func(rev string) string {
		hash := stock(t, o.work, "rev-parse", rev+":a.cue")
		return o.work + "/.git/objects/" + hash[:2] + "/" + hash[2:]
	}
	data, err := os.ReadFile(file("HEAD^"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file("HEAD")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file("HEAD"), data, 0o444); err != nil {
		t.Fatal(err)
	}
	r := &Repo{URL: o.work, Ref: "main"}
	tree, err := r.Tree(fetch(t, r).Hash, Declarations())
	if err != nil {
		t.Fatal(err)
	}
	_, err = fs.ReadFile(tree, "a.cue")
	wrong(t, err, "its content has another hash")
}
