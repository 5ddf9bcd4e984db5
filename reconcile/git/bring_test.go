package git

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// request makes a branch with a commit on top of main, and the ref that a forge gives its pull request.
func (o *origin) request(number, file, content string) string {
	o.t.Helper()
	stock(o.t, o.work, "checkout", "-q", "-B", "topic", "main")
	if err := os.WriteFile(filepath.Join(o.work, file), []byte(content), 0o600); err != nil {
		o.t.Fatal(err)
	}
	stock(o.t, o.work, "add", "-A")
	stock(o.t, o.work, "commit", "-q", "-m", "request "+number)
	sha := stock(o.t, o.work, "rev-parse", "HEAD")
	stock(o.t, o.work, "push", "-q", "-f", o.bare, "HEAD:refs/pull/"+number+"/head")
	stock(o.t, o.work, "checkout", "-q", "-f", "main")
	return sha
}

func TestPullRequestsAreBroughtAndMerged(t *testing.T) {
	o := filled(t)
	web := o.web()
	r := web.repo(o, "main")
	head := fetch(t, r).Hash
	refs := map[string]string{
		"refs/pull/1/head": o.request("1", "one.cue", "package providers\n"),
		"refs/pull/2/head": o.request("2", "two.cue", "package providers\n"),
	}
	bring := func(refs map[string]string, requests int64) map[string]error {
		t.Helper()
		before := web.requests.Load()
		failed, err := r.Bring(t.Context(), refs)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "requests", web.requests.Load()-before, requests)
		return failed
	}
	if failed := bring(refs, 2); len(failed) > 0 {
		t.Errorf("%v", failed)
	}
	bring(refs, 0)
	for _, sha := range refs {
		merged, err := r.Merge(head, sha)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "parents", strings.Join(merged.Parents, " "), head+" "+sha)
		same(t, "tree", merged.Tree, stock(t, o.work, "rev-parse", sha+"^{tree}")) // main did not move
		again, err := r.Merge(head, sha)
		if err != nil || again.Hash != merged.Hash {
			t.Errorf("another merge of the same: %v %v", again, err)
		}
		if there, err := r.Merge(sha, head); err != nil || there.Hash != sha {
			t.Errorf("merging what is in it already: %v %v", there, err)
		}
		if _, err := r.Tree(merged.Hash, Declarations()); err != nil {
			t.Error(err)
		}
	}
	same(t, "main", fetch(t, r).Hash, head)

	o.request("1", "one.cue", "package other\n")
	failed := bring(map[string]string{
		"refs/pull/1/head": strings.Repeat("1", 40), "refs/pull/9/head": strings.Repeat("2", 40), "refs/pull/8/head": "main",
	}, 1)
	for ref, says := range map[string]string{
		"refs/pull/1/head": "by now", "refs/pull/9/head": "not there any more", "refs/pull/8/head": "not a full hash",
	} {
		if err := failed[ref]; err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

// One that is too large spoils no other, nor the branch.
func TestAHugePullRequestFailsAlone(t *testing.T) {
	o := filled(t)
	r := o.web().repo(o, "main")
	r.MaxObject = 1 << 20
	fetch(t, r)
	refs := map[string]string{
		"refs/pull/1/head": o.request("1", "one.cue", "package providers\n"),
		"refs/pull/2/head": o.request("2", "huge.bin", strings.Repeat("0", 2<<20)),
		"refs/pull/3/head": o.request("3", "three.cue", "package providers\n"),
	}
	failed, err := r.Bring(t.Context(), refs)
	if err != nil || len(failed) != 1 || !errors.Is(failed["refs/pull/2/head"], ErrTooLarge) {
		t.Errorf("%v %v", failed, err)
	}
	for ref, sha := range refs {
		if _, err := r.Commit(sha); (err == nil) != (ref != "refs/pull/2/head") {
			t.Errorf("%s: %v", ref, err)
		}
	}
	o.commit("another")
	o.push()
	same(t, "main", fetch(t, r).Hash, o.head())
}

func TestAServerThatIsGoneSaysNothingOfRequests(t *testing.T) {
	o := filled(t)
	web := o.web()
	r := web.repo(o, "main")
	fetch(t, r)
	web.Close()
	failed, err := r.Bring(context.Background(), map[string]string{"refs/pull/1/head": strings.Repeat("1", 40)})
	if err == nil || len(failed) > 0 {
		t.Errorf("%v %v", failed, err)
	}
}

func TestConflictsNameTheFiles(t *testing.T) {
	o := filled(t)
	r := o.web().repo(o, "main")
	sha := o.request("1", "providers.cue", "package theirs\n")
	if err := os.WriteFile(filepath.Join(o.work, "providers.cue"), []byte("package ours\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o.commit("ours")
	o.push()
	head := fetch(t, r).Hash
	if _, err := r.Bring(t.Context(), map[string]string{"refs/pull/1/head": sha}); err != nil {
		t.Fatal(err)
	}
	_, err := r.Merge(head, sha)
	var conflict *ConflictError
	if !errors.As(err, &conflict) || !strings.Contains(err.Error(), "conflicts in providers.cue") {
		t.Errorf("%v", err)
	}
}
