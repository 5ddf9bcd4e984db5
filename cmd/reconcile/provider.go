package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/workspace-providers/reconcile/reconcile/kube"
	"github.com/workspace-providers/reconcile/schema"
	"github.com/workspace-providers/reconcile/schema/edit"
)

// newProvider makes `reconcile provider`.
func newProvider(s *settings, io *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use: "provider", Short: "Create, change and remove providers, by editing their declarations",
		Args: commandOnly,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newProviderCreate(s, io), newProviderRemove(s, io), newProviderRename(s, io), newProviderCordon(s, io),
		newProviderUncordon(s, io), newProviderAllow(s, io), newProviderDisallow(s, io), newProviderDefault(s, io),
		newProviderBootstrap(s, io), newProviderList(s, io), newProviderShow(s, io))
	return cmd
}

// commandOnly are the arguments of what only has commands below it: none. Which one is meant is said as far as it can
// be told.
func commandOnly(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2 // letters that are wrong
	meant := "see " + cmd.CommandPath() + " --help"
	if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
		meant = "is " + strings.Join(like, " or ") + " meant?"
	}
	return fmt.Errorf("unknown command %q for %q: %s", args[0], cmd.CommandPath(), meant)
}

// edits makes cmd a command that edits: what says what, from its arguments.
func (s *settings) edits(io *streams, cmd *cobra.Command, what func(args []string) editing) *cobra.Command {
	e := &editor{settings: s}
	cmd.Long = strings.TrimSpace(cmd.Long + editingHelp)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return e.edit(cmd.Context(), io, what(args)) }
	e.addFlags(cmd)
	return cmd
}

func newProviderRename(s *settings, io *streams) *cobra.Command {
	return s.edits(io, &cobra.Command{
		Use: "rename OLD NEW", Short: "Give a provider another name; it keeps its releases and environments",
		Long: "rename gives a provider another name: where it is declared, on its allowlist, and where it is named as a\n" +
			"default. The old name stands under previousNames, by which its releases are found: they are not made anew.",
		Example: "  reconcile provider rename frankfurt eu-central --pr",
		Args:    cobra.ExactArgs(2), ValidArgsFunction: s.completes(providerNames),
	}, func(args []string) editing {
		return editing{
			provider: args[0],
			change:   func(f *edit.Files) (string, error) { return f.RenameProvider(args[0], args[1]) },
			check:    renamed(args[0]),
			message:  fmt.Sprintf("Rename provider %s to %s", args[0], args[1]),
			watch:    "reconcile explain " + args[1],
		}
	})
}

// renamed checks that a provider is not there by its old name any more.
func renamed(from string) func(before, after schema.Config) error {
	return func(_, after schema.Config) error {
		if _, still := after.Providers[from]; still {
			return leftOver(after, "providers", from)
		}
		return nil
	}
}

