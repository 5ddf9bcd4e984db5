package schema

import (
	"slices"
	"strings"
)

// values: nothing that looks like a secret stands in them, and what a shape's chart wants is there.
func (c *checker) values() {
	c.secrets([]string{"deployment", "defaults", "values"})
	for _, name := range names(c.cfg.Clusters) {
		c.secrets([]string{"clusters", name, "defaults", "values"})
	}
	for _, name := range names(c.cfg.Providers) {
		p := c.cfg.Providers[name]
		c.secrets([]string{"providers", name, "values"})
		c.paths([]string{"providers", name, "valuesFrom"}, p.ValuesFrom, nil)
		for _, o := range names(p.PerOrganization) {
			c.secrets([]string{"providers", name, "perOrganization", o, "values"})
			c.paths([]string{"providers", name, "perOrganization", o, "valuesFrom"}, p.PerOrganization[o].ValuesFrom, p.ValuesFrom)
			c.wanted(name, p.PerOrganization[o].Values, p.PerOrganization[o].ValuesFrom)
		}
		if p.PerOrganization == nil && name != builtIn {
			c.wanted(name, p.Values, p.ValuesFrom)
		}
	}
}

// paths refuses dotted paths with nothing between two dots, or behind the last. Of those that come from above it was said
// there.
func (c *checker) paths(path []string, from, above map[string]ValuesFrom) {
	for _, name := range names(from) {
		if _, said := above[name]; said {
			continue
		}
		steps := strings.Split(strings.TrimPrefix(name, "."), ".")
		if strings.Contains(name, ".") && slices.Contains(steps, "") {
			c.fail(append(slices.Clone(path), name), "%q is no path of a value: write one like envproxy.token, or .token where it is not in a map", name)
		}
	}
}

// secrets warns about strings that look like credentials; those that a default gives are looked at there.
func (c *checker) secrets(path []string) {
	n := c.root.get(path...)
	if n == nil {
		return
	}
	for _, name := range names(n.fields) {
		f, below := n.fields[name], append(slices.Clone(path), name)
		s, ok := f.value.(string)
		if ok && s != "" && f.from == "" && secretName(name) {
			c.warn(below, "looks like a secret: keep it in a Secret of the cluster, and name that with valuesFrom")
		}
		c.secrets(below)
	}
}

// secretName tells whether a value of that name is a credential.
func secretName(name string) bool {
	return slices.Contains([]string{
		"accesstoken", "apikey", "credentials", "kubeconfig", "passwd", "password", "privatekey", "token",
	}, strings.ToLower(name))
}

// wanted warns about what the chart of a shape refuses to be without, unless it may come from the cluster.
func (c *checker) wanted(provider string, values Values, from map[string]ValuesFrom) {
	p := c.cfg.Providers[provider]
	if len(from) > 0 || !c.sound("providers", provider) {
		return
	}
	path := []string{"providers", provider}
	switch p.Chart.Shape {
	case "v1":
		if values.at("envproxy", "clusterAddress") == nil {
			c.warn(path, "the v1 chart wants envproxy.clusterAddress: add clusters.%s.address", p.Cluster)
		}
		if values.at("envproxy", "accessURL") == nil && values.at("ingress", "host") == nil {
			c.warn(path, "the v1 chart wants envproxy.accessURL or ingress.host: add hostname")
		}
	case "v2":
		if values.at("provisionerDaemon", "keySecretName") != nil && values.at("provisionerDaemon", "tags") != nil {
			c.fail(append(path, "values"),
				"found provisionerDaemon.tags beside a key: a key has its own tags; take out one of the two")
		}
	}
}
