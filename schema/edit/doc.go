// Package edit changes declarations in place, as somebody with an editor would: a few bytes at the places that
// CUE's syntax gives, and everything else, comments above all, stays as it is.
//
//	fs.FS ─► Read ─► Files.Fields ─► Field.SetText, Field.Add ─► Files.Changes ─► Write
//	                                                                  └─► Files.Tree, for schema.Load
//
// What to change, and when not to, is said by one function for each command, such as SetAccessURL. It changes only
// what is written out: a value that is computed, or stands in several places, is left to a person, who is told where.
//
// Files.Changes applies what was asked for. A file that was as cue fmt leaves it is so again afterwards; in any other
// the layout is its owner's. Nothing is on disk before Write: whoever calls it loads Files.Tree before, so that
// nothing is written that is not valid.
//
// Only CUE files are changed. The package knows syntax, and leaves values and rules to package schema.
package edit
