package status

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"code.gitea.io/sdk/gitea"

	"github.com/workspace-providers/reconcile/status/forgetest"
)

// Everything that is told a forge, told a real one.
func TestARealGitea(t *testing.T) {
	f := forgetest.Start(t)
	f.Repository("providers")
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(f.Token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	forge, err := NewGitea(APIOptions{URL: f.URL, Repository: f.Admin + "/providers", TokenFile: file, Page: "https://reconcile.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	write := func(branch, name string) string {
		t.Helper()
		made, _, err := f.CreateFile(f.Admin, "providers", name, gitea.CreateFileOptions{
			FileOptions: gitea.FileOptions{Message: "add " + name, NewBranchName: branch}, Content: "cGFja2FnZSBwcm92aWRlcnMK",
		})
		if err != nil {
			t.Fatal(err)
		}
		return made.Commit.SHA
	}
	sha := write("", "a.cue")

	t.Run("statuses", func(t *testing.T) {
		lines := []Line{
			{SHA: sha, Context: "reconcile/acme/apply", State: StatePending, Text: "0 of 2"},
			{SHA: sha, Context: "reconcile/acme/apply/eu", State: StateSuccess, Text: strings.Repeat("ü", MaxText)},
		}
		if n, err := forge.Post(t.Context(), sha, lines); n != 2 || err != nil {
			t.Fatal(n, err)
		}
		lines[0].State, lines[0].Text = StateFailure, "eu/frankfurt: no"
		if n, err := forge.Post(t.Context(), sha, lines[:1]); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		for i := range 60 { // more than a page of them
			l := Line{SHA: sha, Context: fmt.Sprintf("reconcile/acme/apply/c%d", i), State: StateSuccess, Text: "1 of 1 Ready"}
			if _, err := forge.Post(t.Context(), sha, []Line{l}); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, l)
		}
		stand, err := forge.Posted(t.Context(), lines[0])
		if err != nil {
			t.Fatal(err)
		}
		sortLines(stand)
		sortLines(lines)
		if fmt.Sprint(stand) != fmt.Sprint(lines) {
			t.Errorf("there stands\n%v\nwant\n%v", stand, lines)
		}
		lost := strings.Repeat("1", 40)
		if _, err := forge.Post(t.Context(), lost, []Line{{SHA: lost, Context: "x", State: StateSuccess, Text: "x"}}); !refusal(err) {
			t.Errorf("a commit that is not there: %v", err)
		}
	})

	t.Run("requests", func(t *testing.T) {
		head := write("topic", "b.cue")
		pr, _, err := f.CreatePullRequest(f.Admin, "providers", gitea.CreatePullRequestOption{Head: "topic", Base: "main", Title: "WIP: b"})
		if err != nil {
			t.Fatal(err)
		}
		all, more, err := forge.Open(t.Context(), 10)
		if err != nil || more || len(all) != 1 {
			t.Fatal(all, more, err)
		}
		want := PullRequest{
			Number: int(pr.Index), Title: "WIP: b", Author: f.Admin, Page: pr.HTMLURL, Head: head,
			Ref: "refs/pull/1/head", Base: "main", Draft: true, Member: true,
		}
		if all[0] != want {
			t.Errorf("%+v, want %+v", all[0], want)
		}
		const mark = "<!-- reconcile/acme/plan -->"
		stranger, _ := f.User("mallory")
		if _, err := f.AddCollaborator(f.Admin, "providers", "mallory", gitea.AddCollaboratorOption{}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := stranger.CreateIssueComment(f.Admin, "providers", pr.Index, gitea.CreateIssueCommentOption{Body: mark + " forged"}); err != nil {
			t.Fatal(err)
		}
		comments := func() string {
			t.Helper()
			all, _, err := f.ListIssueComments(f.Admin, "providers", pr.Index, gitea.ListIssueCommentOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, c := range all {
				out = append(out, c.Poster.UserName+": "+c.Body)
			}
			return strings.Join(out, "; ")
		}
		say := func(text, want string) {
			t.Helper()
			if err := forge.Comment(t.Context(), int(pr.Index), mark, mark+text); err != nil {
				t.Fatal(err)
			}
			if got := comments(); got != "mallory: "+mark+" forged; "+want {
				t.Errorf("there stands %s, want %s", got, want)
			}
		}
		say(" one", "ada: "+mark+" one")
		say(" two", "ada: "+mark+" two")
		forge.known = &Known{} // as after a restart
		say(" two", "ada: "+mark+" two")
		say(" three", "ada: "+mark+" three")
		have, _ := forge.known.comment(int(pr.Index))
		if _, err := f.DeleteIssueComment(f.Admin, "providers", have.id); err != nil {
			t.Fatal(err)
		}
		say(" four", "ada: "+mark+" four")

		for range 2 {
			if err := forge.Annotate(t.Context(), all[0], mark, []Annotation{{"b.cue", 1, "wrong"}, {"a.cue", 1, "not in the difference"}}); err != nil {
				t.Fatal(err)
			}
		}
		reviews, _, err := f.ListPullReviews(f.Admin, "providers", pr.Index, gitea.ListPullReviewsOptions{})
		if err != nil || len(reviews) != 1 || reviews[0].CodeCommentsCount != 2 {
			t.Errorf("reviews %+v, %v", reviews, err)
		}
		if err := forge.Comment(t.Context(), 99, mark, mark); !refusal(err) {
			t.Errorf("a request that is not there: %v", err)
		}
	})

	t.Run("a token that may not", func(t *testing.T) {
		_, weak := f.User("bob")
		if err := os.WriteFile(file, []byte(weak), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := forge.Post(t.Context(), sha, []Line{{SHA: sha, Context: "x", State: StateSuccess, Text: "x"}})
		if err == nil || refusal(err) || !strings.Contains(err.Error(), "write:repository") {
			t.Errorf("%v", err)
		}
	})
	http.DefaultClient.CloseIdleConnections()
}

// refusal says whether a forge will never take something.
func refusal(err error) bool { return errors.Is(err, ErrRefused) }
