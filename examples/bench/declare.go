package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// declarations are what reconcile is asked for. They change with the generation, in one value of every
// provider. They name no organizations: what guards a provider has no like in helm.
func declarations(providers, generation int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `package providers

deployment: {
	name:       "bench"
	accessURL:  "https://coder.example.com"
	generation: "v1"
	defaults: {
		chart: path: "workspace-provider"
		namespace: %q
		values: envproxy: terminationGracePeriodSeconds: %d
	}
}
clusters: %s: {address: "https://bench.example.com:6443", region: "eu"}
providers: "built-in": cluster: %[3]q
`, ourSpace, 14400+generation, clusterName)
	for i := range providers {
		name := providerName(i)
		fmt.Fprintf(&b, "providers: %s: {cluster: %q, hostname: \"%s.coder.example.com\"}\n", name, clusterName, name)
	}
	return b.String()
}

// The namespaces that each tool installs to.
const (
	ourSpace  = "ours"
	helmSpace = "theirs"
)

// providerName is the name of a provider and of its release.
func providerName(i int) string { return fmt.Sprintf("p%04d", i+1) }

// declare writes the declarations of a generation.
func (l *lab) declare(providers, generation int) error {
	dir := l.declared()
	if generation == 0 {
		if err := os.CopyFS(filepath.Join(dir, "workspace-provider"), os.DirFS(chartSource)); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "providers.cue"), []byte(declarations(providers, generation)), 0o644)
}

// declared is the directory of the declarations.
func (l *lab) declared() string { return filepath.Join(l.dir, "declarations") }

// credentials is the directory with the kubeconfig that reconcile uses.
func (l *lab) credentials() (string, error) {
	dir := filepath.Join(l.dir, "credentials")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	config, err := os.ReadFile(l.users[ourUser])
	if err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, clusterName+".kubeconfig"), config, 0o600)
}

// values writes the values that reconcile gave its first release as the values file for helm.
func (l *lab) values(text string) (string, error) {
	if !json.Valid([]byte(text)) {
		return "", fmt.Errorf("helm get values: no JSON: %.100s", text)
	}
	name := filepath.Join(l.dir, "values.json")
	return name, os.WriteFile(name, []byte(text), 0o600)
}
