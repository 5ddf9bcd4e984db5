package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/status"
)

// newStatus makes `reconcile status`.
func newStatus(s *settings, io *streams) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show the providers as a table",
		Long:    "status looks at the clusters and shows every provider: whether it is Ready, and what holds it if it is held.",
		Example: "  reconcile status --repo https://git.example.com/acme/providers.git\n  reconcile status -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.tell(cmd.Context(), io, func(r reconcile.Report) (string, any, error) {
				all := status.Providers(r)
				return status.Table(all), all, nil
			})
		},
	}
}

// newExplain makes `reconcile explain`.
func newExplain(s *settings, io *streams) *cobra.Command {
	return &cobra.Command{
		Use: "explain PROVIDER", Short: "Say why a provider is as it is, and what would change that",
		Long: "explain looks at the clusters and says why a provider is as it is, what is planned for it, and what would end what\n" +
			"holds it. With -o json that is what the daemon answers as /api/v1/providers/PROVIDER, without what it saw since\n" +
			"it began.",
		Example: "  reconcile explain frankfurt\n  reconcile explain frankfurt -o json",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: s.completes(providerNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.tell(cmd.Context(), io, func(r reconcile.Report) (string, any, error) {
				text, err := status.Explain(r, args[0])
				page, _ := status.ProviderReport(r, args[0]) // which is there if that can be explained
				return text, page, err
			})
		},
	}
}

// newHistory makes `reconcile history`.
func newHistory(s *settings, io *streams) *cobra.Command {
	return &cobra.Command{
		Use: "history [PROVIDER]", Short: "Show what was done to providers, when, and by which revision",
		Long: "history shows what was done to the releases of a provider, or of all, newest first: when and why, which revision\n" +
			"of the declarations called for it and who wrote that, which revision of Helm's it made, and what came of it. It is\n" +
			"read from the records beside the releases, which keep the last twenty things of each; --audit-log keeps all.",
		Example: "  reconcile history frankfurt\n  reconcile history -o json",
		Args:    cobra.MaximumNArgs(1), ValidArgsFunction: s.completes(providerNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.tell(cmd.Context(), io, func(r reconcile.Report) (string, any, error) {
				all, err := status.History(r, strings.Join(args, ""))
				return status.HistoryTable(all), all, err
			})
		},
	}
}

// tell looks at everything and writes what view makes of it.
func (s *settings) tell(ctx context.Context, io *streams, view func(reconcile.Report) (string, any, error)) error {
	r, err := s.look(ctx, io)
	if blocks(err, r) {
		return err
	}
	text, doc, verr := view(r)
	switch {
	case verr != nil:
		return verr
	case s.output == "json":
		enc := json.NewEncoder(io.out)
		enc.SetIndent("", "  ")
		verr = enc.Encode(doc)
	default:
		_, verr = fmt.Fprint(io.out, text)
	}
	return errors.Join(verr, err)
}

// blocks says whether what is wrong leaves nothing to tell of or to act on: a cluster that does not answer and
// a newer revision that is not valid leave the rest.
func blocks(err error, r reconcile.Report) bool {
	return err != nil && (!errors.As(err, new(exit)) || r.Commit.SHA == "")
}

// newRetry makes `reconcile retry`.
func newRetry(s *settings, io *streams) *cobra.Command {
	return &cobra.Command{
		Use: "retry PROVIDER", Short: "Try again now what failed, was rolled back or backs off",
		Long: "retry asks whoever acts on the provider's cluster to try again now. The wish stands in the cluster\n" +
			"itself, beside the release, so that it reaches a daemon anywhere.",
		Example: "  reconcile retry frankfurt",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: s.completes(providerNames),
		RunE: func(cmd *cobra.Command, args []string) error { return s.retry(cmd.Context(), io, args[0]) },
	}
}

func (s *settings) retry(ctx context.Context, io *streams, provider string) error {
	r, p, err := s.lookOn(ctx, io)
	if p != nil {
		defer p.close()
	}
	if blocks(err, r) {
		return err
	}
	asked := 0
	for _, a := range r.Plan.Actions {
		if a.Provider != provider || a.ID.Kind != reconcile.KindRelease {
			continue
		}
		if err := p.fleet.Real(a.ID.Cluster).AskRetry(ctx, a.ID); err != nil {
			return err
		}
		asked++
		fmt.Fprintf(io.out, "%s is tried again\n", a.ID)
	}
	if asked == 0 {
		return fmt.Errorf("provider %q has no release to try again: see reconcile status", provider)
	}
	return nil
}
