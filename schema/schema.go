package schema

import _ "embed"

// source is schema.cue.
//
//go:embed schema.cue
var source string

// Schema returns the text of schema.cue, for editors and documentation.
func Schema() string { return source }
