package reconcile

import (
	"slices"
	"time"
)

// ProviderWant is what a declaration says of a provider as a whole: for those who tell about it, and for
// the plan who may create environments there. One that is part of the deployment (the built-in provider)
// has no item.
type ProviderWant struct {
	Cluster       string
	Namespace     string
	Default       bool       // pre-selected for a new environment
	Cordoned      string     // why no new environment may be created there; empty: they may
	BuiltIn       bool       // it is part of the deployment and has no release
	Ready         ReadyCheck // evidence wanted of one that has no release
	Organizations []string   // that may create new environments there, sorted

	Until     map[string]time.Time // when an organization's grant ends; absent: never
	Suspended string               // reason why nobody may change it now; empty: they may
	Previous  []string             // former keys, sorted
	Deletion  Policy               // what happens to it when it is not declared any more
	Admission *Admission           // what guards it; nil: nothing does

	DisplayName string // these four are for people
	Description string
	Region      string
	Address     string // where its developers reach it, with scheme
}

// OrganizationWant is what a declaration says of an organization, for those who tell about it.
type OrganizationWant struct {
	DisplayName string
	Default     string // the provider that is pre-selected for its new environments
}

// Place is where something is declared.
type Place struct {
	File string // relative to the declarations' directory, with slashes
	Line int    // from 1
}

// needsDoor says whether somebody is to be let in or kept out.
func (p ProviderWant) needsDoor() bool {
	return p.Admission.Mode != EnforceOff || len(p.Organizations) > 0
}

// allows says whether an organization may create environments in the provider now.
func (p ProviderWant) allows(organization string, now time.Time) bool {
	until, ends := p.Until[organization]
	_, listed := slices.BinarySearch(p.Organizations, organization)
	return listed && (!ends || now.Before(until))
}

// Allowed are the organizations that may create environments there now, sorted.
func (p ProviderWant) Allowed(now time.Time) []string {
	return slices.DeleteFunc(slices.Clone(p.Organizations), func(name string) bool { return !p.allows(name, now) })
}
