// Package page is what people look at: pages over the documents of package status, for browsers and without demands on
// them. It asks no cluster and changes nothing; where something is to be changed, it says in which file and line, or by
// which command.
//
// Every page is made whole by the server from html/template, and is of use without JavaScript: filters, order and groups
// are in the query, a row expands by a form. The script makes the same quicker and keeps the page up to date:
//
//	GET /                     overview           rows of providers, cached as HTML (board)
//	GET /providers/<name>     a provider         also as the part that a row expands to
//	GET /rollout              the wall of waves
//	GET /clusters /organizations /organizations/<name> /revisions /revisions/<sha>
//	GET /live?of=<page>       server-sent events: what of a page is another by now
//	GET /assets/<name>        style, script, icon; embedded
//
// SignIn shows where people sign in, which is all that a stranger sees.
//
// Everything shown is what status.View has for whoever looks, and what is kept of it is kept for those who see the same.
//
// What comes from clusters, commits and people is untrusted. It goes through html/template, shortened, and every answer
// forbids by its Content-Security-Policy whatever is not from here: no script or style in a page, no other host.
package page
