package schema

import (
	"slices"

	"cuelang.org/go/cue"
)

// fillOrganizations gives each provider with perOrganization an entry for each organization
// that is allowed there, and no other. The declaration is a pattern, which CUE
// only fills in for fields that exist; so they are made here.
func fillOrganizations(e evaluated) *node {
	root := e.root
	form := e.form.fields["providers"].each.fields["perOrganization"].each
	return eachProvider(root, func(name string, p *node) *node {
		if p.get("perOrganization") == nil || name == builtIn {
			return p
		}
		path := join(join("providers", name), "perOrganization")
		pattern := e.value.LookupPath(cue.MakePath(cue.Str("providers"), cue.Str(name), cue.Str("perOrganization")))
		organizations := allowed(root, name)
		wanted := map[string]any{}
		for _, o := range organizations {
			wanted[o] = map[string]any{}
		}
		made := pattern.Unify(e.ctx.Encode(wanted))
		all := &node{at: p.get("perOrganization").at, fields: map[string]*node{}}
		for _, o := range organizations {
			entry := e.walker.walk(join(path, o), form, made.LookupPath(cue.MakePath(cue.Str(o))), all.at)
			all.fields[o] = fillOrganization(p, o, entry)
		}
		return put(p, "perOrganization", all)
	})
}

// fillOrganization completes the release of one organization from its provider.
func fillOrganization(p *node, organization string, entry *node) *node {
	below := p.only("namespace", "values", "valuesFrom")
	name := &node{from: "built in", value: p.text("release", "name") + "-" + organization}
	return merge(merge(entry, below), &node{fields: map[string]*node{"releaseName": name}})
}

// allowed names the organizations that may use a provider, sorted, as Config.Allowed does.
func allowed(root *node, provider string) []string {
	all, listed := children(root.get("organizations")), children(root.get("allowlists", provider))
	if provider != builtIn {
		return slices.DeleteFunc(names(listed), func(o string) bool { return all[o] == nil })
	}
	return slices.DeleteFunc(names(all), func(o string) bool {
		return all[o].get("builtInProvider").value != true && listed[o] == nil
	})
}

// fillShapes joins what shapes set with the values of each release.
func fillShapes(s *shaper) *node {
	return eachProvider(s.root, func(name string, p *node) *node {
		if p.get("perOrganization") == nil {
			return put(p, "values", s.shape(name, p.text("release", "name"), p.get("values")))
		}
		return put(p, "perOrganization", each(p.get("perOrganization"), func(_ string, o *node) *node {
			return put(o, "values", s.shape(name, o.text("releaseName"), o.get("values")))
		}))
	})
}

// eachProvider returns root with every provider replaced.
func eachProvider(root *node, change func(name string, p *node) *node) *node {
	return put(root, "providers", each(root.get("providers"), change))
}

// writtenOrganizations names those with an entry of their own in perOrganization, for each provider.
func writtenOrganizations(root *node) map[string][]string {
	all := map[string][]string{}
	for name, p := range children(root.get("providers")) {
		all[name] = names(children(p.get("perOrganization")))
	}
	return all
}

// fillEnforcement decides how an allowlist is enforced where nobody says: fully, when every
// organization on it says how its environments are recognised, else only noted, and not at all where there
// are no organizations.
func fillEnforcement(root *node) *node {
	label := root.get("deployment", "environments", "organizationLabel") != nil
	recognised := func(o string) bool {
		return label || len(children(root.get("organizations", o, "match"))) > 0
	}
	return eachProvider(root, func(name string, p *node) *node {
		organizations := allowed(root, name)
		mode := "audit"
		if len(children(root.get("organizations"))) == 0 {
			mode = "off"
		}
		if len(organizations) > 0 && !slices.ContainsFunc(organizations, func(o string) bool { return !recognised(o) }) {
			mode = "enforce"
		}
		return merge(p, ours(map[string]any{"enforcement": mode}))
	})
}
