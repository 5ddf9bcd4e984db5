package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/workspace-providers/reconcile/reconcile/probe"
	"github.com/workspace-providers/reconcile/schema"
	"github.com/workspace-providers/reconcile/status"
)

// forge is where commit statuses go; nil as long as nobody knows, and while another replica is the one that posts, or
// was until a moment ago: the repository is looked at first, since the other may have spoken of a newer revision.
func (p *parts) forge() status.Forge {
	looked := p.looked.Load()
	if looked == nil || !p.fleet.Speaks(*looked) {
		return nil
	}
	return p.declaredForge()
}

// declaredForge is the forge that the declarations in force name; nil as long as nobody knows.
func (p *parts) declaredForge() status.Forge {
	cfg, known := p.source.Config()
	if !known || p.repo == nil || p.readOnly {
		return nil
	}
	kind := cfg.Deployment.Statuses.Forge
	if kind == "" {
		kind = forgeOf(p.settings.repo)
	}
	if kind == "none" {
		return nil
	}
	if kind == "notes" {
		return status.Notes{Repo: p.repo}
	}
	forge, err := p.served(kind, cfg.Deployment.Statuses)
	if err != nil {
		p.complain(err.Error())
		return nil
	}
	return forge
}

// served is a forge with an API.
func (p *parts) served(kind string, s schema.Statuses) (status.Forge, error) {
	o, err := p.forgeOptions(kind, s)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "github":
		return status.NewGitHub(o)
	case "gitlab":
		return status.NewGitLab(o)
	case "gitea":
		return status.NewGitea(o)
	}
	return nil, fmt.Errorf("statuses on %s: no such forge; declare deployment.statuses.forge", kind)
}

// complain logs what is wrong with where statuses go, once until something else is.
func (p *parts) complain(about string) {
	p.telling.Lock()
	defer p.telling.Unlock()
	if p.complaint != about {
		p.log.Error("commit statuses", "error", about)
	}
	p.complaint = about
}

// before lists the revisions from which one was made, newest first; none where that is not known.
func (p *parts) before(sha string) []string {
	line, err := p.source.Origin.Ancestors(sha, 1+status.MaxPast)
	if err != nil {
		p.log.Warn("what was said on earlier revisions is left as it is", "revision", fmt.Sprintf("%.7s", sha), "reason", err.Error())
	}
	var out []string
	for _, c := range line[min(1, len(line)):] {
		out = append(out, c.SHA)
	}
	return out
}

// forgeOptions say where a forge is: as declared, else where the repository is.
func (p *parts) forgeOptions(kind string, s schema.Statuses) (status.APIOptions, error) {
	o := status.APIOptions{
		URL:        cmp.Or(s.URL, serverOf(kind, p.settings.repo)),
		Repository: cmp.Or(s.Repository, repositoryOf(p.settings.repo)),
		Page:       s.Page,
	}
	o.Known = p.knows(kind + " " + o.URL + " " + o.Repository)
	if p.credentials == "" {
		return o, nil
	}
	o.TokenFile = filepath.Join(p.below("forge"), "token")
	if kind == "github" {
		var err error
		if o.App, err = status.FindApp(p.below("forge")); err != nil {
			return o, fmt.Errorf("statuses on %s: %w", kind, err)
		}
	}
	own, err := fs.Glob(p.credentialFiles(), "ca/*.pem")
	if err != nil || len(own) == 0 {
		return o, err
	}
	o.HTTP, err = probe.Client(p.credentialFiles(), "", 0) // each call has a time limit of its own
	if err != nil {
		return o, fmt.Errorf("statuses on %s: %w", kind, err)
	}
	o.HTTP.CheckRedirect = nil // a repository that was renamed is found
	return o, nil
}

// knows is what was learned of a repository, as long as statuses go there.
func (p *parts) knows(repository string) *status.Known {
	p.telling.Lock()
	defer p.telling.Unlock()
	if p.known == nil || p.knownOf != repository {
		p.known, p.knownOf = &status.Known{}, repository
	}
	return p.known
}

// serverOf is the server of a repository: a token goes nowhere else by itself. Where it is GitHub's own, which
// has its API elsewhere, it is empty.
func serverOf(kind, remote string) string {
	host := hostOf(remote)
	switch {
	case host == "", kind == "github" && (host == "github.com" || strings.HasSuffix(host, ".github.com")):
		return ""
	case host == "altssh.gitlab.com": // which has SSH on port 443
		return "https://gitlab.com"
	}
	u, err := url.Parse(remote)
	if err == nil && (u.Scheme == "https" || u.Scheme == "http" && status.Loopback(host)) {
		return u.Scheme + "://" + u.Host // with its port
	}
	return "https://" + host
}

// forgeOf guesses the forge of a remote from its host; one without an API gets git notes.
func forgeOf(remote string) string {
	switch name, _, _ := strings.Cut(hostOf(remote), "."); {
	case hostOf(remote) == "altssh.gitlab.com":
		return "gitlab"
	case hostOf(remote) == "ssh.github.com":
		return "github"
	case hostOf(remote) == "codeberg.org", name == "forgejo":
		return "gitea"
	case name == "github", name == "gitlab", name == "gitea":
		return name
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
