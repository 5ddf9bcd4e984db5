package schema

import (
	"maps"
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
		"environments":    map[string]any{"unknown": "deny"},
		"rollout":         map[string]any{},
		"statuses":        map[string]any{},
		"defaults":        map[string]any{},
	}))
	deployment = put(deployment, "rollout", merge(deployment.get("rollout"), merge(
		deployment.get("defaults", "rollout").said("deployment.defaults"),
		ours(map[string]any{"maxConcurrent": 4, "soak": "0s", "onFailure": "halt"}))))
	all := put(root, "deployment", deployment)
	all = put(all, "clusters", fillClusters(all))
	all = put(all, "organizations", each(all.get("organizations"), func(_ string, o *node) *node {
		return merge(o, ours(map[string]any{"builtInProvider": true}))
	}))
	all = put(all, "allowlists", each(all.get("allowlists"), func(_ string, list *node) *node {
		return each(list, func(_ string, grant *node) *node { return each(grant, sameNode) }) // true is an empty grant
	}))
	return fillEnforcement(put(all, "providers", fillProviders(all)))
}

// fillClusters adds the deployment's own cluster, and completes each cluster's rollout.
func fillClusters(all *node) *node {
	clusters := all.get("clusters")
	if all.get("providers", builtIn, "cluster") == nil {
		clusters = merge(clusters, ours(map[string]any{builtIn: map[string]any{}}))
	}
	rollout := all.get("deployment", "rollout").said("deployment.rollout")
	return each(clusters, func(_ string, c *node) *node {
		return put(c, "defaults", put(c.get("defaults"), "rollout", merge(c.get("defaults", "rollout"), rollout)))
	})
}

// fillProviders completes each provider, the built-in one too, which need not be declared.
func fillProviders(all *node) *node {
	below := map[string]*node{}
	deployment := all.get("deployment")
	last := merge(deployment.get("defaults").without("rollout").said("deployment.defaults"), ours(map[string]any{
		"namespace": "coder",
		"wave":      0,
		"release":   map[string]any{"timeout": "10m", "onFailure": "keep", "maxHistory": 5},
		"drift":     map[string]any{"mode": "repair"},
		"deletion":  map[string]any{"policy": "block"},
	}))
	generation := deployment.text("generation")
	for name, c := range children(all.get("clusters")) {
		own := c.get("defaults").without("rollout").said("clusters." + name + ".defaults")
		d := put(merge(own, last), "chart", mergeChart(own.get("chart"), last.get("chart")))
		if region := c.get("region"); region != nil {
			d = put(d, "region", region.said("clusters."+name+".region"))
		}
		below[name] = d
	}
	providers := merge(all.get("providers"), ours(map[string]any{builtIn: map[string]any{}}))
	scheme, _, _ := strings.Cut(deployment.text("accessURL"), "://")
	return each(providers, func(name string, p *node) *node {
		if h := p.get("hostname"); h != nil {
			p = put(p, "hostname", &node{at: h.at, value: withScheme(p.text("hostname"), scheme)})
		}
		if name == builtIn {
			return fillBuiltIn(p, below)
		}
		d := below[p.text("cluster")]
		if d == nil {
			d = last
		}
		return fillProvider(name, p, d, generation)
	})
}

// fillProvider completes one provider from what stands below it.
func fillProvider(name string, p, below *node, generation string) *node {
	chart := merge(mergeChart(p.get("chart"), below.get("chart")), ours(map[string]any{"shape": shapeOf(generation)}))
	p = put(merge(p, below), "chart", chart)
	return merge(p, ours(map[string]any{"release": map[string]any{"name": name}}))
}

// fillBuiltIn completes the built-in provider. It is part of the deployment, so it takes no
// default about charts, releases or removal.
func fillBuiltIn(p *node, below map[string]*node) *node {
	p = merge(p, ours(map[string]any{"cluster": builtIn}))
	d := below[p.text("cluster")]
	return merge(p, merge(d.only("namespace", "ready", "enforcement", "region", "wave", "deletion"),
		ours(map[string]any{"namespace": "coder", "wave": 0, "deletion": map[string]any{"policy": "block"}})))
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

// shapeOf is the shape of charts of a generation.
func shapeOf(generation string) string {
	if generation == "" {
		return "none"
	}
	return generation
}

// put returns n with another field.
func put(n *node, name string, field *node) *node {
	c := &node{fields: map[string]*node{}}
	if n != nil {
		c.at, c.from = n.at, n.from
		maps.Copy(c.fields, n.fields)
	}
	if field == nil {
		delete(c.fields, name)
	} else {
		c.fields[name] = field
	}
	return c
}

// children are the fields of n, which may be nil.
func children(n *node) map[string]*node {
	if n == nil {
		return nil
	}
	return n.fields
}

// each returns n with every field replaced.
func each(n *node, change func(name string, field *node) *node) *node {
	c := &node{fields: map[string]*node{}}
	for name, f := range children(n) {
		c.fields[name] = change(name, f)
	}
	if n != nil {
		c.at, c.from = n.at, n.from
	}
	return c
}

func sameNode(_ string, n *node) *node { return n }

// withScheme writes a host as a URL.
func withScheme(host, scheme string) string {
	if strings.Contains(host, "://") {
		return strings.ToLower(host)
	}
	return scheme + "://" + strings.ToLower(host)
}
