package admission

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Keys of the parameters. Looking up whose something is, is one access to a map.
const (
	keyShard      = "shard"      // number of the shard
	keyFrom       = "from"       // first key of what it knows; empty: there is no bound
	keyTo         = "to"         // key after the last
	keyDeployment = "deployment" // for people
	keyProvider   = "provider"   // for people
	keyMode       = "mode"       // off, audit, enforce
	keyUnknown    = "unknown"    // deny, allow: what happens to what is nobody's
	keyCordon     = "cordon"     // the reason; absent: not cordoned
	keyContact    = "contact"    // whom to ask
	keyMatch      = "match"      // lines of "organization key=value key=value"
	keyKnown      = "known"      // a heading, and lines of "id.…=organization" or "name.…=organization", sorted

	prefixOrganization = "org." // + organization: open, closed
	prefixNamespace    = "ns."  // + namespace: organization
	prefixAccount      = "sa."  // + namespace.name of a service account: organization
	prefixDeclared     = "own." // + id.… or name.…: organization
)

// What names an environment, in the parameters.
const (
	prefixID   = "id."   // + value of the id label
	prefixName = "name." // + namespace.name, of what has no id
)

// heading is the first line of what is known, so that every other one has a line break before and after it.
const heading = "environments that exist, and whose they are\n"

// What an organization is in the parameters.
const (
	open   = "open"
	closed = "closed"
)

// A ConfigMap takes 1 MiB. What is known is one text, since a server copies the data of parameters for each
// request, entry by entry; it may be as long as a search for the longest line in it may cost.
const (
	rulesBytes = 512 << 10
	shardBytes = 192 << 10
)

// key is what a key of a ConfigMap must be.
var key = regexp.MustCompile(`^[-._a-zA-Z0-9]{1,253}$`)

// rules are what all shards hold: who may create, how organizations are recognised, and what people are
// told.
func (g Guard) rules() (map[string]string, error) {
	out := rules{
		keyDeployment: g.Owner, keyProvider: g.Provider, keyMode: string(g.Mode), keyUnknown: "deny",
		keyContact: oneLine(g.Contact),
	}
	if g.Recognition.AllowUnknown {
		out[keyUnknown] = "allow"
	}
	if g.Cordoned != "" {
		out[keyCordon] = oneLine(g.Cordoned)
	}
	for name := range g.Open {
		out[prefixOrganization+name] = closed
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(g.Recognition.Organizations)) {
		match := g.Recognition.Organizations[name]
		out[prefixOrganization+name] = closed
		out.add(name, prefixNamespace, match.Namespaces)
		out.add(name, prefixAccount, match.ServiceAccounts)
		out.declared(name, match.IDs)
		if len(match.Labels) > 0 {
			lines = append(lines, name+" "+strings.Join(pairs(match.Labels), " "))
		}
	}
	for name, may := range g.Open {
		if may {
			out[prefixOrganization+name] = open
		}
	}
	out[keyMatch] = strings.Join(lines, "\n")
	return out, out.check()
}

// rules are the data of a ConfigMap.
type rules map[string]string

// add says of names that they are an organization's.
func (r rules) add(organization, prefix string, names []string) {
	for _, name := range names {
		r.claim(prefix+strings.ReplaceAll(name, ":", "."), organization)
	}
}

// declared says of ids that they are an organization's. What no object can have is left out.
func (r rules) declared(organization string, ids []string) {
	for _, id := range ids {
		if at := prefixDeclared + entry(id); key.MatchString(at) {
			r.claim(at, organization)
		}
	}
}

// claim says that something is an organization's. What two claim is neither's: no organization has such a
// name, so that nothing new may be created there.
func (r rules) claim(at, organization string) {
	if other, taken := r[at]; taken && other != organization {
		organization = other + " or " + organization
	}
	r[at] = organization
}

func (r rules) check() error {
	size := 0
	for _, at := range slices.Sorted(maps.Keys(r)) {
		if !key.MatchString(at) {
			return fmt.Errorf("%q cannot be a key of a ConfigMap: use a name of at most 180 characters", at)
		}
		size += len(at) + len(r[at])
	}
	if size > rulesBytes {
		return fmt.Errorf("the organizations' rules take %d KiB, and %d fit: match by fewer namespaces, accounts and ids",
			size>>10, rulesBytes>>10)
	}
	return nil
}

// entries are what is known, by what names it in the parameters.
func entries(known map[string]string) map[string]string {
	out := map[string]string{}
	for id, organization := range known {
		if at := entry(id); !strings.ContainsAny(at+organization, "\n=") { // no label or name has these
			out[at] = organization
		}
	}
	return out
}

// entry names an environment in the parameters. Only that of an object without an id has a slash.
func entry(id string) string {
	if namespace, name, named := strings.Cut(id, "/"); named {
		return prefixName + namespace + "." + name
	}
	return prefixID + id
}

// environmentID is the environment that an entry names; ok is false where it names none.
func environmentID(at string) (id string, ok bool) {
	if id, ok = strings.CutPrefix(at, prefixID); ok {
		return id, id != ""
	}
	if id, ok = strings.CutPrefix(at, prefixName); ok {
		namespace, name, ok := strings.Cut(id, ".")
		return namespace + "/" + name, ok && namespace != "" && name != ""
	}
	return "", false
}

// pairs are labels as "key=value", sorted.
func pairs(labels map[string]string) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		out = append(out, k+"="+labels[k])
	}
	return out
}

// oneLine makes a text fit a message, which has no line breaks.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
