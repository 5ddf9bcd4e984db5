package edit

import (
	"fmt"
	"slices"

	"github.com/workspace-providers/reconcile/schema"
)

// builtIn is the provider that is there without being declared.
const builtIn = "built-in"

// CreateProvider declares a provider with these fields, and lets organizations in. One of that name that was to be
// removed is not removed any more.
func (f *Files) CreateProvider(name string, fields Struct, organizations []string) (did string, err error) {
	if found := f.Fields("providers", name); len(found) > 0 {
		return "", refusal(found, "a provider of this name is declared: choose another name, or change this one")
	}
	if err := f.Set(fields, "providers", name); err != nil {
		return "", err
	}
	did = fmt.Sprintf("provider %s is declared", name)
	if len(f.Fields("removed", name)) > 0 {
		did += fmt.Sprintf("; removed.%s is taken out, since it is not to be removed any more", name)
		if err := f.Remove("removed", name); err != nil {
			return "", err
		}
	}
	if len(organizations) == 0 {
		return did, nil
	}
	list := Struct{}
	for _, o := range organizations {
		list = append(list, Member{o, true})
	}
	if len(f.Fields("allowlists", name)) == 0 {
		return did, f.Set(list, "allowlists", name)
	}
	for _, m := range list {
		if err := f.Set(m.Value, "allowlists", name, m.Name); err != nil {
			return "", err
		}
	}
	return did, nil
}

// RemoveProvider takes a provider out with its allowlist, and declares what becomes of it.
func (f *Files) RemoveProvider(name, policy, reason string) (did string, err error) {
	if name == builtIn {
		return "", fmt.Errorf("the built-in provider is part of the deployment and cannot be removed; to stop new environments there, cordon it")
	}
	for _, path := range [][]string{{"providers", name}, {"allowlists", name}} {
		if err := f.Remove(path...); err != nil {
			return "", err
		}
	}
	did = fmt.Sprintf("provider %s is not declared any more", name)
	if policy == "" {
		return did, nil
	}
	return did + ", and removed by policy " + policy,
		f.removal(name, policy, reason)
}

// RemoveUndeclared declares what becomes of a provider that is not declared any more, and may be in a cluster still.
func (f *Files) RemoveUndeclared(name, policy, reason string) (did string, err error) {
	if found := f.Fields("removed", name); len(found) > 0 {
		return "", refusal(found, "what becomes of it is declared already: change that here, by hand")
	}
	did = fmt.Sprintf("no provider %s is declared now; what a cluster still has of it is removed by policy %s", name, policy)
	return did, f.removal(name, policy, reason)
}

// removal declares what becomes of what is left of a provider.
func (f *Files) removal(name, policy, reason string) error {
	return f.Set(Struct{{"policy", policy}, {"reason", reason}}, "removed", name)
}

// RenameProvider gives a provider another name: in its declaration, its allowlist and where it is named as a default.
// It keeps its releases, since it says what it was called.
func (f *Files) RenameProvider(from, to string) (did string, err error) {
	if from == builtIn || to == builtIn {
		return "", fmt.Errorf("built-in is the name of the deployment's own provider, which is never renamed")
	}
	if found := f.Fields("providers", to); len(found) > 0 {
		return "", refusal(found, "a provider of this name is declared: choose another name")
	}
	found := f.Fields("providers", from)
	if len(found) == 0 {
		return "", unwritten("providers", from, "rename it there")
	}
	for _, collection := range []string{"providers", "allowlists"} {
		if err := f.Rename(to, collection, from); err != nil {
			return "", err
		}
	}
	old := append(f.Fields(deployment, "defaultProvider"), f.all("organizations", "defaultProvider")...)
	for _, one := range old {
		if name, plain := one.Text(); plain && name == from {
			one.SetText(to)
		}
	}
	did = fmt.Sprintf("provider %s is called %s from now on, and keeps its releases", from, to)
	if len(f.Fields("providers", from, "previousNames", to)) > 0 { // it goes back
		return did, f.Rename(from, "providers", from, "previousNames", to)
	}
	return did, f.Set(true, "providers", from, "previousNames", from)
}

// all are the places of a field in each entry of a collection.
func (f *Files) all(collection, field string) []Field {
	var out []Field
	for _, name := range f.names(collection) {
		out = append(out, f.Fields(collection, name, field)...)
	}
	return out
}

// Cordon refuses new environments of everybody in a provider.
func (f *Files) Cordon(name, reason string) (did string, err error) {
	did = fmt.Sprintf("provider %s is cordoned: nobody can create new environments there; those that are there go on", name)
	if len(f.Fields("providers", name, "cordon")) > 0 {
		return did, f.Set(reason, "providers", name, "cordon", "reason")
	}
	return did, f.Set(Struct{{"reason", reason}}, "providers", name, "cordon")
}

// Uncordon ends that.
func (f *Files) Uncordon(name string) (did string, err error) {
	return fmt.Sprintf("provider %s is not cordoned any more", name), f.Remove("providers", name, "cordon")
}

// Allow puts an organization on the allowlist of a provider; grant is true, or a Struct with reason and until. In the
// built-in provider is who does not opt out.
func (f *Files) Allow(organization, provider string, grant any) (did string, err error) {
	did = fmt.Sprintf("organization %s may create environments in provider %s", organization, provider)
	if provider == builtIn {
		if opted := f.Fields("organizations", organization, "builtInProvider"); len(opted) > 0 {
			return did, f.Remove("organizations", organization, "builtInProvider")
		}
	}
	return did, f.Set(grant, "allowlists", provider, organization)
}

// Disallow takes an organization off it.
func (f *Files) Disallow(organization, provider string) (did string, err error) {
	did = fmt.Sprintf("organization %s may not create environments in provider %s any more", organization, provider)
	if err := f.Remove("allowlists", provider, organization); err != nil || provider != builtIn {
		return did, err
	}
	return did, f.Set(false, "organizations", organization, "builtInProvider")
}

// Default makes a provider the one that is pre-selected.
func (f *Files) Default(provider string) (did string, err error) {
	return fmt.Sprintf("provider %s is the default", provider), f.Set(provider, deployment, "defaultProvider")
}

// unwritten says that something is declared, but made by something else.
func unwritten(collection, name, do string) error {
	return schema.Errors{{Path: collection + "." + name, Message: "is not written out in any file: find what makes it, and " + do}}
}

// names are the names that are written out in a collection, sorted.
func (f *Files) names(collection string) []string {
	var out []string
	for _, one := range f.Fields(collection) {
		out = append(out, labels(one.node.Value)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
