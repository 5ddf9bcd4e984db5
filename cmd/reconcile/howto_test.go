package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Whoever follows the how-to pages one after the other, in a repository that init made, gets what they say. Every command
// that they show is run; the declarations that they show are read in package schema.
func TestTheHowTos(t *testing.T) {
	h := newHowTo(t)
	s := h.site
	h.follow("remote-provider.md")
	once := s.want(exitOK, h.everywhere("--once")...)
	if !regexp.MustCompile(`(?m)^frankfurt +eu +\S+ +Ready`).MatchString(once.out) {
		t.Errorf("there is no provider:\n%s", once.out)
	}
	h.follow("allowlists.md")
	h.follow("rollouts.md")
	h.follow("disaster-recovery.md")
	s.want(exitOK, h.everywhere("--once")...) // nothing is frozen any more

	s.helm(eu, "install", "coder-workspace-provider", filepath.Join(s.clone, "charts", "small"))
	h.follow("from-helm.md")
	if got := s.want(exitChanges, h.everywhere("--dry-run")...); strings.Count(got.out, "  adopt ") != 1 || regexp.MustCompile(`(?m)^ +[-+~] `).MatchString(got.out) {
		t.Errorf("the plan is more than to take a release over:\n%s", got.out)
	}
	s.want(exitOK, h.everywhere("--once")...)

	h.installByFlux()
	if got := s.want(exitHeld, h.everywhere("--dry-run")...); !strings.Contains(got.out, "Flux") {
		t.Errorf("it says nothing of Flux:\n%s", got.out)
	}
	h.follow("from-flux.md")
	s.want(exitOK, h.everywhere("--once")...)
	if got := s.want(exitOK, h.everywhere("status")...); !regexp.MustCompile(`(?m)^flux +eu +\S+ +Ready`).MatchString(got.out) {
		t.Errorf("it was not adopted:\n%s", got.out)
	}

	h.namespace = s.name
	s.kubectl(eu, "label", "deployment/frankfurt-envproxy", "argocd.argoproj.io/instance=f", "app.kubernetes.io/managed-by=argocd", "--overwrite")
	h.follow("from-argo-cd.md")
	if got := s.kubectl(eu, "get", "deployment/frankfurt-envproxy", "--show-labels"); !strings.Contains(got, "managed-by=Helm") || strings.Contains(got, "argoproj") {
		t.Errorf("it is not Helm's:\n%s", got)
	}
	h.follow("access-url.md")
	h.complete()
}

// howTo is somebody who follows the pages: in a checkout, with the program as it was set up for him.
type howTo struct {
	*site
	env       []string
	namespace string          // that stands for the one of the pages
	read      map[string]bool // pages
}

// newHowTo makes a repository with a provider in cluster us. Cluster eu is new: there is an administrator, and no more.
func newHowTo(t *testing.T) *howTo {
	s := newSite(t, builtIn, eu, us)
	s.want(exitOK, "init", s.clone, "--name", s.name, "--access-url", "https://coder.example.com", "--cluster", us,
		"--cluster-address", "https://us.example.com:6443", "--first-provider", "dallas", "--organizations", "red,blue", "--namespace", s.name)
	for name, text := range s.files {
		if strings.HasPrefix(name, "charts/small/") {
			s.write(filepath.Join(s.clone, name), text)
		}
	}
	for _, cluster := range []string{builtIn, us} {
		s.kubectl(cluster, "create", "namespace", s.name) // which --state-namespace is, too: a freeze is for everybody there
	}
	admin, err := clientcmd.LoadFromFile(s.admin(eu))
	if err != nil {
		t.Fatal(err)
	}
	admin.Contexts = map[string]*clientcmdapi.Context{"eu-admin": admin.Contexts[admin.CurrentContext]}
	admin.CurrentContext = "eu-admin"
	dir := t.TempDir()
	if err := clientcmd.WriteToFile(*admin, filepath.Join(dir, "kubeconfig")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(s.creds, "clusters", eu+".kubeconfig")); err != nil {
		t.Fatal(err)
	}
	s.write(filepath.Join(dir, "bin", "reconcile"), fmt.Sprintf("#!/bin/sh\nexec %q --credentials %q --state-namespace %q \"$@\"\n", s.program, s.creds, s.name))
	if err := os.Chmod(filepath.Join(dir, "bin", "reconcile"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.kubectl(eu, "delete", "clusterrole,clusterrolebinding", "reconcile:reconcile", "--ignore-not-found")
	})
	return &howTo{site: s, namespace: s.name, read: map[string]bool{}, env: append(os.Environ(),
		"KUBECONFIG="+filepath.Join(dir, "kubeconfig"), "PATH="+filepath.Join(dir, "bin")+string(filepath.ListSeparator)+os.Getenv("PATH"))}
}

