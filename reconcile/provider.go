package reconcile

// ProviderWant is what a declaration says of a provider as a whole, for those who tell about it. The
// plan does not look at it: what has to happen to a provider is in its items, and one that is part of
// the deployment (the built-in provider) has none.
type ProviderWant struct {
	Cluster       string
	Namespace     string
	Default       bool       // pre-selected for a new environment
	Cordoned      string     // why no new environment may be created there; empty: they may
	BuiltIn       bool       // it is part of the deployment and has no release
	Ready         ReadyCheck // evidence wanted of one that has no release
	Organizations []string   // that may create new environments there, sorted
}
