// Package trace tells a collector of OpenTelemetry traces what the daemon does, and how long it takes. It stands
// at the seams: each port of the loop, and each part that reads declarations, is wrapped in one that does the
// same and notes it. Those that are wrapped know nothing of it.
//
//	reconcile     a new revision was read, up to the first plan for it
//	├─ fetch      the repository or directory was asked for the newest revision
//	├─ evaluate   the worker evaluated declarations: those of the revision, then of older ones if it is not valid
//	├─ resolve    a chart was looked for
//	├─ plan       what is declared was compared with what is live, and the plan is another than before
//	├─ render     the worker rendered charts for one cluster
//	└─ apply      an action was carried out; one that another process, a freeze or a newer release stopped has no error
//
// # What is one trace
//
// A trace is about one revision. What is begun for it within a quarter of an hour belongs to the trace; what comes
// later, because something drifted or a wave had its turn, makes a trace of its own, which links to the one before.
// So traces are short enough for those who keep them, and all that was done for a revision is found by
// reconcile.revision. The first span ends with the first plan; others go on after it.
//
// A look that found what was there before, and went well, is no trace: there is one each interval. One that failed
// is, and one whose newest revision is not valid, once.
//
// Each plan for a pull request that is made, or made anew, is a trace of its own, found by reconcile.request. To hold one
// that was shown against what is live, and find that it holds, is none.
//
//	propose       a plan was made of what merging a request would do; its counts, or what is wrong with the request
//	├─ evaluate   the worker evaluated what merging declares
//	├─ resolve    a chart was looked for
//	└─ render     the worker rendered charts for one cluster
//
// # What is told
//
// Names of what is declared, ops, reasons and counts; never values, manifests, differences, or what the process was
// started with. An error is the first line of its message, as in the log.
//
// # Off, and when nobody listens
//
// Without an endpoint in the environment there is no [Tracer], and nothing is wrapped. With one, spans wait in a
// queue of bounded length for a goroutine that sends them. Where the collector hangs or is gone, the queue is full
// and what is new is dropped: nobody ever waits for it, but for [Tracer.Close], which does for a moment.
//
// The exporter is otlptrace with an HTTP client of our own, since the stock one for HTTP links all of gRPC, for
// one message that needs nothing of it.
package trace
