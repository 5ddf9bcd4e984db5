package webhook

import (
	"net/http"
	"slices"
)

// forge is how one kind of forge sends webhooks. Its name is in the path, in the metric and in the credentials.
type forge struct {
	name   string
	claim  func(http.Header) (claim, error)   // what a request says to prove its sender
	keys   func(lines []string) (keys, error) // what the secrets of the credentials prove it with
	event  []string                           // headers that name the event, the first that is there counts
	id     []string                           // likewise, of the delivery
	looked []string                           // events after which the repository is looked at
}

// table lists the forges.
func table() []forge {
	gitea := forge{
		name:   "gitea",
		claim:  hexClaim("X-Gitea-Signature", "X-Forgejo-Signature", "X-Hub-Signature-256"),
		keys:   hmacKeys,
		event:  []string{"X-Gitea-Event", "X-Forgejo-Event"},
		id:     []string{"X-Gitea-Delivery", "X-Forgejo-Delivery"},
		looked: []string{"push", "create", "delete", "pull_request", "pull_request_sync"},
	}
	forgejo := gitea
	forgejo.name = "forgejo"
	return []forge{
		forgejo,
		gitea,
		{
			name: "github", claim: hexClaim("X-Hub-Signature-256"), keys: hmacKeys,
			event: []string{"X-GitHub-Event"}, id: []string{"X-GitHub-Delivery"},
			looked: []string{"push", "create", "delete", "pull_request"},
		},
		{
			name: "gitlab", claim: gitlabClaim, keys: gitlabKeys,
			event: []string{"X-Gitlab-Event"}, id: []string{"Webhook-Id", "Idempotency-Key", "X-Gitlab-Event-UUID"},
			looked: []string{"Push Hook", "Tag Push Hook", "Merge Request Hook"},
		},
	}
}

// Forges lists the forges by name: a closed list for a metric's label.
func Forges() []string {
	var names []string
	for _, f := range table() {
		names = append(names, f.name)
	}
	return names
}

// looks says whether a request tells of something after which to look.
func (f *forge) looks(h http.Header) bool { return slices.Contains(f.looked, first(h, f.event)) }

// first is the first of these headers that is there.
func first(h http.Header, names []string) string {
	for _, name := range names {
		if v := h.Get(name); v != "" {
			return v
		}
	}
	return ""
}
