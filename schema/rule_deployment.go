package schema

// deployment: the access URLs differ, and the default provider exists.
func (c *checker) deployment() {
	d := c.cfg.Deployment
	if d.PreviousAccessURL != "" && d.PreviousAccessURL == d.AccessURL {
		c.fail([]string{"deployment", "previousAccessURL"},
			"is the same as accessURL: take it out, or write the URL that was there before")
	}
	if _, ok := c.cfg.Providers[d.DefaultProvider]; !ok {
		c.unknown([]string{"deployment", "defaultProvider"}, "providers", d.DefaultProvider)
	}
}
