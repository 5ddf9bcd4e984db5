package main

import (
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/workspace-providers/reconcile/reconcile/kube"
)

// streams are where the program writes: what was asked for to out, everything else to err. in answers its questions.
type streams struct {
	out, err io.Writer
	in       io.Reader
}

// colour says whether out may be coloured.
func (s *streams) colour() bool {
	f, is := s.out.(*os.File)
	return is && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// settings are the flags.
type settings struct {
	dir, repo, ref, path string

	credentials, clusters, kubeconfig string
	allowExec                         []string
	stateNamespace, cache             string
	replica, inCluster                string

	interval, checkInterval, timeout time.Duration
	dryRun, once, readOnly           bool
	listen, metricsListen            string
	webhookListen, debugListen       string
	behindProxy, metricsOpen         bool
	tlsCert, tlsKey                  string
	logFormat, auditLog              string

	provider, cluster string
	output            string
	verbose           bool
}

const rootHelp = `reconcile keeps workspace providers on Kubernetes as a git repository declares them.

It pulls CUE declarations of providers and allowlists, compares them with the live clusters, applies Helm
releases, and tells the outcome as commit statuses, metrics and a page. Without a command it runs until it
is stopped.`

const rootExamples = `  # what would change, for the declarations in this directory
  reconcile --dry-run

  # bring it about, once
  reconcile --once --clusters ~/kubeconfigs

  # keep it so: the daemon
  reconcile --repo https://git.example.com/acme/providers.git --credentials /etc/reconcile`

// newRoot makes the command line.
func newRoot(io *streams) *cobra.Command {
	s := &settings{}
	root := &cobra.Command{
		Use: "reconcile", Short: "Keep workspace providers as a git repository declares them",
		Long: rootHelp, Example: rootExamples, Args: commandOnly,
		SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.run(cmd.Context(), io) },
	}
	s.addShared(root)
	s.addOwn(root)
	root.AddCommand(newVet(s, io), newStatus(s, io), newExplain(s, io), newHistory(s, io), newRetry(s, io),
		newFreeze(s, io), newThaw(s, io), newAccessURL(s, io), newProvider(s, io), newImport(s, io),
		newInit(s, io), newMan(io), newVersion(s, io))
	s.completeFlags(root, map[string]cobra.CompletionFunc{
		"provider": s.completesAny(providerNames), "cluster": s.completesAny(clusterNames),
		"output": fixed("text", "json", "markdown"), "log-format": fixed("text", "json"),
	})
	return root
}

// addShared adds the flags that every command has.
func (s *settings) addShared(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVar(&s.dir, "dir", ".", "declarations in this `directory`; the daemon watches it")
	f.StringVar(&s.repo, "repo", "", "declarations in this git repository (any `URL` git takes, or a path)")
	f.StringVar(&s.ref, "ref", "main", "`branch`, tag pattern (\"v*\") or commit of --repo")
	f.StringVar(&s.path, "path", ".", "`directory` of the declarations in --repo")
	f.StringVar(&s.credentials, "credentials", "", "`directory` of credentials: clusters/, git/, forge/, webhooks/, page/, notify/, registries/, ca/")
	f.StringVar(&s.clusters, "clusters", "", "`directory` of NAME.kubeconfig files; default: clusters/ of --credentials")
	f.StringVar(&s.kubeconfig, "kubeconfig", "", "kubeconfig `file` with a context for each cluster; default: $KUBECONFIG")
	f.StringVar(&s.inCluster, "in-cluster", kube.BuiltIn, "`cluster` whose pod this runs in, if it runs in one")
	f.StringSliceVar(&s.allowExec, "allow-exec", nil, "exec plugins (by `command`) that kubeconfigs may run")
	f.StringVar(&s.stateNamespace, "state-namespace", "default", "`namespace` of our Lease in each cluster")
	f.StringVar(&s.cache, "cache", "", "`directory` for what can be fetched again; default: in the user's cache directory")
	f.StringVar(&s.provider, "provider", "", "only the provider of this `name`")
	f.StringVar(&s.cluster, "cluster", "", "only the cluster of this `name`")
	f.StringVarP(&s.output, "output", "o", "text", "output: text, json or markdown")
	f.BoolVar(&s.verbose, "verbose", false, "list what is kept as it is, too")
	f.DurationVar(&s.timeout, "timeout", 15*time.Minute, "how long --once may work, and how long to wait for clusters otherwise (30s at most)")
}

// addOwn adds the flags of the daemon.
func (s *settings) addOwn(root *cobra.Command) {
	f := root.Flags()
	f.BoolVar(&s.dryRun, "dry-run", false, "print the plan and change nothing; exit 2 if there are changes")
	f.BoolVar(&s.once, "once", false, "end when everything is in place or only holds and failures are left")
	f.BoolVar(&s.readOnly, "read-only", false, "plan, report and serve, and write to no cluster")
	f.DurationVar(&s.interval, "interval", time.Minute, "how often git is looked at without an event")
	f.DurationVar(&s.checkInterval, "check-interval", 30*time.Minute, "how often everything is looked at anew without an event")
	f.StringVar(&s.replica, "replica", "", "our `name` among replicas that share the clusters, such as that of the pod; default: there are no others")
	f.StringVar(&s.listen, "listen", "127.0.0.1:8080", "`address` of page and API; empty: none")
	f.StringVar(&s.metricsListen, "metrics-listen", "", "`address` of metrics and probes alone; default: that of --listen")
	f.BoolVar(&s.metricsOpen, "metrics-open", false, "whoever reaches --metrics-listen may read metrics, unencrypted: keep others away by a network policy")
	f.StringVar(&s.webhookListen, "webhook-listen", "", "`address` of webhooks alone; default: that of --listen")
	f.StringVar(&s.debugListen, "debug-listen", "", "loopback `address` of profiles, /debug/pprof; default: none")
	f.BoolVar(&s.behindProxy, "behind-proxy", false, "listen beyond loopback in plain, because a proxy in front does TLS, and sign-in where page/ of --credentials configures none")
	f.StringVar(&s.tlsCert, "tls-cert", "", "`file` of the certificate for --listen and --webhook-listen; default: page/tls.crt of --credentials, if it is there")
	f.StringVar(&s.tlsKey, "tls-key", "", "`file` of its key; default: page/tls.key")
	f.StringVar(&s.auditLog, "audit-log", "", "`file` to which each thing that was done is appended as a line of JSON; default: none")
	f.StringVar(&s.logFormat, "log-format", "text", "text or json")
}
