package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/workspace-providers/reconcile/reconcile/charts"
	"github.com/workspace-providers/reconcile/reconcile/kube"
)

// suspect is a value that looks like a secret.
type suspect struct {
	keys  []string // to it, where all on the way are maps
	shown string   // as people read it: "db.password", "env[0].value"
	name  string   // what its list calls it; empty: it is in no list
	loose bool     // valuesFrom cannot put it there
}

// path is where valuesFrom puts it: a dotted path, for a value at the top one that begins with the dot.
func (s suspect) path() string {
	if len(s.keys) == 1 {
		return "." + s.shown
	}
	return s.shown
}

// secretsOf are those values of a release that look like secrets and can come from one.
func (a *adoption) secretsOf(one kube.Installed) []suspect {
	return slices.DeleteFunc(a.suspects(one), func(s suspect) bool { return s.loose })
}

// secretOf is the Secret that they come from, each by a key that is its dotted path.
func secretOf(one kube.Installed) string { return one.Name + "-values" }

// suspects are the values of a release that look like secrets, but for those that may be written down as they are.
func (a *adoption) suspects(one kube.Installed) []suspect {
	var all []suspect
	look(suspect{}, nil, one.Values, &all)
	return slices.DeleteFunc(all, func(s suspect) bool { return slices.Contains(a.plain, s.shown) })
}

// look finds what looks like a secret in a value; names are those on the way to it, which tell what it is.
func look(at suspect, names []string, value any, found *[]suspect) {
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			below := suspect{append(slices.Clone(at.keys), key), strings.TrimPrefix(at.shown+"."+key, "."), at.name, at.loose || !secretKeyed.MatchString(key)}
			look(below, append(slices.Clone(names), key), v[key], found)
		}
	case []any:
		for i, item := range v {
			below := suspect{at.keys, fmt.Sprintf("%s[%d]", at.shown, i), at.name, true}
			called := slices.Clone(names)
			if table, is := item.(map[string]any); is {
				if name, is := table["name"].(string); is {
					below.name, called = name, append(called, name)
				}
			}
			look(below, called, item, found)
		}
	case string:
		if v != "" && len(names) > 0 && charts.LooksSecret(names, v) {
			*found = append(*found, at)
		}
	}
}

// secretKeyed are keys whose dotted paths can be keys of a Secret.
var secretKeyed = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// open refuses releases with values that look like secrets where only a person can say what to do with them.
func (a *adoption) open() error {
	var lines []string
	for _, one := range a.found {
		for _, s := range a.suspects(one) {
			if !s.loose {
				continue
			}
			what := s.shown
			if s.name != "" {
				what += " (" + s.name + ")"
			}
			lines = append(lines, fmt.Sprintf("  %s/%s: %s", one.Namespace, one.Name, what))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return fmt.Errorf("import: these values look like secrets, and valuesFrom cannot put one there:\n%s\n"+
		"have the chart read each from a Secret first, or say with --plain PATH, such as --plain 'env[0].value', "+
		"that it may be written down", strings.Join(lines, "\n"))
}

// advice says what is to be done besides, and what differs from what other providers have.
func (a *adoption) advice() string {
	var b strings.Builder
	for _, one := range a.found {
		var members []string
		for _, s := range a.secretsOf(one) {
			jq := ""
			for _, key := range s.keys {
				jq += "." + strconv.Quote(key)
			}
			fmt.Fprintf(&b, "not written down: %s of release %s/%s, which looks like a secret; it is taken from key %s of Secret %s\n",
				s.shown, one.Namespace, one.Name, s.shown, secretOf(one))
			members = append(members, fmt.Sprintf("%q: (%s // error(%q))", s.shown, jq, s.shown+" is not there"))
		}
		if len(members) > 0 {
			fmt.Fprintf(&b, "make that Secret, with credentials for cluster %s:\n  helm get values %s -n %s -o json | jq '{apiVersion: \"v1\", kind: \"Secret\", "+
				"metadata: {name: %q, namespace: %q}, stringData: {%s}}' | kubectl create -f -\n",
				a.cluster, one.Name, one.Namespace, secretOf(one), one.Namespace, strings.Join(members, ", "))
		}
	}
	b.WriteString("enforcement is off in each, so that nothing changes for anybody; take it out when the allowlist is right\n")
	return b.String()
}

// without is a copy of values that lacks what is at a path, and the maps that nothing is left in.
func without(values map[string]any, path []string) map[string]any {
	out := maps.Clone(values)
	below, more := out[path[0]].(map[string]any)
	if len(path) == 1 || !more {
		delete(out, path[0])
		return out
	}
	if left := without(below, path[1:]); len(left) > 0 {
		out[path[0]] = left
	} else {
		delete(out, path[0])
	}
	return out
}
