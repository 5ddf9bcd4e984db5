// Package charts finds Helm charts and renders them safely.
//
// A [Store] turns a declared chart ([Ref]) into a [reconcile.Chart] whose digest is known, and a digest into
// the bytes of the archive. Charts come from a directory beside the declarations, from an HTTP(S) chart
// repository and from an OCI registry. The Store is the only part of this package with a network, a disk
// or a clock.
//
//	Ref ── Store.Resolve ──► reconcile.Chart{Digest} ── Store.Archive ──► []byte ── Render ──► Rendered ── Diff ──► text
//
// [Scan] looks at an archive before Helm's loader does and bounds what it may hold. [Load] scans and loads.
// [Render] is a pure function; since neither templates nor schemas have a bound of their own on time and
// memory, it is meant to run in a limited child process, which [RenderJSON] makes easy: bytes in, bytes out.
// [Diff] and [DiffValues] say what changes, field by field, with secrets masked.
//
// The package leaves to others: limits on the process, values from Secrets, and everything that talks to a
// cluster.
package charts
