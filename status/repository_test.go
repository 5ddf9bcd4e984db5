package status

import "testing"

func TestLinksToTheForge(t *testing.T) {
	const commit = "1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d"
	at := Place{"sites/a b#.cue", 12}
	for name, tt := range map[string]struct {
		repo         Repository
		commit, file string
	}{
		"GitHub": {Repository{"github", "https://github.com/acme/providers", "."},
			"https://github.com/acme/providers/commit/" + commit,
			"https://github.com/acme/providers/blob/" + commit + "/sites/a%20b%23.cue#L12"},
		"GitLab": {Repository{"gitlab", "https://gitlab.com/acme/a/providers/", "prod"},
			"https://gitlab.com/acme/a/providers/-/commit/" + commit,
			"https://gitlab.com/acme/a/providers/-/blob/" + commit + "/prod/sites/a%20b%23.cue#L12"},
		"Gitea": {Repository{"gitea", "http://127.0.0.1:3000/acme/providers", ""},
			"http://127.0.0.1:3000/acme/providers/commit/" + commit,
			"http://127.0.0.1:3000/acme/providers/src/commit/" + commit + "/sites/a%20b%23.cue#L12"},
		"nowhere":          {Repository{}, "", ""},
		"not for browsers": {Repository{"github", "javascript:alert(1)//", ""}, "", ""},
		"with a password":  {Repository{"github", "https://me:secret@github.com/acme/providers", ""}, "", ""},
	} {
		if got := tt.repo.Commit(commit); got != tt.commit {
			t.Errorf("%s: %q, want %q", name, got, tt.commit)
		}
		if got := tt.repo.File(commit, at); got != tt.file {
			t.Errorf("%s: %q, want %q", name, got, tt.file)
		}
		if got := tt.repo.Commit("dir:ab12"); got != "" {
			t.Errorf("%s: a directory is at %q", name, got)
		}
	}
}
