package schema

import (
	"slices"
	"strings"
)

// Allowed returns the organizations that may create environments in a provider, sorted: its
// allowlist, and for the built-in provider every organization that does not opt out. Grants
// that have run out by now are among them: a Config knows no time.
func (c *Config) Allowed(provider string) []string {
	candidates := names(c.Allowlists[provider])
	if provider == builtIn {
		candidates = names(c.Organizations)
	}
	return slices.DeleteFunc(candidates, func(o string) bool { return !c.mayUse(o, provider) })
}

// mayUse tells whether an organization is on a provider's effective allowlist.
func (c *Config) mayUse(organization, provider string) bool {
	o, known := c.Organizations[organization]
	_, listed := c.Allowlists[provider][organization]
	return known && (listed || provider == builtIn && o.BuiltInProvider)
}

// allowlists: the names in them exist, and nobody is listed who opts out.
func (c *checker) allowlists() {
	for _, p := range names(c.cfg.Allowlists) {
		if _, ok := c.cfg.Providers[p]; !ok {
			c.unknown([]string{"allowlists", p}, "providers", p)
		}
		for _, o := range names(c.cfg.Allowlists[p]) {
			path := []string{"allowlists", p, o}
			organization, ok := c.cfg.Organizations[o]
			if !ok {
				c.unknown(path, "organizations", o)
			} else if p == builtIn && !organization.BuiltInProvider {
				c.fail(path, "organization %s has builtInProvider: false: take out one of the two", o)
			}
		}
	}
}

// organizations: each may go somewhere, and only where its regions are.
func (c *checker) organizations() {
	somewhere := map[string]bool{}
	for _, p := range names(c.cfg.Providers) {
		for _, o := range c.cfg.Allowed(p) {
			somewhere[o] = true
			c.region(p, o)
		}
	}
	for _, o := range names(c.cfg.Organizations) {
		if !somewhere[o] && c.sound("allowlists") && c.sound("providers") {
			c.fail([]string{"organizations", o}, "is on no allowlist: add it to one, or take out builtInProvider: false")
		}
		c.defaultProvider(o, c.cfg.Organizations[o].DefaultProvider)
	}
}

// region: an organization with regions is only allowed in providers of these.
func (c *checker) region(provider, organization string) {
	regions := names(c.cfg.Organizations[organization].Regions)
	region := c.cfg.Providers[provider].Region
	if len(regions) == 0 || slices.Contains(regions, region) {
		return
	}
	is := "has no region"
	if region != "" {
		is = "is in region " + quote(region)
	}
	path, way := []string{"allowlists", provider, organization}, "take it off the allowlist"
	if c.root.get(path...) == nil {
		path, way = []string{"organizations", organization}, "add builtInProvider: false"
	}
	c.fail(path, "provider %s %s, and organization %s may only go to %s: %s, or change one of the regions",
		provider, is, organization, strings.Join(regions, ", "), way)
}

// defaultProvider: an organization may use its default; without one of its own, the deployment's.
func (c *checker) defaultProvider(organization, own string) {
	path := []string{"organizations", organization, "defaultProvider"}
	general := c.cfg.Deployment.DefaultProvider
	_, known := c.cfg.Providers[own]
	switch {
	case own == "" && !c.cfg.mayUse(organization, general):
		c.warn(path[:2], "may not use the default provider %s: add a defaultProvider that it may use", quote(general))
	case own == "" || c.cfg.mayUse(organization, own) && known:
	case !known:
		c.unknown(path, "providers", own)
	default:
		c.fail(path, "is not on the allowlist of provider %s: add it there, or choose another", own)
	}
}
