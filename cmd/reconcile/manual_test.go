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

	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
	"github.com/workspace-providers/reconcile/status"
)

// Whoever follows docs/install.md has a daemon that keeps providers in the cluster that it runs in, in one that it has a
// kubeconfig of, and in one that is reached from inside alone. What pods would run is started here: there is no kubelet.
func TestInstalledAsTheManualSays(t *testing.T) {
	s := newSite(t, builtIn, eu, us)
	m := s.manual()
	s.providerChart()
	s.declare("a.cue", `deployment: accessURL: "https://coder.example.com"
clusters: "built-in": {}
clusters: {eu: {}, edge: {}}
providers: [!="built-in"]: {
	chart: {path: "charts/workspace-provider", shape: "v1"}
	values: {envproxy: clusterAddress: "https://10.0.0.1:6443", ingress: host: "frankfurt.example.com"}
}
providers: {here: cluster: "built-in", frankfurt: cluster: "eu"}`)
	s.files["deployment.cue"] = strings.Replace(s.files["deployment.cue"], fmt.Sprintf("%q: {}", us), `"edge": {}`, 1)
	sha := s.push()
	m.follow("The deployment's own cluster", "Each other cluster")
	d := s.boot(builtIn, "deployment/reconcile")
	d.ready(sha, "here", "frankfurt")
	s.probed(d, builtIn, "deployment/reconcile")
	d.stop()

	s.declare("b.cue", `providers: far: cluster: "edge"`)
	sha = s.push()
	m.follow("A cluster that is reached from inside alone")
	d = s.boot(builtIn, "statefulset/reconcile")
	inside := s.boot(us, "deployment/reconcile")
	for _, one := range []*daemon{d, inside} {
		one.ready(sha, "here", "frankfurt", "far")
	}
	if c := cluster(d.status(), "edge"); c.Via != "edge" {
		t.Errorf("the cluster that is reached from inside is seen as %+v", c)
	}
	d.until("nothing is left to do", func(doc status.StatusDoc) bool { return doc.Summary == status.Summary{Keep: doc.Summary.Keep} })
	m.follow("Upgrading")
	inside.stop()
	d.stop()
	for _, server := range []string{builtIn, eu, us} {
		s.unrefused(server, s.account("reconcile"))
	}
	s.unrefused(builtIn, s.account("edge"), toSpeak)
	m.follow("Taking it away")
	m.done()
}

// toSpeak is a request of a replica that acts on one cluster alone, while it sees no other that could speak for all. It may
// not: rights to make something cannot be confined to a name, and so it has none.
const toSpeak = "/apis/coordination.k8s.io/v1/namespaces/default/leases"

// unrefused wants nothing to have been refused to a user but what it may ask for in vain.
func (s *site) unrefused(cluster, user string, inVain ...string) {
	s.Helper()
	all := s.questions(cluster, user)
	for _, q := range all {
		if q.ResponseStatus.Code == 403 && !strings.Contains(q.RequestURI, "dryRun=All") && !slices.Contains(inVain, q.RequestURI) {
			s.Errorf("%s in %s: refused: %s %s", user, cluster, q.Verb, q.RequestURI)
		}
	}
	if len(all) == 0 {
		s.Errorf("%s asked nothing of %s", user, cluster)
	}
}

// probed wants a daemon to answer what a workload's probes ask.
func (s *site) probed(d *daemon, cluster, workload string) {
	s.Helper()
	found := regexp.MustCompile(`msg=listening address=(\S+)`).FindAllStringSubmatch(d.log.String(), -1)
	if len(found) != 2 {
		s.Fatalf("it listens at %v, want pages and probes", found)
	}
	probes := &daemon{site: s, url: "http://" + found[1][1]}
	c := s.pod(cluster, workload).Containers[0]
	for _, path := range []string{c.StartupProbe.HTTPGet.Path, c.LivenessProbe.HTTPGet.Path, c.ReadinessProbe.HTTPGet.Path, "/metrics"} {
		if code, body := probes.get(path); code != 200 {
			s.Errorf("%s: %d %s", path, code, body)
		}
	}
}

// manual is docs/install.md as somebody follows it in a shell.
type manual struct {
	*site
	dir  string
	env  []string
	left map[string]string // by heading: the commands that nobody has run yet
}

// manual reads the manual, and makes a place to follow it at: kubeconfigs with contexts as it calls them. What is
// installed has names of this test alone.
func (s *site) manual() *manual {
	s.Helper()
	m := &manual{site: s, dir: s.TempDir(), left: map[string]string{}}
	text := s.read(filepath.Join(root, "docs", "install.md"))
	for section := range strings.SplitSeq(text, "\n## ") {
		heading, body, _ := strings.Cut(section, "\n")
		for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(body, -1) {
			if !strings.HasPrefix(block[1], "export ") { // which says what is set here
				m.left[heading] += block[1]
			}
		}
	}
	config := clientcmdapi.NewConfig()
	for context, server := range map[string]string{"built-in": builtIn, "eu": eu, "edge": us} {
		admin, err := clientcmd.LoadFromFile(s.admin(server))
		if err != nil {
			s.Fatal(err)
		}
		was := admin.Contexts[admin.CurrentContext]
		config.Clusters[context], config.AuthInfos[context] = admin.Clusters[was.Cluster], admin.AuthInfos[was.AuthInfo]
		config.Contexts[context] = &clientcmdapi.Context{Cluster: context, AuthInfo: context}
		s.Cleanup(func() { s.uninstall(server, "reconcile"); s.uninstall(server, "edge") })
	}
	kubeconfig := filepath.Join(m.dir, "kubeconfig")
	if err := clientcmd.WriteToFile(*config, kubeconfig); err != nil {
		s.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(kubetest.Root(), "examples"), filepath.Join(m.dir, "examples")); err != nil {
		s.Fatal(err)
	}
	m.env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "REPO="+s.bare, "GIT_TOKEN=none", "IMAGE=example.com/reconcile", "TAG=v1.2.3",
		"XDG_CACHE_HOME="+filepath.Join(m.dir, "cache"),
		"PATH="+strings.Join([]string{filepath.Dir(s.program), filepath.Join(kubetest.Root(), "bin"), os.Getenv("PATH")}, string(filepath.ListSeparator)))
	return m
}

// follow runs the commands of sections. A command that fails is the end.
func (m *manual) follow(headings ...string) {
	m.Helper()
	for _, heading := range headings {
		text := m.left[heading]
		if text == "" {
			m.Fatalf("the manual has no commands under %q", heading)
		}
		delete(m.left, heading)
		text = strings.NewReplacer("namespace reconcile", "namespace "+m.system(), "built-in reconcile ", "built-in "+m.system()+" ",
			"eu reconcile reconcile", "eu "+m.system()+" reconcile", "deployment=acme", "deployment="+m.name).Replace(text)
		cmd := exec.Command("sh", "-eux", "-c", text)
		cmd.Dir, cmd.Env = m.dir, m.env
		if out, err := cmd.CombinedOutput(); err != nil {
			m.Fatalf("%s: %v\n%s", heading, err, out)
		}
	}
}

// done wants every command to have been run.
func (m *manual) done() {
	m.Helper()
	for heading, text := range m.left {
		m.Errorf("nobody has run, under %q:\n%s", heading, text)
	}
}
