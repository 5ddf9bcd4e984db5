package schema

// removals: what is removed is not declared.
func (c *checker) removals() {
	for _, name := range names(c.cfg.Removed) {
		path := []string{"removed", name}
		if name == builtIn {
			c.fail(path, "the built-in provider is part of the deployment and cannot be removed: take it out")
		} else if _, ok := c.cfg.Providers[name]; ok {
			c.fail(path, "a provider of this name is declared: take out one of the two")
		}
		for _, other := range names(c.cfg.Providers) {
			if c.cfg.Providers[other].PreviousNames[name] {
				c.fail(path, "provider %s has this as a previous name: take out one of the two", other)
			}
		}
	}
}
