// Package charts holds the example charts, so that a new repository can begin with one.
package charts

import "embed"

// Files are the charts, each in a directory of its name.
//
//go:embed all:workspace-provider all:provisioner
var Files embed.FS