// installByFlux installs and declares a release that is Flux's, in a namespace of its own.
func (h *howTo) installByFlux() {
	h.Helper()
	namespace := h.name + "-flux"
	h.namespace = namespace
	in := []string{"--namespace", namespace}
	h.helm(eu, append(in, "install", "frankfurt", filepath.Join(h.clone, "charts", "small"), "--create-namespace")...)
	h.Cleanup(func() { h.kubectl(eu, "delete", "namespace", namespace, "--wait=false", "--ignore-not-found") })
	h.kubectl(eu, append(in, "label", "secret", "-l", "owner=helm,name=frankfurt", "helm.toolkit.fluxcd.io/name=f", "helm.toolkit.fluxcd.io/namespace=g")...)
	h.write(filepath.Join(h.clone, "flux.cue"), fmt.Sprintf(`package providers

providers: flux: {
	cluster: "eu", namespace: %q, enforcement: "off"
	chart: {path: "charts/small", shape: "none"}
	release: {name: "frankfurt", adopt: true}
}
`, namespace))
	h.runs("reconcile provider bootstrap eu --context eu-admin --credentials "+h.creds+" --replace --yes", "an account for one more namespace")
}

// everywhere are arguments for the program, for this checkout.
func (h *howTo) everywhere(args ...string) []string {
	return append(args, "--dir", h.clone, "--state-namespace", h.name)
}

// follow runs the commands of a page.
func (h *howTo) follow(page string) {
	h.Helper()
	h.read[page] = true
	ran := 0
	for _, line := range commands(h.site.read(filepath.Join(root, "docs", "how-to", page))) {
		line = strings.NewReplacer("/etc/reconcile", h.creds, "-n coder ", "-n "+h.namespace+" ").Replace(line)
		if strings.Contains(line, " bootstrap ") {
			line += " --yes" // nobody is asked here
		}
		h.runs(line, page)
		ran++
	}
	if ran == 0 {
		h.Errorf("%s shows no command", page)
	}
}

// runs runs a command line, and takes changes and holds for no failure.
func (h *howTo) runs(line, why string) {
	h.Helper()
	cmd := exec.Command("sh", "-ec", line)
	cmd.Dir, cmd.Env = h.clone, h.env
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); !slices.Contains([]int{exitOK, exitChanges, exitHeld}, code) {
		h.Fatalf("%s: %s\n%v\n%s", why, line, err, out)
	}
}

// complete wants every page to have been followed.
func (h *howTo) complete() {
	h.Helper()
	all, err := filepath.Glob(filepath.Join(root, "docs", "how-to", "*.md"))
	if err != nil {
		h.Fatal(err)
	}
	for _, page := range all {
		if !h.read[filepath.Base(page)] {
			h.Errorf("nobody followed %s", page)
		}
	}
}

// commands are those of a page: each of a console, and each block for a shell as a whole.
func commands(text string) (out []string) {
	for _, block := range regexp.MustCompile("(?s)```(console|sh)\n(.*?)```").FindAllStringSubmatch(text, -1) {
		if block[1] == "sh" {
			out = append(out, block[2])
			continue
		}
		for _, found := range regexp.MustCompile(`(?m)^ *\$ (.*)$`).FindAllStringSubmatch(block[2], -1) {
			out = append(out, found[1])
		}
	}
	return out
}
