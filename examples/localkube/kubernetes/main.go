// Kubernetes is etcd, the three servers of a Kubernetes control plane and kwok in one program: the
// first argument, or the name the program is called by, says which of them it is, and the rest are
// that one's own arguments:
//
//	kubernetes kube-apiserver --etcd-servers=…
//
// One program is linked once and is loaded into memory once for all the processes that run it,
// where five would be linked and loaded five times. Version numbers are set when it is linked, as
// the releases of Kubernetes do; `localkube build` knows them.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	_ "time/tzdata" // CronJobs name time zones, and the machine may know none

	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // as the servers' own main packages do
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kwokconfig "sigs.k8s.io/kwok/pkg/config"
	kwok "sigs.k8s.io/kwok/pkg/kwok/cmd"
	kwoklog "sigs.k8s.io/kwok/pkg/log"
	"sigs.k8s.io/kwok/pkg/utils/signals"
)

const usage = `usage: kubernetes COMPONENT [ARGUMENT…]
COMPONENT is etcd, kube-apiserver, kube-controller-manager, kube-scheduler or kwok.
`

func main() {
	if component(filepath.Base(os.Args[0])) == nil {
		// The components read os.Args themselves: drop this program's name.
		os.Args = os.Args[1:]
	}
	if len(os.Args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	start := component(os.Args[0])
	if start == nil {
		fmt.Fprintf(os.Stderr, "kubernetes: unknown component %q\n%s", os.Args[0], usage)
		os.Exit(2)
	}
	os.Exit(start())
}

// component returns what runs the component of that name, or nil. Commands are made only when they
// run: making one already installs its signal handler.
func component(name string) func() int {
	switch name {
	case "etcd":
		return func() int { etcdmain.Main(os.Args); return 0 }
	case "kube-apiserver":
		return func() int { return cli.Run(apiserver.NewAPIServerCommand()) }
	case "kube-controller-manager":
		return func() int { return cli.Run(controllermanager.NewControllerManagerCommand()) }
	case "kube-scheduler":
		return func() int { return cli.Run(scheduler.NewSchedulerCommand()) }
	case "kwok":
		return runKwok
	default:
		return nil
	}
}

// runKwok is what kwok's own main package does, which cannot be imported.
func runKwok() int {
	// Cobra adds the process's own flags to every command, and the servers' packages left a
	// --version there that is not the kind kwok's command expects.
	pflag.CommandLine = pflag.NewFlagSet("kwok", pflag.ContinueOnError)
	flags := pflag.NewFlagSet("global", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}

	ctx, logger := kwoklog.InitFlags(signals.SetupSignalContext(), flags)
	ctx, err := kwokconfig.InitFlags(ctx, flags)
	if err != nil {
		logger.Error("reading flags", "err", err)
		return 1
	}
	command := kwok.NewCommand(ctx)
	command.PersistentFlags().AddFlagSet(flags)
	if err := command.ExecuteContext(ctx); err != nil {
		logger.Error("kwok", "err", err)
		return 1
	}
	return 0
}
