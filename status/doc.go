// Package status tells people and machines what a reconcile.Report says: as a status for each provider,
// as statuses on the commit, as metrics, over HTTP, as tables and plans in text, and as log lines.
//
// What decides is pure (Providers, Lines, PlanJSON, PlanText, PlanMarkdown, Table, Explain): a report in,
// words out. What has effects is a reconcile.Reporter: Poster, Metrics, Web, Log and Progress. A Reporter
// may be given reports by several goroutines; the last one given counts.
//
// # The status of a provider
//
// A provider is Pending, Ready or Error. Each of its releases has a status, and the provider has the
// worst of them. The first row that fits decides; "wanted" is the digest the release should carry.
//
//	cluster      release                                   status   message
//	not seen     any                                       Pending  cluster … was not looked at yet
//	unreachable  any                                       Error    cluster … cannot be reached: …
//	reachable    last attempt failed, not in sync          Error    of the attempt
//	reachable    stored revision cannot be read            Error    the stored release cannot be read: …
//	reachable    wanted was tried and failed               Error    of the attempt
//	reachable    not there                                 Pending  not installed yet
//	reachable    somebody else's                           Pending  of the hold
//	reachable    left pending, or being uninstalled        Pending  …
//	reachable    not declared, being removed               Pending  …
//	reachable    not wanted                                Pending  waits for the update
//	reachable    wanted, objects unhealthy                 Error    of the failing object
//	reachable    wanted, objects progressing or unseen     Pending  of the object it waits for
//	reachable    wanted, objects healthy                   Ready
//
// What guards a provider, and each organization's place on its allowlist, is part of it and no release: the
// provider is not applied while one of them acts or waits for progress, and is in Error where one failed.
//
// A provider without releases (the built-in one) is Ready when its cluster answers and holds what the
// provider needs, Pending when something is lacking. Ready without any declared evidence (ready: http or
// create) is shown as "Ready (unverified)". Holds stand beside the status and do not change it.
//
// # Commit statuses
//
// Lines says what stands on a commit, and Poster sees to it that it does. Of a report that is narrowed to a
// part, there are lines of its clusters and none of the whole. Where statuses go to is itself
// declared, so that before any revision was valid nothing is posted; what is wrong with such a revision is
// posted once one is valid, and until then stands in the log, in the metric config_valid and in
// /api/v1/status. Its context then is the deployment's, if the name is written out in it, else
// "reconcile/apply".
//
// # Pull requests
//
// ProposalLine, ProposalSummary and ProposalMarkdown say what merging a request would do: as the status of its head, in
// the words of the domain, and as its one comment. Poster sees to it that both stand, by way of a Forge that has
// Requests; what is merged comes first. Web keeps the plan in full, and lays what was shown beside what was done.
//
// # Who sees what
//
// Whoever asks is a Viewer in the context of his request; package signin puts him there. Each Route says for whom it is,
// and what it answers comes from a View, which leaves out what is not for him: pages, what keeps them up to date and the
// API have no other way to a document.
package status
