package schema

import (
	"cmp"
	"strings"
)

// builtIn is the key of the provider, and the name of the cluster, of the deployment itself.
const builtIn = "built-in"

// fillDefaults puts in what the declarations leave out, and returns the whole: the provider's own
// value, then its cluster's defaults, then the deployment's, then ours. This happens here and
// not in CUE, since a CUE default beside a user's own default cancels both.
func fillDefaults(root *node) *node {
	deployment := merge(root.get("deployment"), ours(map[string]any{
		"defaultProvider": builtIn,
		"deletion":        map[string]any{"max": 3, "maxPercent": 10},
		"environments":    map[string]any{},
		"rollout":         map[string]any{},
		"statuses":        map[string]any{},
		"defaults":        map[string]any{},
	}))
	environments := deployment.get("environments")
	deployment = put(deployment, "environments", merge(environments, ours(marks()).unless(environments, "selectors")))
	general := deployment.get("defaults", "rollout").said("deployment.defaults").unless(deployment.get("rollout"), "windows")
	deployment = put(deployment, "rollout", merge(deployment.get("rollout"),
		merge(general, ours(map[string]any{"maxConcurrent": 4, "soak": "0s", "onFailure": "halt"}))))
	all := put(root, "deployment", deployment)
	all = put(all, "clusters", fillClusters(all))
	all = put(all, "organizations", each(all.get("organizations"), func(_ string, o *node) *node {
		return merge(o, ours(map[string]any{"builtInProvider": true}))
	}))
	all = put(all, "allowlists", each(all.get("allowlists"), func(_ string, list *node) *node {
		return each(list, func(_ string, grant *node) *node { return grant.grant() })
	}))
	return fillEnforcement(put(all, "providers", fillProviders(all)))
}

// marks are those that Coder's own templates put on environments.
func marks() map[string]any {
	return map[string]any{
		"selectors": map[string]any{
			"com.coder.resource=true":                                true,
			"app.kubernetes.io/name in (coder-workspace, coder-pvc)": true,
		},
		"idLabel":    "com.coder.workspace.id",
		"ownerLabel": "com.coder.user.username",
		"unknown":    "deny",
	}
}

// fillClusters adds the deployment's own cluster, and completes each cluster's rollout.
func fillClusters(all *node) *node {
	clusters := all.get("clusters")
	if own := all.text("providers", builtIn, "cluster"); own == "" || own == builtIn {
		clusters = merge(clusters, ours(map[string]any{builtIn: map[string]any{}}))
	}
	rollout := all.get("deployment", "rollout").said("deployment.rollout")
	return each(clusters, func(_ string, c *node) *node {
		own := c.get("defaults", "rollout")
		return put(c, "defaults", put(c.get("defaults"), "rollout", merge(own, rollout.unless(own, "windows"))))
	})
}

// fillProviders completes each provider, the built-in one too, which need not be declared.
func fillProviders(all *node) *node {
	last, below := fallbacks(all)
	scheme, _, _ := strings.Cut(all.text("deployment", "accessURL"), "://")
	providers := merge(all.get("providers"), ours(map[string]any{builtIn: map[string]any{}}))
	return each(providers, func(name string, p *node) *node {
		if h := p.get("hostname"); h != nil {
			p = put(p, "hostname", &node{at: h.at, value: withScheme(p.text("hostname"), scheme)})
		}
		if name == builtIn {
			p = merge(p, ours(map[string]any{"cluster": builtIn}))
			return fillBuiltIn(p, below[p.text("cluster")])
		}
		if d := below[p.text("cluster")]; d != nil {
			return fillProvider(name, p, d)
		}
		return fillProvider(name, p, last)
	})
}

// fallbacks are what a provider has that says nothing: in any cluster, and in each of those declared.
func fallbacks(all *node) (last *node, below map[string]*node) {
	deployment := all.get("deployment")
	last = merge(deployment.get("defaults").without("rollout").said("deployment.defaults"), ours(map[string]any{
		"namespace": "coder",
		"wave":      0,
		"chart":     map[string]any{"shape": cmp.Or(deployment.text("generation"), "none")},
		"release":   map[string]any{"timeout": "10m", "onFailure": "keep", "maxHistory": 5},
		"drift":     map[string]any{"mode": "repair"},
		"deletion":  map[string]any{"policy": "block"},
	}))
	below = map[string]*node{}
	for name, c := range children(all.get("clusters")) {
		d := mergeProvider(c.get("defaults").without("rollout").said("clusters."+name+".defaults"), last)
		if region := c.get("region"); region != nil {
			d = put(d, "region", region.said("clusters."+name+".region"))
		}
		below[name] = d
	}
	return last, below
}

// fillProvider completes one provider from what stands below it. The release of one that had another name keeps
// it: charts make names of it, and new names would be new objects.
func fillProvider(name string, p, below *node) *node {
	if before := names(children(p.get("previousNames"))); len(before) == 1 {
		name = before[0]
	}
	return merge(mergeProvider(p, below), ours(map[string]any{"release": map[string]any{"name": name}}))
}

// fillBuiltIn completes the built-in provider. It is part of the deployment, so it takes no
// default about charts, releases or drift.
func fillBuiltIn(p, below *node) *node {
	return mergeProvider(p, merge(below.only("namespace", "ready", "enforcement", "region"), ours(map[string]any{
		"namespace": "coder", "wave": 0, "deletion": map[string]any{"policy": "block"},
	})))
}

// mergeProvider is merge for what providers have. Some of it is one thing, though it is a
// struct: a sample object, and the place that a chart comes from.
func mergeProvider(own, below *node) *node {
	ready := merge(own.get("ready"), below.get("ready").unless(own.get("ready"), "create"))
	chart := mergeChart(own.get("chart"), below.get("chart"))
	return put(put(merge(own, below), "ready", ready), "chart", chart)
}

// mergeChart is merge for charts. A chart that names its own source takes no other source from
// below, and the digest of a chart says nothing about another one.
func mergeChart(own, below *node) *node {
	switch {
	case own.get("path") != nil:
		below = below.only("shape")
	case own.get("repo") != nil, own.get("oci") != nil:
		below = below.without("repo", "oci", "path", "digest")
	case own.get("version") != nil, own.get("name") != nil:
		below = below.without("digest")
	}
	return merge(own, below)
}

// withScheme writes a host as a URL.
func withScheme(host, scheme string) string {
	if strings.Contains(host, "://") {
		return strings.ToLower(host)
	}
	return scheme + "://" + strings.ToLower(host)
}
