package kube

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const kubeconfigText = `apiVersion: v1
kind: Config
clusters:
- {name: one, cluster: {server: "https://one.example.com"}}
- {name: two, cluster: {server: "https://two.example.com"}}
users:
- {name: token, user: {token: secret-one}}
- {name: exec, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: fetch-token, interactiveMode: Never}}}
- {name: old, user: {auth-provider: {name: gcp}}}
contexts:
- {name: eu, context: {cluster: one, user: token}}
- {name: us, context: {cluster: two, user: token}}
- {name: exec, context: {cluster: one, user: exec}}
- {name: old, context: {cluster: one, user: old}}
current-context: us
`

func TestWhereCredentialsComeFrom(t *testing.T) {
	dir := t.TempDir()
	ambient := filepath.Join(dir, "ambient")
	own := filepath.Join(dir, "clusters")
	for path, text := range map[string]string{
		ambient:                              kubeconfigText,
		filepath.Join(own, "eu.kubeconfig"):  kubeconfigText,
		filepath.Join(own, "bad.kubeconfig"): "not: [yaml",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("KUBECONFIG", filepath.Join(dir, "none"))
	for _, tt := range []struct {
		name, cluster, context string
		from                   Credentials
		host, err              string
	}{
		{"own file, its current context", "eu", "", Credentials{Dir: own}, "https://two.example.com", ""},
		{"own file, named context", "eu", "eu", Credentials{Dir: own}, "https://one.example.com", ""},
		{"own file, missing context", "eu", "nowhere", Credentials{Dir: own}, "", `no context "nowhere"`},
		{"own file, damaged", "bad", "", Credentials{Dir: own}, "", "yaml"},
		{"context of the cluster's name", "eu", "", Credentials{Kubeconfig: ambient}, "https://one.example.com", ""},
		{"context that is declared", "frankfurt", "eu", Credentials{Kubeconfig: ambient}, "https://one.example.com", ""},
		{"the current context is never used", "frankfurt", "", Credentials{Kubeconfig: ambient}, "", "no credentials for cluster frankfurt"},
		{"nothing anywhere", "eu", "", Credentials{}, "", "no credentials for cluster eu"},
		{"not in a pod", "built-in", "", Credentials{}, "", "no credentials for cluster built-in"},
		{"exec plugin nobody allowed", "exec", "", Credentials{Kubeconfig: ambient}, "", `wants to run "fetch-token"`},
		{"exec plugin that is allowed", "exec", "", Credentials{Kubeconfig: ambient, AllowExec: []string{"fetch-token"}}, "https://one.example.com", ""},
		{"auth provider", "old", "", Credentials{Kubeconfig: ambient}, "", `auth provider "gcp"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config, err := tt.from.config(tt.cluster, tt.context)
			switch {
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("error %v, want %q", err, tt.err)
			case tt.err == "" && err != nil:
				t.Error(err)
			case tt.err == "" && config.Host != tt.host:
				t.Errorf("host %s, want %s", config.Host, tt.host)
			}
			if err != nil && strings.Contains(err.Error(), "secret-one") {
				t.Errorf("the error tells a credential: %v", err)
			}
		})
	}
}
