// Package webhook hears from a forge that something was pushed or that a pull request changed, so that the
// repository is looked at now and not only when its time comes.
//
//	POST /webhooks/<forge> ─► signature? ─► length? ─► place? ─► secret ─► body ─► HMAC ─► event ─► new? ─► Poke
//	                             401          413        503    404, 401  413, 408  401     200     200     202
//
// A webhook carries no data: once its sender is known it is a hint "look now", and not a byte of its body is
// ever interpreted or kept. The body goes through an HMAC and is gone. The kind of the event is a header that
// nobody signs; it only decides whether to look, and looking does no harm. Nothing depends on a webhook: one that
// was lost, refused or forged a thousand times costs no more than the time until the repository is polled.
//
// Whoever has no secret can make the program hash at most eight bodies at a time, each within seconds, and
// leaves no trace in its memory; log lines say each kind of refusal once, until a delivery was accepted.
//
// # Deliveries that come again
//
// The last deliveries that were accepted are remembered, by their id and, where the forge signs, by the HMAC
// of the body, since GitHub and Gitea do not sign the id. What comes again is answered with 200 and changes
// nothing: a person who asks for a redelivery and a forge that tries again are no attackers, a forge may switch
// off a webhook that is refused, and what the delivery told of was looked at when it first came. A delivery
// that was not accepted is not remembered, so that it can be sent again.
//
// # What stays with others
//
// TLS, whoever listens. How often the repository is looked at, however many hints there are: Poke's owner.
package webhook
