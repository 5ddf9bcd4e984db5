// Package install is the chart of the daemon, for programs that make what it says: the account that the daemon needs in
// a cluster. People install it as it is, with Helm.
package install

import "embed"

// Chart is the chart, in the folder "reconcile".
//
//go:embed all:reconcile
var Chart embed.FS
