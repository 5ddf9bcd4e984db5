package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/workspace-providers/reconcile/status"
)

// What a release is built with says which it is; everything else is "dev".
var (
	version = "dev"
	commit  = ""
)

// versionDoc is what `reconcile version -o json` writes.
type versionDoc struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"` // empty: the program does not know
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// newVersion makes `reconcile version`.
func newVersion(s *settings, io *streams) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show the version", Args: cobra.NoArgs,
		Long: "version shows which release this is, the commit that it was built from, the version of Go, and the platform.\n" +
			"A program that was not built as a release is \"dev\".",
		Example: "  reconcile version\n  reconcile version -o json",
		RunE: func(*cobra.Command, []string) error {
			b := build()
			doc := versionDoc{b.Version, b.Revision, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			if s.output == "json" {
				enc := json.NewEncoder(io.out)
				enc.SetIndent("", "  ")
				return enc.Encode(doc)
			}
			from := ""
			if doc.Commit != "" {
				from = " of commit " + doc.Commit
			}
			_, err := fmt.Fprintf(io.out, "reconcile %s%s, %s, %s\n", doc.Version, from, doc.Go, doc.Platform)
			return err
		},
	}
}

// build says what this program was built from. A release is told its commit; where the go command was left to note it,
// that is known as well.
func build() status.Build {
	out := status.Build{Version: version, Revision: commit}
	if info, ok := debug.ReadBuildInfo(); ok && commit == "" {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				out.Revision = s.Value
			}
		}
	}
	return out
}
