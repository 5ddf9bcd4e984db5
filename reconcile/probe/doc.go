// Package probe looks at access URLs from where this program runs: whether their hosts get addresses, and
// whether what is there answers as a deployment that is well.
//
// The change of an access URL depends on what it says, so it takes nothing for granted: each look resolves the
// host anew, opens a connection of its own, verifies its certificate, follows no redirect (one to the previous
// URL would pass for an answer of the new one) and waits a few seconds at most. The URL that is changed from is
// said to be lost after some looks in a row only: one lost packet is no outage. The one that is changed to is at
// the first look that fails, since providers are being given it: which is which, Prober.Watch is told. Of a URL
// that is lost, it stays known which deployment answered there.
//
// Why there is no answer has the same words for the same cause: what differs is news, and makes messages, log
// lines and commit statuses change.
//
// What an answer says of its deployment is taken from where Coder says it: of a JSON object the fields version,
// deployment_id and dashboard_url (which is the access URL that the deployment uses; access_url is understood
// too), of the headers Coder-Version and X-Coder-Build-Version. An answer that says nothing is an answer all
// the same.
//
// Judging is left to package reconcile.
package probe
