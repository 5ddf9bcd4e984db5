package status

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// Repository is where people look at the declarations on their forge. The zero value is nowhere: it links to nothing.
type Repository struct {
	Kind string // "github", "gitlab", "gitea"
	URL  string // of its front page, http or https
	Path string // of the declarations in it; empty or ".": the top
}

// sha is what a revision in git looks like; a directory's is no such thing.
var sha = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// Commit is the page of a revision; empty where there is none.
func (r Repository) Commit(revision string) string {
	base := r.base()
	if base == "" || !sha.MatchString(revision) {
		return ""
	}
	if r.Kind == "gitlab" {
		base += "/-"
	}
	return base + "/commit/" + revision
}

// File is the page of a line of a file, as a revision has it; empty where there is none.
func (r Repository) File(revision string, p Place) string {
	base := r.base()
	if base == "" || !sha.MatchString(revision) || p.File == "" {
		return ""
	}
	switch r.Kind {
	case "gitlab":
		base += "/-/blob/" + revision
	case "gitea":
		base += "/src/commit/" + revision
	default:
		base += "/blob/" + revision
	}
	at := url.URL{Path: "/" + path.Join(r.Path, p.File)}
	return fmt.Sprintf("%s%s#L%d", base, at.EscapedPath(), p.Line)
}

// base is the front page without a slash at its end; empty where it is none that a browser should go to.
func (r Repository) base() string {
	u, err := url.Parse(r.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return ""
	}
	return strings.TrimSuffix(u.String(), "/")
}

// Place is where something is declared. Its JSON is part of what the API answers.
type Place struct {
	File string `json:"file"` // relative to the declarations' directory; empty: it is not declared in a file
	Line int    `json:"line"` // from 1
}

// String is "providers.cue:12"; empty of what stands in no file.
func (p Place) String() string {
	if p.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", clean(p.File), p.Line)
}
