package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/workspace-providers/reconcile/schema"
	"github.com/workspace-providers/reconcile/schema/edit"
	"github.com/workspace-providers/reconcile/status"
)

const removeHelp = `rm takes a provider out of the declarations, with its allowlist, and says what would hold its removal. With
--policy it also declares what becomes of its releases:

  uninstall   they are removed, once no environment is left there
  orphan      they stay as they are, and are not ours any more
  forget      nothing is done: its cluster is gone for good

Without --policy the one counts that was declared when the provider was last applied (built in: block, which holds
it). Not more than a few may go at once, --raise-limit declares more. Clusters are asked for environments where --credentials, --clusters or --kubeconfig says how to reach them.`

func newProviderRemove(s *settings, io *streams) *cobra.Command {
	var policy, reason string
	var more limit
	cmd := s.edits(io, &cobra.Command{
		Use: "rm PROVIDER", Short: "Take a provider out, and say what would hold that", Long: removeHelp,
		Example: "  reconcile provider rm frankfurt --policy uninstall --reason \"replaced by munich\" --pr",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: s.completes(providerNames),
	}, func(args []string) editing {
		return editing{
			provider: args[0],
			change: func(f *edit.Files) (string, error) {
				if policy != "" && strings.TrimSpace(reason) == "" {
					return "", errors.New("rm: --policy needs a --reason, which stands beside it")
				}
				did, err := f.RemoveProvider(args[0], policy, reason)
				return did, errors.Join(err, more.raise(f, cmp.Or(reason, args[0]+" goes")))
			},
			check: removed(args[0]),
			after: func(ctx context.Context, before, _ schema.Config) string {
				return s.whatHolds(ctx, before, args[0], policy)
			},
			message: "Remove provider " + args[0],
			watch:   "reconcile status", // there is nothing left to explain
		}
	})
	f := cmd.Flags()
	f.StringVar(&policy, "policy", "", "what becomes of its releases: uninstall, orphan or forget")
	f.StringVar(&reason, "reason", "", "why; stands beside the policy")
	more.addFlag(cmd)
	s.completeFlags(cmd, map[string]cobra.CompletionFunc{"policy": fixed("uninstall", "orphan", "forget")})
	return cmd
}

// removed checks that a provider is not there any more.
func removed(name string) func(before, after schema.Config) error {
	return func(_, after schema.Config) error {
		if _, still := after.Providers[name]; still {
			return leftOver(after, "providers", name)
		}
		return nil
	}
}

// whatHolds says what would hold the removal of a provider, as far as it is known here.
func (s *settings) whatHolds(ctx context.Context, cfg schema.Config, name, policy string) string {
	var b strings.Builder
	p := cfg.Providers[name]
	switch {
	case policy == "" && p.Deletion.Policy == "block":
		b.WriteString("held (blocked): its deletion policy is block; remove it with --policy uninstall or orphan\n")
	case policy == "":
		fmt.Fprintf(&b, "its deletion policy is %s\n", p.Deletion.Policy)
	case policy == "forget":
		b.WriteString("nothing is done in its cluster; while that answers and has its releases, this is held (forgotten)\n")
	}
	b.WriteString(s.whoIsThere(ctx, name, policy))
	return b.String()
}

// whoIsThere says how many environments are in a provider, and what that means.
func (s *settings) whoIsThere(ctx context.Context, name, policy string) string {
	const waits = "held (occupied) while environments are there"
	if policy == "forget" {
		return ""
	}
	if s.credentials == "" && s.clusters == "" && s.kubeconfig == "" {
		return waits + "; to see how many: --credentials, --clusters or --kubeconfig\n"
	}
	own := *s
	own.provider, own.cluster = name, ""
	r, err := own.look(ctx, &streams{out: io.Discard, err: io.Discard})
	all := status.Providers(r)
	i := slices.IndexFunc(all, func(p status.Provider) bool { return p.Name == name })
	switch {
	case i < 0 || !all[i].Counted:
		return fmt.Sprintf("%s; how many is not known, since its cluster could not be asked (%v), and not knowing holds it, too\n", waits, err)
	case len(all[i].Environments) == 0:
		return "no environment is there\n"
	}
	parts := make([]string, len(all[i].Environments))
	for n, h := range all[i].Environments {
		of := h.Organization
		if of == "" {
			of = "nobody knows whose"
		}
		parts[n] = fmt.Sprintf("%s: %s", of, h)
	}
	return fmt.Sprintf("held (occupied): environments are there: %s\n", strings.Join(parts, ", "))
}
