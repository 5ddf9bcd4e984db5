package reconcile

import (
	"fmt"
	"slices"
	"strings"
)

// NotCounted is the message of what waits for environments to be counted.
const NotCounted = "its environments were not counted yet"

// occupied holds an action that would take a provider, or an organization's place in it, away from people
// who work there. Not knowing is a no. Environments that were made in advance belong to nobody yet, and
// hold nothing.
func occupied(a Action, c ClusterLive) Action {
	envs := c.Environments[a.Provider]
	if !c.Counted {
		return hold(a, Unknown, NotCounted)
	}
	if foreign := unrecognised(envs); len(foreign) > 0 {
		return hold(a, Unrecognised, fmt.Sprintf("it is not known whose they are: %s; say in organizations: match: how they "+
			"are recognised, or remove them", listed(foreign)))
	}
	there := slices.DeleteFunc(slices.Clone(envs), func(e Environment) bool {
		return e.Prebuilt || a.Organization != "" && e.Organization != a.Organization
	})
	if len(there) == 0 {
		return a
	}
	return hold(a, Occupied, listed(there)+"; it goes when they are gone")
}

// Occupation says why an action would take something away from people who work there; empty: it would not.
func Occupation(a Action, c ClusterLive) string {
	a.Op = OpDelete
	if held := occupied(a, c); held.Op == OpHold {
		return held.Message
	}
	return ""
}

// unrecognised are the environments of which nobody knows whose they are.
func unrecognised(envs []Environment) []Environment {
	return slices.DeleteFunc(slices.Clone(envs), func(e Environment) bool { return e.Organization != "" || e.Prebuilt })
}

// maxListed bounds how many environments a message names.
const maxListed = 10

// listed counts environments and names the first of them.
func listed(envs []Environment) string {
	var names []string
	for _, e := range envs[:min(len(envs), maxListed)] {
		names = append(names, e.String())
	}
	noun := "environments"
	if len(envs) == 1 {
		noun = "environment"
	}
	text := fmt.Sprintf("%d %s: %s", len(envs), noun, strings.Join(names, ", "))
	if more := len(envs) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// String names an environment for people: whose it is, and what it is called.
func (e Environment) String() string {
	text := e.Name
	if e.Owner != "" {
		text = e.Owner + "/" + text
	}
	if e.Organization != "" {
		text += " (" + e.Organization + ")"
	}
	return text
}
