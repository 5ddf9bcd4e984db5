package git

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestHistoryIsWhatGitSays(t *testing.T) {
	o := newOrigin(t)
	rapid.Check(t, func(rt *rapid.T) {
		salt := rapid.Uint64().Draw(rt, "salt")
		n := rapid.IntRange(2, 12).Draw(rt, "commits")
		var dag strings.Builder
		for i := 1; i <= n; i++ {
			message := fmt.Sprint(salt, i)
			fmt.Fprintf(&dag, "reset refs/heads/c%d\ncommit refs/heads/c%d\ncommitter A <a@b> %d +0000\ndata %d\n%s\n",
				i, i, rapid.IntRange(1, 1000).Draw(rt, "time"), len(message), message)
			for p := range rapid.IntRange(0, min(i-1, 3)).Draw(rt, "parents") {
				fmt.Fprintf(&dag, "%s :%d\n", []string{"from", "merge"}[min(p, 1)], rapid.IntRange(1, i-1).Draw(rt, "parent"))
			}
		}
		dagText := numbered(dag.String())
		if _, err := tryStock(o.bare, dagText, "fast-import", "--quiet", "--force"); err != nil {
			rt.Fatal(err)
		}
		r := &Repo{URL: o.bare, Ref: fmt.Sprintf("c%d", n)}
		tip := fetch(t, r).Hash
		ancestors := strings.Fields(stock(t, o.bare, "rev-list", tip))
		for _, line := range strings.Split(stock(t, o.bare, "for-each-ref", "--format=%(objectname)"), "\n") {
			got, err := r.IsAncestor(line, tip)
			if want := slices.Contains(ancestors, line); err != nil || got != want {
				rt.Errorf("is %s an ancestor of %s: got %v %v, git says %v", line, tip, got, err, want)
			}
		}
		limit := rapid.IntRange(1, 15).Draw(rt, "limit")
		chain, err := r.Ancestors(tip, limit)
		if err != nil {
			rt.Fatal(err)
		}
		var got []string
		for _, c := range chain {
			got = append(got, c.Hash)
		}
		want := strings.Fields(stock(t, o.bare, "rev-list", "--first-parent", fmt.Sprintf("--max-count=%d", limit), tip))
		same(rt, "ancestors", got, want)
	})
}

// numbered gives the commits of a stream for fast-import marks, in order.
func numbered(stream string) string {
	var out strings.Builder
	n := 0
	for _, line := range strings.SplitAfter(stream, "\n") {
		out.WriteString(line)
		if strings.HasPrefix(line, "commit ") {
			n++
			fmt.Fprintf(&out, "mark :%d\n", n)
		}
	}
	return out.String()
}

func TestWhatWasNeverFetchedIsNobodysAncestor(t *testing.T) {
	o := filled(t)
	r := &Repo{URL: o.bare, Ref: "main"}
	c := fetch(t, r)
	gone := strings.Repeat("12", 20)
	if ok, err := r.IsAncestor(gone, c.Hash); ok || err != nil {
		t.Errorf("got %v %v", ok, err)
	}
	if ok, err := r.IsAncestor("not a hash", c.Hash); ok || err != nil {
		t.Errorf("got %v %v", ok, err)
	}
	for _, hash := range []string{gone, "main", ""} {
		if _, err := r.Commit(hash); !errors.Is(err, ErrNoRef) && !errors.Is(err, ErrRefused) {
			t.Errorf("Commit(%q): %v", hash, err)
		}
		if _, err := r.IsAncestor(c.Hash, hash); err == nil {
			t.Errorf("IsAncestor(_, %q): no error", hash)
		}
	}
	if _, err := r.Fetch(t.Context()); err != nil || r.worn {
		t.Errorf("asking for what is not there made the cache worn: %v", err)
	}
}
