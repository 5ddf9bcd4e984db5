package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/workspace-providers/reconcile/reconcile/account"
	"github.com/workspace-providers/reconcile/reconcile/source"
	"github.com/workspace-providers/reconcile/schema"
	"github.com/workspace-providers/reconcile/schema/edit"
)

// creation is what was asked of provider create.
type creation struct {
	*settings
	name          string
	text          map[string]*string // by field: "hostname", "chart.path"
	organizations []string
	address       string // of a cluster that is not declared yet
	wave          int
	manifests     string // of the account that its cluster needs; empty: it has one
}

// createFlag is a flag that sets a field of a provider.
type createFlag struct{ flag, field, usage string }

func createFlags() []createFlag {
	return []createFlag{
		{"namespace", "namespace", "`namespace`; left out: the default's"},
		{"display-name", "displayName", "what developers see"},
		{"description", "description", "a text of one line"},
		{"region", "region", "its cluster's when left out"},
		{"hostname", "hostname", "its own address: a `host` below that of the deployment"},
		{"devurl-host", "devurlHost", "`host` of dev URLs, such as *.frankfurt.example.com"},
		{"storage-class", "storageClass", "StorageClass of environments"},
		{"chart-path", "chart.path", "chart in this `directory` of the repository"},
		{"chart-repo", "chart.repo", "chart from this repository `URL`"},
		{"chart-oci", "chart.oci", "chart from this `URL`, oci://host/path"},
		{"chart-name", "chart.name", "the chart's name"},
		{"chart-version", "chart.version", "the chart's version"},
		{"chart-shape", "chart.shape", "which keys its values have: v1, v2 or none"},
		{"enforcement", "enforcement", "what happens to environments of others: off, audit or enforce"},
		{"deletion-policy", "deletion.policy", "what becomes of it when it is not declared any more: block, uninstall or orphan"},
	}
}

const createHelp = `create declares a provider where the others are, and says what its cluster needs: an account for the daemon, or what
the one lacks that other providers there have. On a terminal it asks for what is missing. A cluster that is not declared
yet is declared, too, where --cluster-address says its address. What was to be removed of a provider of that name is not
any more.`

func newProviderCreate(s *settings, io *streams) *cobra.Command {
	c := &creation{settings: s, text: map[string]*string{}}
	cmd := s.edits(io, &cobra.Command{
		Use: "create PROVIDER", Short: "Declare a new provider", Long: createHelp,
		Example: "  reconcile provider create frankfurt --cluster eu --hostname frankfurt.coder.example.com --allow sales --pr\n" +
			"  reconcile provider create tokyo --cluster ap --cluster-address https://ap.example.com:6443 --chart-path charts/provider",
		Args: cobra.MaximumNArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
	}, func(args []string) editing { return c.editing(io, args) })
	f := cmd.Flags()
	for _, one := range createFlags() {
		c.text[one.field] = f.String(one.flag, "", one.usage)
	}
	f.StringSliceVar(&c.organizations, "allow", nil, "`organizations` that may create environments there")
	f.StringVar(&c.address, "cluster-address", "", "`URL` of the API of a cluster that is declared along")
	f.IntVar(&c.wave, "wave", 0, "when changes go there: after those of lower waves")
	s.completeFlags(cmd, map[string]cobra.CompletionFunc{
		"allow":           s.completesAny(organizationNames),
		"chart-shape":     fixed("v1", "v2", "none"),
		"enforcement":     fixed("off", "audit", "enforce"),
		"deletion-policy": fixed("block", "uninstall", "orphan"),
	})
	return cmd
}

func (c *creation) editing(io *streams, args []string) editing {
	if len(args) == 1 {
		c.name = args[0]
	}
	return editing{
		prepare: func(ctx context.Context, before schema.Config, e *editing) error {
			err := c.complete(ctx, io, before)
			e.message, e.watch = "Create provider "+c.name, "reconcile explain "+c.name
			return err
		},
		change: c.change,
		after:  func(ctx context.Context, before, after schema.Config) string { return c.steps(ctx, io, before, after) },
		last:   func() string { return c.manifests },
	}
}

// change declares the provider, and its cluster where that is new.
func (c *creation) change(f *edit.Files) (string, error) {
	if c.address != "" {
		if err := f.Set(edit.Struct{{Name: "address", Value: c.address}}, "clusters", c.cluster); err != nil {
			return "", err
		}
	}
	return f.CreateProvider(c.name, c.fields(), c.organizations)
}

// fields are those that were given, in the order of the schema.
func (c *creation) fields() edit.Struct {
	out := edit.Struct{{Name: "cluster", Value: c.cluster}}
	if c.wave != 0 {
		out = append(out, edit.Member{Name: "wave", Value: c.wave})
	}
	for _, one := range createFlags() {
		value := *c.text[one.field]
		if value == "" {
			continue
		}
		above, below, inside := strings.Cut(one.field, ".")
		if !inside {
			out = append(out, edit.Member{Name: above, Value: value})
			continue
		}
		i := slices.IndexFunc(out, func(m edit.Member) bool { return m.Name == above })
		if i < 0 {
			i, out = len(out), append(out, edit.Member{Name: above, Value: edit.Struct{}})
		}
		out[i].Value = append(out[i].Value.(edit.Struct), edit.Member{Name: below, Value: value})
	}
	return out
}

