package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/workspace-providers/reconcile/schema"
)

// declaredProvider is a provider as it is declared; nothing in it is asked of a cluster.
type declaredProvider struct {
	Name          string          `json:"name"`
	Default       bool            `json:"default"`
	Organizations []string        `json:"organizations"` // that may create environments there
	DeclaredAt    schema.Position `json:"declaredAt"`
	schema.Provider
}

func declaredProviders(cfg schema.Config) []declaredProvider {
	out := []declaredProvider{}
	for _, name := range sortedNames(cfg.Providers) {
		out = append(out, declaredProvider{
			Name: name, Default: name == cfg.Deployment.DefaultProvider,
			Organizations: append([]string{}, cfg.Allowed(name)...), DeclaredAt: cfg.Positions["providers."+name],
			Provider: cfg.Providers[name],
		})
	}
	return out
}

func newProviderList(s *settings, io *streams) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List the providers as they are declared; needs no cluster",
		Long:    "ls lists the providers as they are declared. How they are is what reconcile status shows.",
		Example: "  reconcile provider ls\n  reconcile provider ls -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := s.toList(cmd.Context())
			if err != nil {
				return err
			}
			all := declaredProviders(cfg)
			if s.output == "json" {
				return writeJSON(io, all)
			}
			return say(io, providerTable(all))
		},
	}
}

// toList are the declarations, to be listed in a way that there is.
func (s *settings) toList(ctx context.Context) (schema.Config, error) {
	if s.output != "text" && s.output != "json" {
		return schema.Config{}, fmt.Errorf("output %q: it must be text or json here", s.output)
	}
	return s.evaluate(ctx)
}

// providerTable is a line for each provider; a dash stands for what there is nothing of.
func providerTable(all []declaredProvider) string {
	var b strings.Builder
	out := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "NAME\tCLUSTER\tNAMESPACE\tHOSTNAME\tREGION\tALLOWLIST\tCORDONED")
	for _, p := range all {
		name, cordoned := p.Name, ""
		if p.Default {
			name += " (default)"
		}
		if p.Cordon != nil {
			cordoned = p.Cordon.Reason
		}
		row := []string{name, p.Cluster, p.Namespace, p.Hostname, p.Region, strings.Join(p.Organizations, ","), cordoned}
		for i, cell := range row {
			if cell == "" {
				row[i] = "-"
			}
		}
		fmt.Fprintln(out, strings.Join(row, "\t"))
	}
	_ = out.Flush() // a strings.Builder takes everything
	return b.String()
}

func newProviderShow(s *settings, io *streams) *cobra.Command {
	return &cobra.Command{
		Use: "show PROVIDER", Short: "Show what is declared for a provider, and where",
		Long: "show lists every value of a provider with the place that it comes from, and who may create environments\n" +
			"there. How it is, and why, is what reconcile explain says.",
		Example: "  reconcile provider show frankfurt",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: s.completes(providerNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := s.toList(cmd.Context())
			if err != nil {
				return err
			}
			all := declaredProviders(cfg)
			i := slices.IndexFunc(all, func(p declaredProvider) bool { return p.Name == args[0] })
			if i < 0 {
				return undeclared("provider", args[0], providerNames(cfg))
			}
			if s.output == "json" {
				return writeJSON(io, all[i])
			}
			return say(io, s.providerText(cfg, all[i]))
		},
	}
}

// providerText is a provider in words.
func (s *settings) providerText(cfg schema.Config, p declaredProvider) string {
	var b strings.Builder
	b.WriteString(p.Name)
	if p.Default {
		b.WriteString(" (default)")
	}
	if p.DeclaredAt.File == "" {
		b.WriteString(", which is there without being declared\n")
	} else {
		fmt.Fprintf(&b, ", declared in %s:%d\n", p.DeclaredAt.File, p.DeclaredAt.Line)
	}
	for _, line := range schema.Explain(cfg, p.Name) {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	b.WriteString("who may come in:\n")
	for _, o := range p.Organizations {
		fmt.Fprintf(&b, "  %s\n", granted(cfg, p.Name, o))
	}
	if len(p.Organizations) == 0 {
		fmt.Fprintf(&b, "  nobody: %s\n", s.here("reconcile provider allow ORGANIZATION "+p.Name))
	}
	return b.String()
}

// granted is an organization on an allowlist, with the place where it stands.
func granted(cfg schema.Config, provider, organization string) string {
	text := organization
	g := cfg.Allowlists[provider][organization]
	if g.Until != nil {
		text += " until " + g.Until.Format("2006-01-02 15:04 MST")
	}
	if g.Reason != "" {
		text += " (" + g.Reason + ")"
	}
	if at := cfg.Positions["allowlists."+provider+"."+organization]; at.File != "" {
		text += fmt.Sprintf("  # %s:%d", at.File, at.Line)
	}
	return text
}

func writeJSON(io *streams, doc any) error {
	enc := json.NewEncoder(io.out)
	enc.SetIndent("", "  ")
	return enc.Encode(doc)
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
