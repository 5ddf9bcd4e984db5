package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/kube"
	"github.com/workspace-providers/reconcile/status"
)

// How long a freeze holds at most: what is to be stopped for longer is declared.
const longestFreeze = 7 * 24 * time.Hour

// brake is what was asked of freeze or thaw.
type brake struct {
	*settings
	deletes    bool
	reason, by string
	hold       time.Duration
}

const freezeHelp = `freeze stops what the daemon would change, within two seconds, in every cluster that there is a
NAME.kubeconfig for in --clusters or --credentials, or in the one that --cluster names. The wish is an object in
the cluster, in --state-namespace: it needs no git, no declarations and no daemon, survives restarts, and ends by
itself. Environments are not touched, and who may come in is decided as before.`

const freezeExamples = `  # stop all changes everywhere for two hours
  reconcile freeze --credentials /etc/reconcile --reason "incident 42"

  # in one cluster, until tomorrow; one provider; nothing but deletions
  reconcile freeze --clusters ~/kubeconfigs --cluster eu --reason "maintenance" --for 24h
  reconcile freeze --clusters ~/kubeconfigs --provider frankfurt --reason "incident 42"
  reconcile freeze --clusters ~/kubeconfigs --deletes --reason "who removed paris?"`

// newFreeze makes `reconcile freeze`.
func newFreeze(s *settings, io *streams) *cobra.Command {
	b := &brake{settings: s}
	cmd := &cobra.Command{
		Use: "freeze", Short: "Stop all changes now, for a while, without git",
		Long: freezeHelp, Example: freezeExamples, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return b.freeze(cmd.Context(), io) },
	}
	b.addFlags(cmd)
	cmd.Flags().StringVar(&b.reason, "reason", "", "why; everybody is told")
	cmd.Flags().StringVar(&b.by, "by", "", "who asks; default: user@host")
	cmd.Flags().DurationVar(&b.hold, "for", 2*time.Hour, "how long, 168h at most")
	return cmd
}

// newThaw makes `reconcile thaw`.
func newThaw(s *settings, io *streams) *cobra.Command {
	b := &brake{settings: s}
	cmd := &cobra.Command{
		Use: "thaw", Short: "End a freeze",
		Long: "thaw ends the freeze that freeze with the same --provider or --deletes began, in the same clusters, and\n" +
			"says what else is frozen there.",
		Example: "  reconcile thaw --credentials /etc/reconcile\n  reconcile thaw --clusters ~/kubeconfigs --cluster eu --deletes",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return b.thaw(cmd.Context(), io) },
	}
	b.addFlags(cmd)
	cmd.Flags().StringVar(&b.reason, "reason", "", "why; it is said beside the outcome and kept nowhere")
	return cmd
}

func (b *brake) addFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&b.deletes, "deletes", false, "nothing but deletions")
}

func (b *brake) freeze(ctx context.Context, io *streams) error {
	switch {
	case strings.TrimSpace(b.reason) == "":
		return errors.New("freeze: say why with --reason; everybody who wonders is told")
	case b.hold <= 0 || b.hold > longestFreeze:
		return fmt.Errorf("freeze: --for %s: it must be more than 0 and at most %s; what is to be left alone for longer "+
			"is declared with suspend", b.hold, longestFreeze)
	}
	if b.by == "" {
		b.by = whoAsks()
	}
	f := reconcile.Freeze{
		Provider: b.provider, Deletes: b.deletes, Reason: b.reason, By: b.by, Until: time.Now().Add(b.hold).Truncate(time.Second),
	}
	return b.everywhere(ctx, io, "frozen", func(ctx context.Context, one kube.Brake) (string, error) {
		return "frozen: " + text(f), one.Freeze(ctx, f)
	})
}

func (b *brake) thaw(ctx context.Context, io *streams) error {
	f := reconcile.Freeze{Provider: b.provider, Deletes: b.deletes}
	return b.everywhere(ctx, io, "thawed", func(ctx context.Context, one kube.Brake) (string, error) {
		if err := one.Thaw(ctx, f); err != nil {
			return "", err
		}
		left, err := one.Freezes(ctx)
		said := "thawed: " + (status.Freeze{Provider: f.Provider, Deletes: f.Deletes}).Scope()
		if b.reason != "" {
			said += " (" + b.reason + ")"
		}
		for _, still := range left {
			said += "; still frozen: " + text(still)
		}
		return said, err
	})
}

// text says a freeze in words.
func text(f reconcile.Freeze) string {
	return status.Freeze{Provider: f.Provider, Deletes: f.Deletes, Reason: f.Reason, By: f.By, Until: f.Until}.String()
}

// everywhere does the same in all clusters that are meant, at once, and says in their order what came of it.
func (b *brake) everywhere(ctx context.Context, io *streams, done string, do func(context.Context, kube.Brake) (string, error)) error {
	if b.deletes && b.provider != "" {
		return errors.New("--deletes and --provider: it must be one of them; a freeze of a provider stops its deletion too")
	}
	names, err := b.names()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, min(b.timeout, 30*time.Second))
	defer cancel()
	said, errs := make([]string, len(names)), make([]error, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			one, err := b.kubeCredentials().Brake(name, b.stateNamespace)
			if err == nil {
				said[i], err = do(ctx, one)
			}
			errs[i] = err
		})
	}
	all.Wait()
	var failed []string
	for i, name := range names {
		if errs[i] != nil {
			fmt.Fprintf(io.err, "%s: not %s: %v\n", name, done, errs[i])
			failed = append(failed, name)
			continue
		}
		fmt.Fprintf(io.out, "%s: %s\n", name, said[i])
	}
	if len(failed) > 0 {
		return fmt.Errorf("not %s: %s; try again, or see to it with kubectl", done, strings.Join(failed, ", "))
	}
	return nil
}

// names are the clusters that are meant.
func (b *brake) names() ([]string, error) {
	if b.cluster != "" {
		return []string{b.cluster}, nil
	}
	names, err := b.kubeCredentials().Names()
	if err == nil && len(names) == 0 {
		err = errors.New("no credentials of any cluster: say where NAME.kubeconfig files are with --clusters or --credentials, " +
			"or name a context of your kubeconfig with --cluster")
	}
	return names, err
}

// whoAsks is user@host, as far as the system says.
func whoAsks() string {
	name, host := "somebody", "somewhere"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}
