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

That can be said afterwards, too, of a provider that is not declared any more. Without --policy the one counts that was
declared when the provider was last applied (built in: block, which holds it). Not more than a few may go at once,
--raise-limit declares more. Clusters are asked for environments where --credentials, --clusters or --kubeconfig says
how to reach them.`

// removal is what was asked of provider rm.
type removal struct {
	*settings
	name, policy, reason string
	more                 limit
	declared             bool // it is, before the edit
}

func newProviderRemove(s *settings, io *streams) *cobra.Command {
	r := &removal{settings: s}
	cmd := s.edits(io, &cobra.Command{
		Use: "rm PROVIDER", Short: "Take a provider out, and say what would hold that", Long: removeHelp,
		Example: "  reconcile provider rm frankfurt --policy uninstall --reason \"replaced by munich\" --pr",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: s.completes(providerNames),
	}, func(args []string) editing {
		r.name = args[0]
		return editing{
			prepare: r.prepare, change: r.change, check: removed(r.name), after: r.whatHolds,
			message: "Remove provider " + r.name,
			watch:   "reconcile status", // nothing is left to explain
		}
	})
	f := cmd.Flags()
	f.StringVar(&r.policy, "policy", "", "what becomes of its releases: uninstall, orphan or forget")
	f.StringVar(&r.reason, "reason", "", "why; stands beside the policy")
	r.more.addFlag(cmd)
	s.completeFlags(cmd, map[string]cobra.CompletionFunc{"policy": fixed("uninstall", "orphan", "forget")})
	return cmd
}

// prepare checks that there is something to take out: of a provider that is not declared any more, a policy is
// declared all the same, for what its cluster still has.
func (r *removal) prepare(_ context.Context, before schema.Config, _ *editing) error {
	_, r.declared = before.Providers[r.name]
	if r.declared || r.policy != "" {
		return nil
	}
	return fmt.Errorf("%w; for what a cluster still has of one that was declared, say --policy and --reason",
		undeclared("provider", r.name, providerNames(before)))
}

// change takes the provider out, or says what becomes of what is left of it.
func (r *removal) change(f *edit.Files) (string, error) {
	if r.policy != "" && strings.TrimSpace(r.reason) == "" {
		return "", errors.New("rm: --policy needs a --reason, which stands beside it")
	}
	remove := f.RemoveProvider
	if !r.declared {
		remove = f.RemoveUndeclared
	}
	did, err := remove(r.name, r.policy, r.reason)
	return did, errors.Join(err, r.more.raise(f, cmp.Or(r.reason, r.name+" goes")))
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

// whatHolds says what would hold the removal, as far as it is known here.
func (r *removal) whatHolds(ctx context.Context, before, _ schema.Config) string {
	text, p := "", before.Providers[r.name]
	switch {
	case r.policy == "" && p.Deletion.Policy == "block":
		text = "held (blocked): its deletion policy is block; say what becomes of it (uninstall or orphan), now or later:\n  " +
			r.here("reconcile provider rm "+r.name+" --policy uninstall --reason WHY") + "\n"
	case r.policy == "":
		text = fmt.Sprintf("its deletion policy is %s\n", p.Deletion.Policy)
	case r.policy == "forget":
		return "nothing is done in its cluster; while that answers and has its releases, this is held (forgotten)\n"
	}
	return text + r.whoIsThere(ctx, before)
}

// whoIsThere says how many environments are in the provider, and what that means.
func (r *removal) whoIsThere(ctx context.Context, before schema.Config) string {
	const waits = "held (occupied) while environments are there"
	if r.credentials == "" && r.clusters == "" && r.kubeconfig == "" {
		return waits + "; to see how many: --credentials, --clusters or --kubeconfig\n"
	}
	own := *r.settings
	own.provider, own.cluster = r.name, ""
	if !r.declared {
		own.provider = "" // it may be in any cluster
	}
	report, err := own.look(ctx, &streams{out: io.Discard, err: io.Discard})
	all := status.Providers(report)
	i := slices.IndexFunc(all, func(p status.Provider) bool { return p.Name == r.name })
	switch {
	case i < 0 && !r.declared && err == nil:
		return fmt.Sprintf("no cluster has anything of it; if another is meant, there are: %s\n", strings.Join(providerNames(before), ", "))
	case i < 0 || !all[i].Counted:
		return fmt.Sprintf("%s; how many is not known, since its cluster could not be asked (%v), and not knowing holds it, too\n", waits, err)
	case len(all[i].Environments) == 0:
		return "no environment is there\n"
	}
	return fmt.Sprintf("held (occupied): environments are there: %s\n", headcounts(all[i].Environments))
}

// headcounts are environments by organization, in words.
func headcounts(all []status.Headcount) string {
	parts := make([]string, len(all))
	for n, h := range all {
		parts[n] = fmt.Sprintf("%s: %s", cmp.Or(h.Organization, "nobody knows whose"), h)
	}
	return strings.Join(parts, ", ")
}
