package main

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/workspace-providers/reconcile/schema"
)

// listing lists what may stand in a place of the command line, from the declarations.
type listing func(schema.Config) []string

func providerNames(cfg schema.Config) []string     { return sortedNames(cfg.Providers) }
func clusterNames(cfg schema.Config) []string      { return sortedNames(cfg.Clusters) }
func organizationNames(cfg schema.Config) []string { return sortedNames(cfg.Organizations) }

// completes completes arguments, each by its own names. Where the declarations are not valid there is nothing to offer.
func (s *settings) completes(each ...listing) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= len(each) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		cfg, err := s.evaluate(cmd.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return each[len(args)](cfg), cobra.ShellCompDirectiveNoFileComp
	}
}

// completesAny completes any number of arguments by the same names, each once.
func (s *settings) completesAny(some listing) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		cfg, err := s.evaluate(cmd.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		all := slices.DeleteFunc(some(cfg), func(name string) bool { return slices.Contains(args, name) })
		return all, cobra.ShellCompDirectiveNoFileComp
	}
}

// fixed completes a flag by words from a closed list.
func fixed(words ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

// completeFlags completes the values of flags. What has none of them is left alone.
func (s *settings) completeFlags(cmd *cobra.Command, of map[string]cobra.CompletionFunc) {
	for name, complete := range of {
		if err := cmd.RegisterFlagCompletionFunc(name, complete); err != nil {
			panic(err) // there is no such flag: a mistake in this program
		}
	}
}