// complete asks for what is missing where somebody can answer, and else says what that is.
func (c *creation) complete(ctx context.Context, io *streams, cfg schema.Config) error {
	q := questions(io)
	q.ask(ctx, &c.name, "name of the provider", "PROVIDER")
	q.ask(ctx, &c.cluster, "cluster ("+strings.Join(clusterNames(cfg), ", ")+")", "--cluster")
	if !c.hasChart(cfg) {
		q.ask(ctx, c.text["chart.path"], "directory of its chart in the repository",
			"--chart-path, or --chart-repo or --chart-oci with --chart-name and --chart-version")
	}
	if len(q.missing) == 0 {
		c.wishes(ctx, q, cfg)
	}
	if err := q.done("provider create"); err != nil {
		return err
	}
	return c.known(cfg)
}

// hasChart says whether it is known where the provider's chart comes from.
func (c *creation) hasChart(cfg schema.Config) bool {
	own := *c.text["chart.path"] + *c.text["chart.repo"] + *c.text["chart.oci"]
	return own != "" || cfg.Deployment.Defaults.Chart != nil || cfg.Clusters[c.cluster].Defaults.Chart != nil
}

// wishes asks for what may stay empty.
func (c *creation) wishes(ctx context.Context, q *asker, cfg schema.Config) {
	q.may(ctx, c.text["hostname"], "its own host, if it has one")
	q.list(ctx, &c.organizations, "who may come in, if anybody ("+strings.Join(organizationNames(cfg), ", ")+")")
}

// known checks that what the provider names is declared, or comes along.
func (c *creation) known(cfg schema.Config) error {
	_, there := cfg.Clusters[c.cluster]
	switch {
	case !there && c.address == "":
		return fmt.Errorf("%w; or declare it along, with --cluster-address", undeclared("cluster", c.cluster, clusterNames(cfg)))
	case there && c.address != "":
		return errors.New("--cluster-address is for a cluster that is not declared yet: leave it out")
	}
	for _, o := range c.organizations {
		if _, there := cfg.Organizations[o]; !there {
			return undeclared("organization", o, organizationNames(cfg))
		}
	}
	return nil
}

// steps says what the provider's cluster needs, and what for. Its account is there where other providers are.
func (c *creation) steps(ctx context.Context, io *streams, before, after schema.Config) string {
	ctx, cancel := context.WithTimeout(ctx, min(c.timeout, 30*time.Second))
	defer cancel()
	for _, name := range sortedNames(before.Providers) {
		if before.Providers[name].Cluster == c.cluster {
			return c.lacks(ctx, io, before, after, name)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `what cluster %[1]s needs, once:
  1. an account for the daemon, with the rights at the end; it is made, with a kubeconfig, by
     %[2]s
  2. that kubeconfig as clusters/%[1]s.kubeconfig in the daemon's --credentials
`, c.cluster, c.bootstrapCommand(c.cluster))
	if p := after.Providers[c.name]; p.Hostname != "" {
		fmt.Fprintf(&b, "  3. a DNS record for %s, of the ingress there\n", p.Hostname)
	}
	c.manifests = c.rights(ctx, io, after)
	return b.String()
}

// lacks says what an account that was made for another provider lacks.
func (c *creation) lacks(ctx context.Context, io *streams, before, after schema.Config, other string) string {
	had, err := c.accountOf(ctx, before)
	needs, more := c.accountOf(ctx, after)
	if err = cmp.Or(more, err); err != nil {
		had.Needs = needs.Needs // as far as it is known
		c.warn(io, err)
	}
	switch news := needs.Beyond(had); {
	case len(news) > 0:
		return fmt.Sprintf("what cluster %s needs besides, where the daemon's account was made for provider %s:\n  %s\nit is given that by\n  %s\n",
			c.cluster, other, strings.Join(news, "\n  "), c.bootstrapCommand(c.cluster)+" --replace")
	case err != nil:
		return fmt.Sprintf("cluster %s has an account, for provider %s; whether that may write what charts install is not known\n", c.cluster, other)
	}
	return fmt.Sprintf("cluster %s has what it needs, for provider %s\n", c.cluster, other)
}

// rights are manifests of the account that the provider's cluster needs.
func (c *creation) rights(ctx context.Context, io *streams, after schema.Config) string {
	a, err := c.accountOf(ctx, after)
	if err != nil {
		c.warn(io, err)
	}
	manifests, err := a.Manifests()
	if err != nil {
		c.warn(io, err)
		return ""
	}
	return fmt.Sprintf("\nthe rights that the daemon needs in cluster %s:\n\n%s", c.cluster, manifests)
}

// accountOf is the account that declarations ask for in the provider's cluster.
func (c *creation) accountOf(ctx context.Context, cfg schema.Config) (account.Account, error) {
	tree, err := source.Dir(c.dir).Charts("")
	if err != nil {
		return account.Account{}, err
	}
	return c.accountFor(ctx, cfg, tree, c.cluster, nil)
}

// warn says what cannot be told: charts may be where nothing reaches from here.
func (c *creation) warn(io *streams, err error) {
	fmt.Fprintf(io.err, "warning: what is said of the rights that cluster %s needs lacks what charts install there: %v\nonce that is mended, or from where charts are reached: %s\n",
		c.cluster, err, c.here("reconcile provider bootstrap "+c.cluster+" --print"))
}
