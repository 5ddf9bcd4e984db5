package charts

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// Ref is a chart as it is declared: exactly one of Repo, OCI and Path says where it is.
type Ref struct {
	Name    string // of the chart; may be left out with Path
	Version string // exact, a semver range ("^2.3"), or empty: the newest that is no prerelease
	Repo    string // URL of an HTTPS chart repository
	OCI     string // "oci://host/path", without the chart's name
	Path    string // directory, relative to the declarations
	Digest  string // "sha256:…" of the archive or, with OCI, of its manifest; empty: not pinned
}

// Request asks for a declared chart.
type Request struct {
	Ref
	Tree    fs.FS    // the declarations, for Path
	Allowed []string // prefixes of the sources that may be asked ("oci://ghcr.io/acme"); empty: any
}

// source is the Ref's origin in the words of the declaration.
func (r Ref) source() string {
	switch {
	case r.Repo != "":
		return r.Repo
	case r.OCI != "":
		return strings.TrimSuffix(r.OCI, "/") + "/" + r.Name
	}
	return r.Path
}

// String is how errors name the chart.
func (r Ref) String() string {
	out := "chart " + r.source()
	if r.Repo != "" {
		out = "chart " + r.Name + " of " + r.Repo
	}
	if r.Version != "" {
		out += " version " + r.Version
	}
	return out
}

var (
	digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	nameForm   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,250}[A-Za-z0-9])?$`)
)

// check refuses what must not be asked for, before anything is.
func (r Request) check() error {
	if err := r.Ref.check(); err != nil {
		return fmt.Errorf("%s: %w", r.Ref, err)
	}
	if r.Path != "" {
		return nil
	}
	if len(r.Allowed) > 0 && !allowed(r.Allowed, r.source()) {
		return fmt.Errorf("%s: the source is not allowed; add it to deployment.chartSources or use one of %s",
			r.Ref, strings.Join(r.Allowed, ", "))
	}
	u, err := url.Parse(r.source())
	if err != nil {
		return fmt.Errorf("%s: %w", r.Ref, err)
	}
	if u.Scheme == "http" && !isLoopback(u.Hostname()) && !allowed(r.Allowed, r.source()) {
		return fmt.Errorf("%s: plain http is for loopback only; use https "+
			"or name the source in deployment.chartSources", r.Ref)
	}
	return nil
}

func (r Ref) check() error {
	given := 0
	for _, s := range []string{r.Repo, r.OCI, r.Path} {
		if s != "" {
			given++
		}
	}
	switch {
	case given != 1:
		return fmt.Errorf("%d of repo, oci and path are given; give exactly one", given)
	case r.Digest != "" && !digestForm.MatchString(r.Digest):
		return fmt.Errorf("digest %q has not the form sha256:<64 hex digits>", r.Digest)
	case r.Name != "" && !nameForm.MatchString(r.Name):
		return fmt.Errorf("name %q is not the name of a chart", r.Name)
	case len(r.Version) > 256:
		return errors.New("version is longer than 256 characters")
	case r.Path != "":
		return checkPath(r.Path)
	case r.Name == "":
		return errors.New("a name is needed to find it in a repository; add chart.name")
	}
	return checkURL(r.source(), map[bool]string{true: "oci", false: "https"}[r.OCI != ""])
}

func checkPath(p string) error {
	if strings.Contains(p, `\`) || path.IsAbs(p) || !fs.ValidPath(path.Clean(p)) {
		return errors.New("the path leads out of the declarations; write it relative to them and without .. in it")
	}
	return nil
}

// checkURL refuses URLs that hide something. Plain http is judged by whoever knows what is allowed.
func checkURL(s, scheme string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return err
	case u.Scheme != scheme && !(scheme == "https" && u.Scheme == "http"):
		return fmt.Errorf("scheme %q is not %s", u.Scheme, scheme)
	case u.Host == "":
		return errors.New("the URL names no host")
	case u.User != nil:
		return errors.New("the URL holds a credential; put it into registries/config.json of the credentials directory")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("the URL has a query or a fragment; leave it out")
	case u.Path != "" && strings.TrimSuffix(u.EscapedPath(), "/") != strings.TrimSuffix(path.Clean(u.EscapedPath()), "/"),
		strings.Contains(u.Path, "/.."):
		return errors.New("the URL's path is not clean; write it without . and .. in it")
	}
	return nil
}

// allowed says whether source is one of the prefixes or below it. A prefix ends at a slash, so that
// "https://charts.example.com" does not cover "https://charts.example.com.evil.example".
func allowed(prefixes []string, source string) bool {
	scheme, place, _ := strings.Cut(source, "://")
	for _, prefix := range prefixes {
		its, p, ok := strings.Cut(prefix, "://")
		if !ok {
			its, p = scheme, prefix
		}
		p = strings.TrimRight(p, "/")
		if its == scheme && p != "" && (place == p || strings.HasPrefix(place, p+"/")) {
			return true
		}
	}
	return false
}

// isLoopback says whether host is this machine by its name alone; nothing is looked up.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
