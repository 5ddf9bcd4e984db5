package schema

import "fmt"

// positions notes where each entry of the collections is written: "providers.frankfurt",
// "allowlists.frankfurt.sales", and each key: "deployment.verify.openPGP.release". What is not declared has none.
func positions(root *node) map[string]Position {
	all := map[string]Position{}
	add := func(path string, n *node) {
		if n.at.File != "" {
			all[path] = n.at
		}
	}
	for kind, keys := range children(root.get("deployment").get("verify")) {
		for name, key := range children(keys) {
			add(pathOf([]string{"deployment", "verify", kind, name}), key)
		}
	}
	for collection, entries := range children(root) {
		add(collection, entries)
		if collection == "deployment" {
			continue
		}
		for name, entry := range children(entries) {
			add(join(collection, name), entry)
			if collection != "allowlists" {
				continue
			}
			for organization, grant := range children(entry) {
				add(join(join(collection, name), organization), grant)
			}
		}
	}
	return all
}

// sources notes where each value of each provider comes from.
func sources(root *node) map[string]map[string]string {
	all := map[string]map[string]string{}
	for name, p := range children(root.get("providers")) {
		all[name] = map[string]string{}
		addSources(all[name], "", p)
	}
	return all
}

func addSources(all map[string]string, path string, n *node) {
	if len(n.fields) == 0 && path != "" {
		all[path] = n.source()
	}
	for name, f := range n.fields {
		addSources(all, join(path, name), f)
	}
}

// source says where n comes from.
func (n *node) source() string {
	at := fmt.Sprintf("%s:%d", n.at.File, n.at.Line)
	switch {
	case n.at.File == "":
		return n.from
	case n.from == "":
		return at
	}
	return n.from + " (" + at + ")"
}
