package main

import (
	"github.com/spf13/cobra"

	"github.com/workspace-providers/reconcile/schema/edit"
)

// newAccessURL makes `reconcile access-url`.
func newAccessURL(s *settings, io *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use: "access-url", Short: "Change the access URL of the deployment",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAccessURLSet(s, io))
	return cmd
}

const accessURLSetHelp = `set edits the declarations in --dir: deployment.accessURL becomes the URL, and
deployment.previousAccessURL the one that was there. Layout and comments stay. What it makes is checked as vet
does before anything is written, and shown; commit it and push it. It needs no cluster and no network.

While a change is under way, that is until previousAccessURL is taken out again, nothing but the previous URL
can be set: then the change goes back.`

// newAccessURLSet makes `reconcile access-url set`.
func newAccessURLSet(s *settings, io *streams) *cobra.Command {
	return &cobra.Command{
		Use: "set URL", Short: "Declare another access URL, in the files of --dir",
		Long:    accessURLSetHelp,
		Example: "  reconcile access-url set https://coder.example.com",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.edit(cmd.Context(), io, editing{
				change:  func(f *edit.Files) (string, error) { return f.SetAccessURL(args[0]) },
				message: "Change the access URL to " + args[0],
				watch:   "reconcile access-url status",
			})
		},
	}
}
