// Package signin finds out who asks, before package status says what he may see.
//
// Everything about it is in the folder page/ of the credentials, and what changes there counts at once:
//
//	token         tokens, one a line: whoever has one is in the group "token"
//	users         htpasswd -B: whoever knows the password of ada is in the group "user:ada"
//	signin.yaml   roles, an OIDC issuer, a proxy that is trusted; YAML or JSON
//	oidc-secret   of our client at the issuer
//	proxy-secret  that the proxy sends along, so that nobody else in its network is taken for it
//	session-key   32 bytes or more, for several replicas to know each other's sessions; else each makes up its own
//
// A request is of whom the first of these says: the headers of a proxy in a trusted network, Authorization (Bearer or
// Basic), the session in a cookie. Each gives a name and groups, and roles say which organizations' members these are;
// nobody is anything beyond that. Where no way to sign in is configured, everybody sees everything, which is for
// loopback; what listens elsewhere asks Gate.Asks first.
//
// A session holds what it was begun with, and ends with it: with the token, the line of the user, the issuer's
// configuration. It is encrypted and authenticated, and no one but us reads it. The groups that an issuer told last as
// long as the session; which roles they are of is looked up at each request.
//
// Files with a mistake are an error at the start. Later, what was read before stays in force.
package signin
