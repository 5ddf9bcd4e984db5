package git

import (
	"fmt"
	"strings"
	"testing"
)

// TestWhoMerged has commits as forges make them.
func TestWhoMerged(t *testing.T) {
	o := filled(t)
	tree, one, two := stock(t, o.bare, "rev-parse", "main^{tree}"), stock(t, o.bare, "rev-parse", "main^"), o.head()
	for name, c := range map[string]struct {
		parents           []string
		author, committer string
		want              string
	}{
		"pushed by its author":         {[]string{two}, "Ada <ada@x>", "Ada <ada@x>", ""},
		"its author, from elsewhere":   {[]string{two}, "Ada <ada@x>", "Ada <ada@y>", ""},
		"squashed, Gitea or GitLab":    {[]string{two}, "Ada <ada@x>", "Bob <bob@x>", "Bob"},
		"squashed, GitHub":             {[]string{two}, "Ada <ada@x>", "GitHub <noreply@github.com>", ""},
		"a merge, Gitea or GitLab":     {[]string{one, two}, "Bob <bob@x>", "Bob <bob@x>", "Bob"},
		"a merge, GitHub":              {[]string{one, two}, "Bob <bob@x>", "GitHub <noreply@github.com>", "Bob"},
		"control characters in a name": {[]string{two}, "Ada <ada@x>", "Bob\x1b[2J <bob@x>", "Bob\ufffd[2J"},
	} {
		raw := "tree " + tree + "\nparent " + strings.Join(c.parents, "\nparent ")
		hash := o.object("commit", fmt.Sprintf("%s\nauthor %s 1700000000 +0100\ncommitter %s 1700000000 +0100\n\n%s", raw, c.author, c.committer, name))
		stock(t, o.bare, "update-ref", "refs/heads/main", hash)
		same(t, name, fetch(t, &Repo{URL: o.bare, Ref: "main"}).MergedBy, c.want)
	}
}
