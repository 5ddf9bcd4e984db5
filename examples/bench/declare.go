package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// declared says what is declared: the generation is in one value of every provider, and the first ones, which are
// ahead, have a value of their own instead.
type declared struct{ providers, generation, ahead int }

// declarations are what reconcile is asked for. They name no organizations: what guards a provider has no like in helm.
func (l *lab) declarations(d declared) string {
	var b strings.Builder
	fmt.Fprintf(&b, `package providers

deployment: {
	name:       "bench"
	accessURL:  "https://coder.example.com"
	generation: "v1"
	defaults: {
		chart: path: "workspace-provider"
		values: envproxy: terminationGracePeriodSeconds: %d
	}
}
providers: "built-in": cluster: %q
`, 14400+d.generation, l.sites[0].name)
	for _, s := range l.sites {
		fmt.Fprintf(&b, "clusters: %q: {address: \"https://bench.example.com:6443\", region: \"eu\", defaults: namespace: %q}\n",
			s.name, s.space)
	}
	for i := range d.providers {
		name := providerName(i)
		fmt.Fprintf(&b, "providers: %s: {cluster: %q, hostname: \"%s.coder.example.com\"}\n", name, l.siteOf(i).name, name)
		if i < d.ahead {
			fmt.Fprintf(&b, "providers: %s: values: envproxy: terminationGracePeriodSeconds: %d\n", name, 7200+d.generation)
		}
	}
	return b.String()
}

// siteOf is where a provider is: they are dealt out.
func (l *lab) siteOf(i int) site { return l.sites[i%len(l.sites)] }

// The namespaces that each tool installs to, where there is one cluster.
const (
	ourSpace  = "ours"
	helmSpace = "theirs"
)

// providerName is the name of a provider and of its release.
func providerName(i int) string { return fmt.Sprintf("p%04d", i+1) }

// declare writes the declarations of a generation, all at once, since a daemon watches them.
func (l *lab) declare(d declared) error {
	name := filepath.Join(l.declared(), "providers.cue")
	if err := os.WriteFile(name+".new", []byte(l.declarations(d)), 0o644); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// declared is the directory of the declarations.
func (l *lab) declared() string { return filepath.Join(l.dir, "declarations") }

// credentials is the directory with the kubeconfigs that reconcile uses.
func (l *lab) credentials() (string, error) {
	dir := filepath.Join(l.dir, "credentials")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	for _, s := range l.sites {
		if err := os.WriteFile(filepath.Join(dir, s.name+".kubeconfig"), []byte(s.kubeconfig), 0o600); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// base64Of is how kubeconfigs hold what is no text.
func base64Of(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

// values writes the values that reconcile gave its first release as the values file for helm.
func (l *lab) values(text string) (string, error) {
	if !json.Valid([]byte(text)) {
		return "", fmt.Errorf("helm get values: no JSON: %.100s", text)
	}
	name := filepath.Join(l.dir, "values.json")
	return name, os.WriteFile(name, []byte(text), 0o600)
}
