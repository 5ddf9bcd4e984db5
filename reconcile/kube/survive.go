package kube

import "github.com/workspace-providers/reconcile/reconcile"

// running counts the environments that run in a release's provider, of its organization where it has one.
func running(envs []reconcile.Environment, organization string) int {
	n := 0
	for _, e := range envs {
		if e.Running && !e.Prebuilt && (organization == "" || e.Organization == organization) {
			n++
		}
	}
	return n
}

// survives says whether as many environments run as did when the release was applied.
func (c *Cluster) survives(key releaseKey, rec record) bool {
	it := c.items[key]
	return c.session.counted() && running(c.heads.environments[it.Provider], it.Organization) >= rec.Ran
}

// watchHeads has a release looked at again when environments move, for as long as it matters whether they are
// back.
func (c *Cluster) watchHeads(key releaseKey, obs reconcile.Observed) {
	if c.unsure == nil {
		c.unsure = map[releaseKey]bool{}
	}
	if delete(c.unsure, key); !obs.Survived {
		c.unsure[key] = true
	}
}
