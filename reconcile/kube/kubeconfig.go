package kube

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// BuiltIn is the name of the deployment's own cluster.
const BuiltIn = "built-in"

// Credentials says where kubeconfigs are found. They never come from the declarations.
type Credentials struct {
	Dir        string   // holds NAME.kubeconfig for each cluster; may be empty
	Kubeconfig string   // a file with a context for each cluster; empty: $KUBECONFIG, else ~/.kube/config
	AllowExec  []string // exec plugins that kubeconfigs may run, by command
	Home       string   // the cluster whose pod this runs in, if it is one's; empty: BuiltIn
	Hub        string   // a kubeconfig file of the hub; where there is none, the built-in cluster is the hub
}

// suffix is what the name of a cluster's file ends with.
const suffix = ".kubeconfig"

// config finds the connection of a cluster: the file NAME.kubeconfig, in the context that the
// declarations name or else its own; then the context of that name in Kubeconfig; then, for the cluster
// that this runs in, the account of the pod. The current context of Kubeconfig is never used.
func (c Credentials) config(name, context string) (*rest.Config, error) {
	if c.Dir != "" {
		file := filepath.Join(c.Dir, name+suffix)
		switch _, err := os.Stat(file); {
		case err == nil:
			return c.fromFile(&clientcmd.ClientConfigLoadingRules{ExplicitPath: file}, context, false)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	if context == "" {
		context = name
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = c.Kubeconfig
	cfg, err := c.fromFile(rules, context, true)
	if err == nil || !errors.Is(err, errNoContext) {
		return cfg, err
	}
	if name == c.home() {
		if in, inErr := rest.InClusterConfig(); inErr == nil {
			return in, nil
		}
	}
	return nil, fmt.Errorf("%w for cluster %s: put %s.kubeconfig into --credentials/clusters or "+
		"--clusters, or a context %q into the kubeconfig", errNoCredentials, name, name, context)
}

// hub finds the connection of the hub; context is that of the built-in cluster, as declared.
func (c Credentials) hub(context string) (*rest.Config, error) {
	if c.Hub != "" {
		switch _, err := os.Stat(c.Hub); {
		case err == nil:
			return c.fromFile(&clientcmd.ClientConfigLoadingRules{ExplicitPath: c.Hub}, "", false)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	return c.config(BuiltIn, context)
}

// home is the cluster that this runs in, if it runs in a pod.
func (c Credentials) home() string { return cmp.Or(c.Home, BuiltIn) }

var (
	errNoContext     = errors.New("no such context")
	errNoCredentials = errors.New("no credentials")
)

// fromFile reads one context. With must, a missing context is errNoContext; without, the current one of
// the file serves where none is named.
func (c Credentials) fromFile(rules *clientcmd.ClientConfigLoadingRules, context string, must bool) (*rest.Config, error) {
	raw, err := rules.Load()
	switch {
	case errors.Is(err, fs.ErrNotExist) && must:
		return nil, errNoContext
	case err != nil:
		return nil, err
	}
	if context == "" {
		context = raw.CurrentContext
	}
	entry, there := raw.Contexts[context]
	switch {
	case !there && must:
		return nil, errNoContext
	case !there:
		return nil, fmt.Errorf("%s has no context %q", rules.ExplicitPath, context)
	}
	if err := c.allowed(raw.AuthInfos[entry.AuthInfo]); err != nil {
		return nil, err
	}
	return clientcmd.NewNonInteractiveClientConfig(*raw, context, nil, rules).ClientConfig()
}

// allowed refuses what would run a program that nobody named.
func (c Credentials) allowed(user *clientcmdapi.AuthInfo) error {
	switch {
	case user == nil:
		return nil
	case user.AuthProvider != nil:
		return fmt.Errorf("auth provider %q is not supported: use an exec plugin or a token", user.AuthProvider.Name)
	case user.Exec != nil && !slices.Contains(c.AllowExec, user.Exec.Command):
		return fmt.Errorf("the kubeconfig wants to run %q: allow it with --allow-exec %s", user.Exec.Command, user.Exec.Command)
	}
	return nil
}
