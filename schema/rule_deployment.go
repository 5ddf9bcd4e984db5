package schema

// deployment: the access URLs differ, the default provider exists, and statuses go where they can.
func (c *checker) deployment() {
	d := c.cfg.Deployment
	if d.PreviousAccessURL != "" && d.PreviousAccessURL == d.AccessURL {
		c.fail([]string{"deployment", "previousAccessURL"},
			"is the same as accessURL: take it out, or write the URL that was there before")
	}
	if forge := d.Statuses.Forge; forge == "gitlab" || forge == "gitea" {
		c.warn([]string{"deployment", "statuses", "forge"}, "%s is not served yet: git notes are used instead", forge)
	}
	if _, ok := c.cfg.Providers[d.DefaultProvider]; !ok {
		c.unknown([]string{"deployment", "defaultProvider"}, "providers", d.DefaultProvider)
	}
}
