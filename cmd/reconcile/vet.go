package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/workspace-providers/reconcile/reconcile/source"
	"github.com/workspace-providers/reconcile/reconcile/worker"
	"github.com/workspace-providers/reconcile/schema"
)

// newVet makes `reconcile vet`.
func newVet(s *settings, io *streams) *cobra.Command {
	var explain string
	cmd := &cobra.Command{
		Use: "vet [DIR]", Short: "Check declarations; needs no cluster",
		Long: "vet reads declarations and says everything that is wrong with them, as file:line:col. It needs no\n" +
			"cluster and no network. With --explain it also says where each value of a provider comes from.",
		Example: "  reconcile vet\n  reconcile vet --explain frankfurt ./providers",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				s.dir = args[0]
			}
			return s.vet(cmd.Context(), io, explain)
		},
	}
	cmd.Flags().StringVar(&explain, "explain", "", "say where each value of this `provider` comes from")
	return cmd
}

func (s *settings) vet(ctx context.Context, io *streams, explain string) error {
	cfg, err := s.evaluate(ctx)
	var invalid schema.Errors
	switch {
	case errors.As(err, &invalid):
		fmt.Fprintln(io.err, invalid.Error())
		return exit(exitError)
	case err != nil:
		return err
	}
	for _, w := range cfg.Warnings {
		fmt.Fprintln(io.err, "warning:", w.Error())
	}
	if explain == "" {
		fmt.Fprintf(io.out, "%s: %d providers, %d organizations, %d clusters: all is well\n",
			cfg.Deployment.Name, len(cfg.Providers), len(cfg.Organizations), len(cfg.Clusters))
		return nil
	}
	if _, there := cfg.Providers[explain]; !there {
		return fmt.Errorf("no provider %q is declared", explain)
	}
	for _, line := range schema.Explain(cfg, explain) {
		fmt.Fprintln(io.out, line)
	}
	return nil
}

// evaluate evaluates the newest declarations.
func (s *settings) evaluate(ctx context.Context) (schema.Config, error) {
	cfg, _, err := s.withCharts(ctx)
	return cfg, err
}

// withCharts evaluates the newest declarations, and says where the charts beside them are.
func (s *settings) withCharts(ctx context.Context) (schema.Config, fs.FS, error) {
	p := &parts{settings: s}
	origin, err := p.origin()
	if err != nil {
		return schema.Config{}, nil, err
	}
	head, err := origin.Head(ctx)
	if err != nil {
		return schema.Config{}, nil, err
	}
	tree, err := origin.Declarations(head.SHA)
	if err != nil {
		return schema.Config{}, nil, err
	}
	cfg, err := source.Evaluator(&worker.Pool{})(ctx, tree)
	if err != nil {
		return schema.Config{}, nil, err
	}
	beside, err := origin.Charts(head.SHA)
	return cfg, beside, err
}
