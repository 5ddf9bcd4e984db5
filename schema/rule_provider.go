package schema

import (
	"net/url"
	"slices"
	"strings"
)

// providers: each by itself, and what no two may share.
func (c *checker) providers() {
	hosts, previous := map[string]string{}, map[string]string{}
	for _, name := range names(c.cfg.Providers) {
		p := c.cfg.Providers[name]
		c.provider(name, p)
		if other, ok := hosts[p.DevurlHost]; ok && p.DevurlHost != "" {
			c.fail([]string{"providers", name, "devurlHost"}, "provider %s has the same: give each its own", other)
		}
		hosts[p.DevurlHost] = name
		for _, old := range names(p.PreviousNames) {
			path := []string{"providers", name, "previousNames", old}
			if _, ok := c.cfg.Providers[old]; ok {
				c.fail(path, "a provider of this name is declared: take out one of the two")
			}
			if other, ok := previous[old]; ok {
				c.fail(path, "provider %s has it as a previous name too: one provider becomes one other", other)
			}
			previous[old] = name
		}
	}
}

// provider: what it names exists, and its address fits the deployment's.
func (c *checker) provider(name string, p Provider) {
	path := func(field ...string) []string { return append([]string{"providers", name}, field...) }
	c.place(path, p.Cluster)
	if p.Hostname != "" && c.cfg.Deployment.AccessURL != "" {
		c.hostname(path("hostname"), p.Hostname)
	}
	if len(c.cfg.Organizations) > 0 && len(c.cfg.Allowed(name)) == 0 {
		c.warn(path(), "nobody may create environments here: add an organization to allowlists.%s", name)
	}
	if name == builtIn {
		c.builtIn(path)
		return
	}
	c.chart(path, p.Chart)
	for _, o := range c.written[name] {
		c.ownRelease(path("perOrganization", o), name, o)
	}
}

// place: a provider is in a cluster that there is.
func (c *checker) place(path func(...string) []string, cluster string) {
	_, there := c.cfg.Clusters[cluster]
	switch {
	case cluster == "" && c.sound(path()...):
		c.fail(path(), "field cluster is missing: add it")
	case cluster != "" && !there:
		c.unknown(path("cluster"), "clusters", cluster)
	}
}

// ownRelease: an organization that has a release of its own is there, and may use the provider.
func (c *checker) ownRelease(path []string, provider, organization string) {
	if _, ok := c.cfg.Organizations[organization]; !ok {
		c.unknown(path, "organizations", organization)
	} else if !c.cfg.mayUse(organization, provider) {
		c.warn(path, "has no effect, since the organization may not use this provider: "+
			"add it to allowlists.%s, or take it out", provider)
	}
}

// hostname: a strict subdomain of the deployment's host, with the same scheme. While the access URL changes, the host
// may be below the one that was there before, so that providers can move one by one.
func (c *checker) hostname(path []string, hostname string) {
	own, err := url.Parse(hostname)
	deployment, err2 := url.Parse(c.cfg.Deployment.AccessURL)
	if err != nil || err2 != nil {
		return // said already
	}
	if own.Scheme != deployment.Scheme {
		c.fail(path, "found scheme %s: must be %s, as in deployment.accessURL", own.Scheme, deployment.Scheme)
	}
	before, err := url.Parse(c.cfg.Deployment.PreviousAccessURL)
	moving := err == nil && before.Host != "" && strings.HasSuffix(own.Hostname(), "."+before.Hostname())
	if !moving && !strings.HasSuffix(own.Hostname(), "."+deployment.Hostname()) {
		c.fail(path, "found host %s: must be a subdomain of %s", quote(own.Hostname()), deployment.Hostname())
	}
}

// builtIn: the built-in provider is part of the deployment, never installed and never deleted.
func (c *checker) builtIn(path func(...string) []string) {
	none := []string{"chart", "drift", "perOrganization", "previousNames", "release", "tokenRef", "values", "valuesFrom"}
	for _, field := range none {
		if c.root.get(path(field)...) != nil {
			c.fail(path(field), "the built-in provider is part of the deployment and never installed: take %s out", field)
		}
	}
	if n := c.root.get(path("deletion")...); n.at.File != "" {
		c.fail(path("deletion"), "the built-in provider is never deleted: take deletion out")
	}
}

// chart: exactly one source, bound to a version or a digest where it is not in the repository.
func (c *checker) chart(path func(...string) []string, chart Chart) {
	var found []string
	for _, s := range [...]struct{ field, value string }{{"repo", chart.Repo}, {"oci", chart.OCI}, {"path", chart.Path}} {
		if s.value != "" {
			found = append(found, s.field)
		}
	}
	switch {
	case !c.sound(path("chart")...):
		return
	case len(found) == 0:
		if c.sound(path()...) && c.sound("deployment", "defaults") && c.sound("clusters") {
			c.fail(path(), "found no chart: add chart with repo, oci or path, here or in deployment.defaults")
		}
	case len(found) > 1:
		c.fail(path("chart"), "found %s: keep one of them", strings.Join(found, " and "))
	case chart.Path == "":
		c.remoteChart(path, chart, found[0])
	}
}

// remoteChart: what is not in the repository has a name, does not change, and is from where it may be.
func (c *checker) remoteChart(path func(...string) []string, chart Chart, source string) {
	if chart.Name == "" {
		c.fail(path("chart"), "found %s without name: add the chart's name", source)
	}
	if chart.Version == "" && chart.Digest == "" {
		c.fail(path("chart"),
			"found %s without version or digest: add one, so that every apply takes the same chart", source)
	}
	if !c.allowedSource(chart.Repo + chart.OCI) { // one of them is empty
		c.fail(path("chart", source),
			"is below none of deployment.chartSources: add it there, or take the chart from one of them")
	}
}

// allowedSource tells whether charts may come from source: anything may where nothing is listed.
func (c *checker) allowedSource(source string) bool {
	sources := names(c.cfg.Deployment.ChartSources)
	below := func(prefix string) bool {
		rest, ok := strings.CutPrefix(source, prefix)
		return ok && (rest == "" || strings.HasSuffix(prefix, "/") || strings.HasPrefix(rest, "/"))
	}
	return len(sources) == 0 || slices.ContainsFunc(sources, below)
}
