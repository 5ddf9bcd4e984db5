// Package notify tells people of incidents where they are: in a chat that takes Slack's webhooks, or by signed
// webhooks in whatever else they have.
//
//	Report ──► find ──► tracker ──► receiver: what is open, less what it was told ──► HTTP
//	           pure     patience    receiver: …                                       │
//	                                     memory ◄─────────────────────────────────────┘ what it was told
//
// An incident is something that somebody should know of: a provider in Error, a cluster that does not answer,
// declarations that are not valid, a repository that cannot be read, something that waits for a person for long, a
// rollout that is halted, a freeze. There is one message for its begin and one for its end, however often it is seen
// in between. What comes and goes within its patience is none, and what comes back within moments did not end.
//
// # What is told
//
// No queue of messages is kept. Each receiver is told the difference between what is open now and what it was told
// before, everything of one moment in one message. So what waits for a receiver that is down is bounded by what is
// open, a receiver that comes back hears of what is and not of what was, and none of them delays another or the
// daemon. A delivery that failed is tried again, later and later, as long as there is something to tell.
//
// # What is not known ends nothing
//
// While a cluster does not answer, and after a start until it was looked at, what was open there stays so. What a
// receiver was told is remembered in a Memory, so that a process that is started again, or takes over from another
// replica, says neither again what was said nor misses an end. Where the memory was lost, what is open is told once
// more. A process that dies between a delivery and its note repeats that delivery, under the same id.
//
// # Secrets
//
// Where a receiver is, and the key that signs, come from the credentials and are read at each delivery. They are
// in no log line, no error and no message; what a receiver answers is not read.
package notify
