package git

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

// hundred is a repository of some size: 400 files in 40 directories, 200 commits.
func hundred(b *testing.B) *origin {
	o := newOrigin(b)
	var in strings.Builder
	for i := range 200 {
		fmt.Fprintf(&in, "commit refs/heads/main\ncommitter A <a@b> %d +0000\ndata 0\n", i)
		for f := range 400 {
			if i == 0 || f == i {
				text := strings.Repeat(fmt.Sprintf("field%d: %d\n", f, i), 40)
				fmt.Fprintf(&in, "M 100644 inline dir%d/f%d.cue\ndata %d\n%s\n", f/10, f, len(text), text)
			}
		}
	}
	if _, err := tryStock(o.bare, in.String(), "fast-import", "--quiet"); err != nil {
		b.Fatal(err)
	}
	return o
}

func BenchmarkFetch(b *testing.B) {
	o := hundred(b)
	url := o.daemon()
	b.Run("clone", func(b *testing.B) {
		for b.Loop() {
			r := &Repo{URL: url, Ref: "main", Cache: b.TempDir()}
			fetch(b, r)
			_ = r.Close()
		}
	})
	b.Run("nothing new", func(b *testing.B) {
		r := &Repo{URL: url, Ref: "main", Cache: b.TempDir()}
		defer r.Close()
		for b.Loop() {
			fetch(b, r)
		}
	})
	b.Run("one commit", func(b *testing.B) {
		r := &Repo{URL: url, Ref: "main", Cache: b.TempDir()}
		defer r.Close()
		fetch(b, r)
		for b.Loop() {
			b.StopTimer()
			stock(b, o.bare, "update-ref", "refs/heads/main", stock(b, o.bare, "commit-tree", "-p", "main", "-m", "x", "main^{tree}"))
			b.StartTimer()
			fetch(b, r)
		}
	})
	b.Run("local, nothing new", func(b *testing.B) {
		r := &Repo{URL: o.bare, Ref: "main"}
		for b.Loop() {
			fetch(b, r)
		}
	})
}

func BenchmarkTree(b *testing.B) {
	o := hundred(b)
	r := &Repo{URL: o.daemon(), Ref: "main", Cache: b.TempDir()}
	defer r.Close()
	c := fetch(b, r)
	for b.Loop() {
		tree, err := r.Tree(c.Hash, Charts())
		if err != nil {
			b.Fatal(err)
		}
		err = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				_, err = fs.ReadFile(tree, name)
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHistory(b *testing.B) {
	o := hundred(b)
	r := &Repo{URL: o.daemon(), Ref: "main", Cache: b.TempDir()}
	defer r.Close()
	c := fetch(b, r)
	chain, err := r.Ancestors(c.Hash, 1000)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if ok, err := r.IsAncestor(chain[len(chain)-1].Hash, c.Hash); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
