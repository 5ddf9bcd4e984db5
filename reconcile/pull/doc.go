// Package pull plans open pull requests: what would happen on every cluster if one was merged now.
//
//	forge: open requests ──► git: their heads ──► queue ──► merge with the base ──► worker: evaluate, render
//	                                                │                                      │
//	newest report: what is live ────────────────────┴──────────────────────────────► Foresee, Rehearse ──► Proposal
//
// A plan is made anew when the head or the base of a request moves, and when the clusters do: then the proposal says
// what moved. While nothing moves, nothing is made and nobody is asked but the forge.
//
// A request is somebody's. It is evaluated and rendered in the limited worker, one at a time, in turns by author, so
// that whoever opens a thousand waits for himself; its newest head counts and no other, and what is under way for
// an older one is ended. Nothing of it reaches a cluster.
//
// What becomes of a Proposal (statuses, comments, pages) is left to others.
package pull
