package schema

import "slices"

// enforcement: whose environments are told apart, where that decides what is refused.
func (c *checker) enforcement() {
	c.ownMarks()
	c.ownNamespaces()
	for _, name := range names(c.cfg.Providers) {
		if c.cfg.Providers[name].Enforcement != "enforce" || c.cfg.Deployment.Environments.Unknown == "allow" {
			continue
		}
		for _, o := range c.cfg.Allowed(name) {
			if !c.recognised(o) && c.sound("organizations", o) {
				c.fail([]string{"providers", name, "enforcement"}, "organization %s does not say how its environments are "+
					"recognised, so that all of them would be refused: add organizations.%s.match, or "+
					"deployment.environments.organizationLabel, or declare \"audit\"", o, o)
			}
		}
	}
}

// recognised tells whether an organization's environments can be told from others'.
func (c *checker) recognised(organization string) bool {
	m := c.cfg.Organizations[organization].Match
	return c.cfg.Deployment.Environments.OrganizationLabel != "" ||
		len(m.Namespaces)+len(m.ServiceAccounts)+len(m.Labels)+len(m.IDs) > 0
}

// ownMarks: what tells an organization's environments is no other's, and can be seen on them.
func (c *checker) ownMarks() {
	taken := map[string]string{}
	for _, name := range names(c.cfg.Organizations) {
		m := c.cfg.Organizations[name].Match
		for field, marks := range map[string]map[string]bool{"ids": m.IDs, "namespaces": m.Namespaces, "serviceAccounts": m.ServiceAccounts} {
			for _, mark := range names(marks) {
				if other, is := taken[field+mark]; is {
					c.fail([]string{"organizations", name, "match", field, mark}, "organization %s has it too: "+
						"an environment belongs to one organization", other)
				}
				taken[field+mark] = name
			}
		}
		alone := len(m.ServiceAccounts) > 0 && len(m.Namespaces)+len(m.Labels)+len(m.IDs) == 0
		if alone && c.cfg.Deployment.Environments.OrganizationLabel == "" {
			c.warn([]string{"organizations", name, "match"}, "nothing on its environments tells whose they are, so that they "+
				"cannot be counted: add deployment.environments.organizationLabel, or namespaces")
		}
	}
}

// ownNamespaces: in a namespace that two providers share, nobody can tell whose an environment is, so that both
// must let in the same organizations.
func (c *checker) ownNamespaces() {
	first := map[[2]string]string{}
	for _, name := range names(c.cfg.Providers) {
		p := c.cfg.Providers[name]
		place := [2]string{p.Cluster, p.Namespace}
		other, shared := first[place]
		if !shared {
			first[place] = name
			continue
		}
		with := c.cfg.Providers[other].Enforcement
		if p.Enforcement == "off" || with == "off" || slices.Equal(c.cfg.Allowed(name), c.cfg.Allowed(other)) {
			continue
		}
		note := c.warn
		if p.Enforcement == "enforce" && with == "enforce" {
			note = c.fail
		}
		note([]string{"providers", name, "namespace"}, "provider %s has namespace %s of cluster %s too, and another allowlist: "+
			"nobody could tell whose an environment there is: give one of them a namespace of its own, or both the same "+
			"allowlist, or declare enforcement \"off\"", other, p.Namespace, p.Cluster)
	}
}
