package main

import (
	"cmp"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/workspace-providers/reconcile/schema"
	"github.com/workspace-providers/reconcile/status"
)

// forge is where commit statuses go, as the declarations in force say; nil as long as nobody knows. Only the
// poster calls it.
func (p *parts) forge() status.Forge {
	cfg, known := p.source.Config()
	if !known || p.repo == nil || p.readOnly {
		return nil
	}
	kind := cfg.Deployment.Statuses.Forge
	if kind == "" {
		kind = forgeOf(p.settings.repo)
	}
	switch kind {
	case "none":
		return nil
	case "github":
		hub, err := status.NewGitHub(p.gitHub(cfg.Deployment.Statuses))
		if err != nil {
			p.complain(err.Error())
			return nil
		}
		return hub
	case "gitlab", "gitea":
		p.complain(kind + " is not served yet: git notes are used instead")
	}
	return status.Notes{Repo: p.repo}
}

// complain logs what is wrong with where statuses go, once until something else is.
func (p *parts) complain(about string) {
	if p.complaint != about {
		p.log.Error("commit statuses", "error", about)
	}
	p.complaint = about
}

// before lists the revisions from which one was made, newest first; none where that is not known.
func (p *parts) before(sha string) []string {
	line, err := p.source.Origin.Ancestors(sha, 1+status.MaxPast)
	if err != nil {
		p.log.Warn("what was said on earlier revisions is left as it is", "revision", sha, "reason", err.Error())
	}
	var out []string
	for _, c := range line[min(1, len(line)):] {
		out = append(out, c.SHA)
	}
	return out
}

func (p *parts) gitHub(s schema.Statuses) status.APIOptions {
	repository := s.Repository
	if repository == "" {
		repository = repositoryOf(p.settings.repo)
	}
	return status.APIOptions{
		URL: cmp.Or(s.URL, ownGitHub(p.settings.repo)), Repository: repository, Page: s.Page, TokenFile: filepath.Join(p.below("forge"), "token"),
	}
}

// ownGitHub is the server of a repository that is not on github.com: a token goes nowhere else by itself.
func ownGitHub(remote string) string {
	host := hostOf(remote)
	if host == "" || host == "github.com" || strings.HasSuffix(host, ".github.com") {
		return ""
	}
	if u, err := url.Parse(remote); err == nil && u.Scheme == "https" {
		host = u.Host // with its port
	}
	return "https://" + host
}

// forgeOf guesses the forge of a remote from its host; one without an API gets git notes.
func forgeOf(remote string) string {
	if host := hostOf(remote); host == "github.com" || strings.HasPrefix(host, "github.") {
		return "github"
	}
	return "notes"
}

// hostOf reads the host of "https://host/…", "ssh://user@host:22/…" and "user@host:…".
func hostOf(remote string) string {
	if u, err := url.Parse(remote); err == nil && u.Scheme != "" {
		return u.Hostname()
	}
	before, _, scp := strings.Cut(remote, ":")
	if _, host, at := strings.Cut(before, "@"); scp && at {
		return host
	}
	return ""
}

// repositoryOf reads "owner/name" off a remote.
func repositoryOf(remote string) string {
	path := remote
	if u, err := url.Parse(remote); err == nil && u.Scheme != "" {
		path = u.Path
	} else if _, after, scp := strings.Cut(remote, ":"); scp {
		path = after
	}
	return strings.TrimSuffix(strings.Trim(path, "/"), ".git")
}