func newProviderCordon(s *settings, io *streams) *cobra.Command {
	var reason string
	cmd := s.edits(io, &cobra.Command{
		Use: "cordon PROVIDER --reason REASON", Short: "Refuse new environments of everybody in a provider",
		Long:    "cordon refuses new environments of everybody in a provider, and says why. Those that are there go on.",
		Example: "  reconcile provider cordon frankfurt --reason \"it moves\" --commit",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: s.completes(providerNames),
	}, func(args []string) editing {
		return editing{
			provider: args[0],
			change: func(f *edit.Files) (string, error) {
				if strings.TrimSpace(reason) == "" {
					return "", errors.New("cordon: say why with --reason; everybody who is refused is told")
				}
				return f.Cordon(args[0], reason)
			},
			message: fmt.Sprintf("Cordon provider %s: %s", args[0], reason),
			watch:   "reconcile explain " + args[0],
		}
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why; everybody who is refused is told")
	return cmd
}

func newProviderUncordon(s *settings, io *streams) *cobra.Command {
	return s.edits(io, &cobra.Command{
		Use: "uncordon PROVIDER", Short: "End a cordon",
		Example: "  reconcile provider uncordon frankfurt --commit",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: s.completes(providerNames),
	}, func(args []string) editing {
		return editing{
			provider: args[0],
			change:   func(f *edit.Files) (string, error) { return f.Uncordon(args[0]) },
			check: func(_, after schema.Config) error {
				if after.Providers[args[0]].Cordon != nil {
					return leftOver(after, "providers", args[0], "cordon")
				}
				return nil
			},
			message: "Uncordon provider " + args[0],
			watch:   "reconcile explain " + args[0],
		}
	})
}

const allowHelp = `allow puts an organization on the allowlist of a provider: from then on it may create environments there. With
--until that ends by itself.`

func newProviderAllow(s *settings, io *streams) *cobra.Command {
	var reason, until string
	cmd := s.edits(io, &cobra.Command{
		Use: "allow ORGANIZATION PROVIDER", Short: "Let an organization create environments in a provider",
		Long:    allowHelp,
		Example: "  reconcile provider allow sales frankfurt --pr\n  reconcile provider allow sales frankfurt --until 2027-01-31T18:00:00Z --reason audit",
		Args:    cobra.ExactArgs(2), ValidArgsFunction: s.completes(organizationNames, providerNames),
	}, func(args []string) editing {
		return editing{
			provider: args[1], organization: args[0],
			change: func(f *edit.Files) (string, error) {
				grant, err := grantOf(reason, until, time.Now())
				if err != nil {
					return "", err
				}
				return f.Allow(args[0], args[1], grant)
			},
			check: func(_, after schema.Config) error {
				if !slices.Contains(after.Allowed(args[1]), args[0]) {
					return fmt.Errorf("organization %q may not use provider %q all the same", args[0], args[1])
				}
				return nil
			},
			message: fmt.Sprintf("Allow %s in provider %s", args[0], args[1]),
			watch:   "reconcile explain " + args[1],
		}
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why; stands beside the grant")
	cmd.Flags().StringVar(&until, "until", "", "`time` at which the grant ends, such as 2027-01-31T18:00:00Z; a duration, such as 72h, counts from now")
	return cmd
}

// grantOf is what is written on an allowlist.
func grantOf(reason, until string, now time.Time) (any, error) {
	if until != "" {
		end, err := time.Parse(time.RFC3339, until)
		if d, derr := time.ParseDuration(until); derr == nil {
			end, err = now.Add(d), nil
			until = end.UTC().Format(time.RFC3339)
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("--until %q: it must be a time, such as 2027-01-31T18:00:00Z, or a duration from now, such as 48h", until)
		case !end.After(now):
			return nil, fmt.Errorf("--until %s: that is over; to take the organization off the allowlist, use disallow", until)
		}
	}
	var grant edit.Struct
	for _, m := range []edit.Member{{Name: "reason", Value: reason}, {Name: "until", Value: until}} {
		if m.Value != "" {
			grant = append(grant, m)
		}
	}
	if len(grant) == 0 {
		return true, nil
	}
	return grant, nil
}

const disallowHelp = `disallow takes an organization off the allowlist of a provider. While it has environments there, that is held
(occupied): nobody new comes in once the last one is gone.`

func newProviderDisallow(s *settings, io *streams) *cobra.Command {
	var more limit
	cmd := s.edits(io, &cobra.Command{
		Use: "disallow ORGANIZATION PROVIDER", Short: "Take an organization off the allowlist of a provider",
		Long:    disallowHelp,
		Example: "  reconcile provider disallow sales frankfurt --pr",
		Args:    cobra.ExactArgs(2), ValidArgsFunction: s.completes(organizationNames, providerNames),
	}, func(args []string) editing {
		return editing{
			provider: args[1], organization: args[0],
			change: func(f *edit.Files) (string, error) {
				did, err := f.Disallow(args[0], args[1])
				return did, errors.Join(err, more.raise(f, fmt.Sprintf("%s leaves %s", args[0], args[1])))
			},
			check: func(_, after schema.Config) error {
				if slices.Contains(after.Allowed(args[1]), args[0]) {
					return leftOver(after, "allowlists", args[1], args[0])
				}
				return nil
			},
			message: fmt.Sprintf("Disallow %s in provider %s", args[0], args[1]),
			watch:   "reconcile explain " + args[1],
		}
	})
	more.addFlag(cmd)
	return cmd
}

func newProviderDefault(s *settings, io *streams) *cobra.Command {
	return s.edits(io, &cobra.Command{
		Use: "default PROVIDER", Short: "Make a provider the one that is pre-selected for new environments",
		Example: "  reconcile provider default frankfurt\n  reconcile provider default " + kube.BuiltIn,
		Args:    cobra.ExactArgs(1), ValidArgsFunction: s.completes(providerNames),
	}, func(args []string) editing {
		return editing{
			provider: args[0],
			change:   func(f *edit.Files) (string, error) { return f.Default(args[0]) },
			message:  fmt.Sprintf("Make %s the default provider", args[0]),
			watch:    "reconcile status",
		}
	})
}

// leftOver is the mistake of something that is declared in another way, too, such as by a pattern or a loop.
func leftOver(cfg schema.Config, path ...string) error {
	at := cfg.Positions[strings.Join(path, ".")]
	if at.File == "" {
		at = cfg.Positions[strings.Join(path[:2], ".")]
	}
	return schema.Errors{{Position: at, Path: strings.Join(path, "."),
		Message: "is made by something else, too, such as a pattern or a loop: change that by hand"}}
}

// limit is how much may go at once, where that is more than usual.
type limit int

func (l *limit) addFlag(cmd *cobra.Command) {
	cmd.Flags().IntVar((*int)(l), "raise-limit", 0, "declare that so `many` providers, counted by organization, may go within the next hour")
}

// raise declares it, for an hour.
func (l limit) raise(f *edit.Files, reason string) error {
	if l <= 0 {
		return nil
	}
	return f.Set(edit.Struct{
		{Name: "max", Value: int(l)}, {Name: "until", Value: time.Now().Add(time.Hour).UTC().Format(time.RFC3339)},
		{Name: "reason", Value: reason},
	}, "deployment", "deletion", "raised")
}
