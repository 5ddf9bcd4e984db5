package main

import (
	"cmp"
	"strings"

	"github.com/workspace-providers/reconcile/status"
)

// place is where people look at the declarations on their forge, as far as it can be told; a forge that is served
// elsewhere than its repositories are cloned from is taken from its API's address.
func (p *parts) place() status.Repository {
	cfg, known := p.source.Config()
	if !known || p.repo == nil {
		return status.Repository{}
	}
	s := cfg.Deployment.Statuses
	kind := cmp.Or(s.Forge, forgeOf(p.settings.repo))
	if kind == "none" || kind == "notes" { // it may have pages all the same
		kind = forgeOf(p.settings.repo)
	}
	server := serverOf(kind, p.settings.repo)
	if server == "" && kind == "github" {
		server = "https://github.com"
	}
	if s.URL != "" && hostOf(p.settings.repo) == "" {
		server = website(s.URL)
	}
	repository := cmp.Or(s.Repository, repositoryOf(p.settings.repo))
	if kind == "notes" || server == "" || repository == "" {
		return status.Repository{}
	}
	return status.Repository{Kind: kind, URL: server + "/" + repository, Path: p.path}
}

// website is where a forge with that API has its pages.
func website(api string) string {
	for _, tail := range []string{"/api/v3", "/api/v4", "/api/v1"} {
		api = strings.TrimSuffix(strings.TrimSuffix(api, "/"), tail)
	}
	return strings.Replace(api, "://api.github.com", "://github.com", 1)
}
