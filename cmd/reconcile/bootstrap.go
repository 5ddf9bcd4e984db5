package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/workspace-providers/reconcile/reconcile/account"
)

// bootstrap is what was asked of provider bootstrap.
type bootstrap struct {
	*settings
	cluster, context     string
	account, values      string
	namespaces           []string
	valid                time.Duration
	out                  string
	print, yes, replaces bool
}

const bootstrapHelp = `bootstrap makes in a cluster what the daemon needs there, with an administrator's credentials: a service account
with the rights that it uses and no more, the namespaces of the providers that are declared there, and a kubeconfig
with a token that ends by itself. It says what it will do and asks before it does that; --print writes manifests for
kubectl instead, and reaches no cluster.

In the namespaces of the providers the account may write what their charts install, which is found out by rendering
them; kinds that are in no namespace it may write everywhere. What charts install only under some circumstances is added
by hand: --values is a values file of the daemon's own chart, whose rbac.charts and rbac.grants then count instead.
To renew the token, run it again with --replace.`

const bootstrapExamples = `  # what would be made, for kubectl or a review
  reconcile provider bootstrap eu --print

  # make it, and put the kubeconfig where the daemon finds it
  reconcile provider bootstrap eu --context eu-admin --credentials /etc/reconcile

  # with rights for a chart of which nothing is declared yet
  reconcile provider bootstrap eu --namespaces coder --values examples/install/values/workspace-provider.yaml --print`

func newProviderBootstrap(s *settings, io *streams) *cobra.Command {
	b := &bootstrap{settings: s}
	cmd := &cobra.Command{
		Use: "bootstrap CLUSTER", Short: "Make an account for the daemon in a cluster, and a kubeconfig for it",
		Long: bootstrapHelp, Example: bootstrapExamples,
		Args: cobra.ExactArgs(1), ValidArgsFunction: s.completes(clusterNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			b.cluster = args[0]
			return b.run(cmd.Context(), io)
		},
	}
	f := cmd.Flags()
	f.StringVar(&b.context, "context", "", "`context` of an administrator, in --kubeconfig or $KUBECONFIG")
	f.StringVar(&b.account, "account", "reconcile/reconcile", "`namespace/name` of the service account")
	f.StringVar(&b.values, "values", "", "`file` with values of the daemon's chart; left out: what the providers' charts install")
	f.StringSliceVar(&b.namespaces, "namespaces", nil, "`namespaces` of providers, besides those declared for the cluster")
	f.DurationVar(&b.valid, "valid", 90*24*time.Hour, "how long the token is good; the cluster may grant less")
	f.StringVar(&b.out, "out", "", "`file` for the kubeconfig; left out: CLUSTER.kubeconfig in --clusters or --credentials, else here")
	f.BoolVar(&b.print, "print", false, "write manifests and do nothing")
	f.BoolVar(&b.yes, "yes", false, "do not ask")
	f.BoolVar(&b.replaces, "replace", false, "replace a kubeconfig that is there")
	return cmd
}

func (b *bootstrap) run(ctx context.Context, io *streams) error {
	a, err := b.made(ctx)
	if err != nil {
		return err
	}
	if b.print {
		text, err := a.Manifests()
		return errors.Join(err, say(io, text))
	}
	out := b.outFile()
	if _, err := os.Lstat(out); err == nil && !b.replaces {
		return fmt.Errorf("%s is there already: name another file with --out, or renew it with --replace", out)
	}
	if b.context == "" {
		return errors.New("bootstrap: say whose credentials to use with --context, a context of an administrator; " +
			"the current one is never taken by itself")
	}
	admin, err := account.Administrator(b.kubeconfig, b.context)
	if err != nil {
		return err
	}
	told := fmt.Sprintf("at %s, as context %s, this is made:\n  %s\nand written: %s, with a token for at most %s\n",
		admin.Host, b.context, strings.Join(a.Words(), "\n  "), out, b.valid)
	if err := b.agreed(ctx, io, told); err != nil {
		return err
	}
	kubeconfig, until, err := a.Make(ctx, admin, b.cluster, b.valid)
	if err != nil {
		return err
	}
	if err := writePrivate(out, kubeconfig); err != nil {
		return err
	}
	return say(io, fmt.Sprintf("done: %s is good until %s\n", out, until.UTC().Format("2006-01-02 15:04 MST")))
}

// made is the account. What the declarations say of it is only read where the flags do not say all.
func (b *bootstrap) made(ctx context.Context) (account.Account, error) {
	a := account.Account{State: b.stateNamespace, Namespaces: b.namespaces}
	namespace, name, ok := strings.Cut(b.account, "/")
	if !ok || namespace == "" || name == "" {
		return a, fmt.Errorf("--account %q: it must be namespace/name", b.account)
	}
	values, err := chartValues(b.values)
	if err != nil {
		return a, fmt.Errorf("--values: %w", err)
	}
	if len(b.namespaces) == 0 || b.values == "" {
		if a, err = b.declared(ctx); err != nil {
			return a, err
		}
	}
	a.Namespace, a.Name, a.Values = namespace, name, values
	if len(a.Namespaces) == 0 {
		return a, fmt.Errorf("no provider is declared for cluster %s: say with --namespaces where the account may write", b.cluster)
	}
	return a, nil
}

// declared is the account that the declarations ask for.
func (b *bootstrap) declared(ctx context.Context) (account.Account, error) {
	cfg, tree, err := b.withCharts(ctx)
	if err != nil {
		return account.Account{}, fmt.Errorf("%w\nthe declarations say what the account needs; say it with --namespaces and --values instead", err)
	}
	a, err := b.accountFor(ctx, cfg, tree, b.cluster, b.namespaces)
	if errors.Is(err, errNeeds) && b.values != "" {
		return a, nil
	}
	if err != nil {
		return a, fmt.Errorf("%w\nsay it with --values, a values file of the daemon's chart with rbac.charts", err)
	}
	return a, nil
}

// outFile is where the kubeconfig goes.
func (b *bootstrap) outFile() string {
	name := b.cluster + ".kubeconfig"
	switch {
	case b.out != "":
		return b.out
	case b.clusters != "":
		return filepath.Join(b.clusters, name)
	case b.credentials != "":
		return filepath.Join(b.credentials, "clusters", name)
	}
	return name
}

// agreed says what will be done, and asks whether it may.
func (b *bootstrap) agreed(ctx context.Context, io *streams, told string) error {
	if err := say(io, told); err != nil || b.yes {
		return err
	}
	q := questions(io)
	if q.in == nil {
		return errors.New("nothing is done: say --yes, since there is no terminal to ask at")
	}
	if answer := q.line(ctx, "go on? [y/N] "); q.err != nil || !strings.HasPrefix(strings.ToLower(answer), "y") {
		return cmp.Or(q.err, errors.New("nothing is done"))
	}
	return nil
}

// writePrivate writes a file that nobody else may read, as one step.
func writePrivate(name string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".reconcile-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
