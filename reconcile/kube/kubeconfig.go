package kube

import (
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
}

// suffix is what the name of a cluster's file ends with.
const suffix = ".kubeconfig"

// config finds the connection of a cluster: the file NAME.kubeconfig, in the context that the
// declarations name or else its own; then the context of that name in Kubeconfig; then, for the built-in
// cluster, the account of the pod this runs in. The current context of Kubeconfig is never used.
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
	if name == BuiltIn {
		if in, inErr := rest.InClusterConfig(); inErr == nil {
			return in, nil
		}
	}
	return nil, fmt.Errorf("no credentials for cluster %s: put %s.kubeconfig into --credentials/clusters or "+
		"--clusters, or a context %q into the kubeconfig", name, name, context)
}

var errNoContext = errors.New("no such context")

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
