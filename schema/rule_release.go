package schema

import (
	"fmt"
	"slices"
	"strings"
)

// maxReleaseName is the longest name that Helm takes. Names are never cut.
const maxReleaseName = 53

// spot is where a release stands: there is one of a name in a namespace of a cluster.
type spot struct{ cluster, namespace, name string }

// releases: no two stand at one spot, and their names are short enough.
func (c *checker) releases() {
	taken := map[spot][]string{}
	for _, name := range names(c.cfg.Providers) {
		p := c.cfg.Providers[name]
		switch {
		case name == builtIn || p.Cluster == "" || c.blamed("providers", name, "previousNames"): // the name may be from there
		case p.PerOrganization == nil:
			at := spot{p.Cluster, p.Namespace, p.Release.Name}
			c.release(taken, at, []string{"providers", name, "release", "name"})
		default:
			for _, o := range names(p.PerOrganization) {
				r := p.PerOrganization[o]
				at := spot{p.Cluster, r.Namespace, r.ReleaseName}
				c.release(taken, at, []string{"providers", name, "perOrganization", o, "releaseName"})
			}
		}
	}
}

// blamed tells whether a rule has found a mistake below path.
func (c *checker) blamed(path ...string) bool {
	below := pathOf(path) + "."
	return slices.ContainsFunc(c.errs, func(e Error) bool { return strings.HasPrefix(e.Path, below) })
}

// release claims a spot for the release whose name stands at path.
func (c *checker) release(taken map[spot][]string, at spot, path []string) {
	if len(at.name) > maxReleaseName {
		c.fail(path, "found release name %s of %d characters: at most %d are allowed; add a shorter one",
			quote(at.name), len(at.name), maxReleaseName)
	}
	other, ok := taken[at]
	if !ok {
		taken[at] = path
		return
	}
	where := ""
	if p := c.at(other); p.File != "" {
		where = fmt.Sprintf(" (%s)", p)
	}
	owner := strings.TrimSuffix(pathOf(other[:len(other)-1]), ".release")
	c.fail(path, "release %s in namespace %s of cluster %s belongs to %s%s: change one of the names",
		at.name, at.namespace, at.cluster, owner, where)
}
