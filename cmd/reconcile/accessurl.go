package main

import (
	"github.com/spf13/cobra"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/schema/edit"
	"github.com/workspace-providers/reconcile/status"
)

// newAccessURL makes `reconcile access-url`.
func newAccessURL(s *settings, io *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use: "access-url", Short: "Change the access URL of the deployment, and show how far that is",
		Args: commandOnly,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAccessURLSet(s, io), newAccessURLStatus(s, io))
	return cmd
}

const accessURLStatusHelp = `status shows in which phase a change of the access URL is, with what is known of each, and which providers have
the old one and which the new one. It looks at both URLs from here, and at the clusters:

  resolving     the new URL's host gets an address
  answering     it answers as the same deployment
  switching     the deployment itself uses it, as its answer or deployment.health.confirmed says
  redeploying   providers are given it, wave by wave
  confirming    each is Ready with it, and no environment that ran before is gone
  retirable     nobody needs the previous URL any more: previousAccessURL may be taken out`

// newAccessURLStatus makes `reconcile access-url status`.
func newAccessURLStatus(s *settings, io *streams) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show how far a change of the access URL is",
		Long:    accessURLStatusHelp,
		Example: "  reconcile access-url status --repo https://git.example.com/acme/providers.git\n  reconcile access-url status -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.tell(cmd.Context(), io, func(r reconcile.Report) (string, any, error) {
				doc := status.AccessURL(r)
				return doc.Text(), doc, nil
			})
		},
	}
}

const accessURLSetHelp = `set edits the declarations in --dir: deployment.accessURL becomes the URL, and
deployment.previousAccessURL the one that was there. Layout and comments stay. What it makes is checked as vet
does before anything is written, and shown; commit it and push it. It needs no cluster and no network.

While a change is under way, that is until previousAccessURL is taken out again, nothing but the previous URL
can be set: then the change goes back.`

// newAccessURLSet makes `reconcile access-url set`.
func newAccessURLSet(s *settings, io *streams) *cobra.Command {
	e := &editor{settings: s}
	cmd := &cobra.Command{
		Use: "set URL", Short: "Declare another access URL, in the files of --dir",
		Long:    accessURLSetHelp,
		Example: "  reconcile access-url set https://coder.example.com",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.edit(cmd.Context(), io, editing{
				change:  func(f *edit.Files) (string, error) { return f.SetAccessURL(args[0]) },
				message: "Change the access URL to " + args[0],
				watch:   "reconcile access-url status",
			})
		},
	}
	e.addFlags(cmd)
	return cmd
}
