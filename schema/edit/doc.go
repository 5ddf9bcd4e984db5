// Package edit changes declarations in place, as somebody with an editor would: a few bytes at the places that
// CUE's syntax gives, and everything else, comments above all, stays as it is.
//
//	fs.FS ─► Read ─► Files.Set, Files.Remove, Files.Rename ─► Files.Changes ─► Write
//	                                                                └─► Files.Tree, for schema.Load
//
// What to change, and when not to, is said by one function for each command, such as SetAccessURL or RenameProvider.
// It changes only what is written out: a value that is computed, or stands in several places, is left to a person, who
// is told where.
//
// Data files are edited like CUE, each in its language: a file is read to one kind of syntax tree, whose places are
// those of its own bytes, and language says how something is written there. A data file that holds nothing any more
// goes; a new entry gets a file of its own where its collection consists of such.
//
// Files.Changes applies what was asked for. A CUE file that was as cue fmt leaves it is so again afterwards; in any
// other the layout is its owner's. Nothing is on disk before Write: whoever calls it loads Files.Tree before, so that
// nothing is written that is not valid.
//
// The package knows syntax, and leaves values and rules to package schema.
package edit
