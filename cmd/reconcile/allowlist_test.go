package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
	"github.com/workspace-providers/reconcile/status"
)

// team declares organizations red and blue, told by a label.
const team = `deployment: environments: organizationLabel: "example.com/organization"
organizations: {red: builtInProvider: false, blue: builtInProvider: false}
`

// workload is an environment of an organization, of one of the kinds that make one, as JSON.
func workload(t testing.TB, kind, name, organization string) string {
	t.Helper()
	labels := fmt.Sprintf(`{com.coder.resource: "true", com.coder.workspace.id: %s, com.coder.user.username: ada, example.com/organization: %s}`, name, organization)
	pod := `{containers: [{name: main, image: "example/app:1"}]}`
	template := fmt.Sprintf(`{selector: {matchLabels: {com.coder.workspace.id: %s}}, template: {metadata: {labels: %s}, spec: %s}}`, name, labels, pod)
	version, spec := "v1", pod
	switch kind {
	case "Deployment", "StatefulSet":
		version, spec = "apps/v1", template
	case "PersistentVolumeClaim":
		spec = `{accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}`
	}
	text, err := yaml.YAMLToJSON(fmt.Appendf(nil, "{apiVersion: %s, kind: %s, metadata: {name: %s, labels: %s}, spec: %s}\n",
		version, kind, name, labels, spec))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// developer is somebody who works in a cluster with plain kubectl, and is not the daemon.
type developer struct {
	*site
	kubeconfig string
}

func (s *site) developer(cluster string) developer {
	s.Helper()
	_, text := s.user(cluster, "developer")
	path := filepath.Join(s.TempDir(), "kubeconfig")
	s.write(path, text)
	return developer{s, path}
}

// kubectl runs kubectl and returns what it said, however it ended.
func (d developer) kubectl(stdin string, args ...string) (said string, ok bool) {
	d.Helper()
	cmd := exec.Command(kubetest.Tool("kubectl"), append([]string{"--kubeconfig", d.kubeconfig, "--namespace", d.name}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// creates wants an environment to be let in.
func (d developer) creates(kind, name, organization string) {
	d.Helper()
	if said, ok := d.kubectl(workload(d, kind, name, organization), "create", "-f", "-"); !ok {
		d.Errorf("a %s of %s is refused: %s", kind, organization, said)
	}
}

// refused wants an environment to be refused with these words.
func (d developer) refused(kind, name, organization, words string) {
	d.Helper()
	if said, ok := d.kubectl(workload(d, kind, name, organization), "create", "-f", "-"); ok || !strings.Contains(said, words) {
		d.Errorf("a %s of %s: %s", kind, organization, said)
	}
}

// must wants kubectl to work.
func (d developer) must(args ...string) {
	d.Helper()
	if said, ok := d.kubectl("", args...); !ok {
		d.Errorf("kubectl %s: %s", strings.Join(args, " "), said)
	}
}

// enforced waits until a provider's allowlist is enforced in the cluster.
func (d *daemon) enforced(sha, name string) status.StatusDoc {
	d.Helper()
	d.ready(sha, name)
	return d.until("it is enforced", func(doc status.StatusDoc) bool {
		return !slices.ContainsFunc(provider(doc, name).Holds, func(h status.Hold) bool { return h.Class == reconcile.Progress })
	})
}

// kinds are those that make an environment.
func kinds() []string { return []string{"Pod", "Deployment", "StatefulSet", "PersistentVolumeClaim"} }

// Who is on the allowlist may create environments of all kinds, and nobody else may, also while no daemon
// runs. Whoever is taken off stays until his environments are gone, and they are left alone.
func TestTheAllowlistIsEnforcedInTheCluster(t *testing.T) {
	s := newSite(t, eu)
	s.declare("a.cue", team+`providers: frankfurt: {cluster: "eu", enforcement: "enforce"}`)
	s.declare("list.cue", `allowlists: {frankfurt: {red: true, blue: true}}`)
	d := s.daemon()
	d.enforced(s.push(), "frankfurt")
	ada := s.developer(eu)
	for _, kind := range kinds() {
		name := "red-" + strings.ToLower(kind)
		s.await("red may create a "+kind, func() (any, bool) {
			said, ok := ada.kubectl(workload(t, kind, name, "red"), "create", "-f", "-")
			return said, ok || strings.Contains(said, "AlreadyExists")
		})
	}
	s.declare("list.cue", `allowlists: {frankfurt: blue: true, other: red: true}
providers: other: {cluster: "eu", namespace: "`+s.name+`-2"}`)
	t.Cleanup(func() { s.kubectl(eu, "delete", "namespace", s.name+"-2", "--wait=false", "--ignore-not-found") })
	sha := s.push()
	doc := d.until("red is held", func(doc status.StatusDoc) bool {
		return doc.Revision.SHA == sha && held(doc, "frankfurt").Reason == reconcile.Occupied
	})
	if h := held(doc, "frankfurt"); h.Organization != "red" || !strings.Contains(h.Message, "4 environments: ada/red-") {
		t.Errorf("the hold: %+v", h)
	}
	s.noted(sha, "apply failure eu/frankfurt: held, occupied")
	for _, kind := range []string{"pod", "deployment", "statefulset", "persistentvolumeclaim"} {
		ada.must("delete", kind, "red-"+kind, "--now")
	}
	d.until("red has left", func(doc status.StatusDoc) bool { return len(provider(doc, "frankfurt").Holds) == 0 })
	ada.creates("Deployment", "blue-one", "blue")
	s.kubectl(eu, "wait", "deployment/blue-one", "--for=condition=Available", "--timeout=60s")
	d.until("it is counted", func(doc status.StatusDoc) bool { return len(provider(doc, "frankfurt").Environments) == 1 })

	d.stop()
	for _, kind := range kinds() {
		ada.refused(kind, "late-"+strings.ToLower(kind), "red", "workspace provider frankfurt: organization red is not on its allowlist")
		ada.creates(kind, "new-"+strings.ToLower(kind), "blue")
	}
	ada.refused("Pod", "nobody", "pink", "workspace provider frankfurt")
	ada.must("rollout", "restart", "deployment/blue-one")
	ada.must("scale", "deployment/blue-one", "--replicas=2")
	ada.must("set", "image", "deployment/blue-one", "main=example/app:2")
	s.kubectl(eu, "rollout", "status", "deployment/blue-one", "--timeout=60s")
}

// A cordon lets nobody in and leaves everybody in peace.
func TestCordoned(t *testing.T) {
	s := newSite(t, eu)
	declare := func(cordon string) string {
		s.declare("a.cue", team+`providers: frankfurt: {cluster: "eu", enforcement: "enforce"`+cordon+`}
allowlists: frankfurt: {red: true, blue: true}`)
		return s.push()
	}
	d := s.daemon()
	d.enforced(declare(""), "frankfurt")
	ada := s.developer(eu)
	s.await("red may create", func() (any, bool) { return ada.kubectl(workload(t, "Deployment", "one", "red"), "create", "-f", "-") })
	d.until("it is counted", func(doc status.StatusDoc) bool { return len(provider(doc, "frankfurt").Environments) == 1 })
	d.enforced(declare(`, cordon: reason: "moving house"`), "frankfurt")
	s.await("nobody may create", func() (any, bool) {
		said, ok := ada.kubectl(workload(t, "Pod", "two", "red"), "create", "--dry-run=server", "-f", "-")
		return said, !ok && strings.Contains(said, "cordoned (moving house)")
	})
	s.await("it is known by now", func() (any, bool) { // it may be written a second later
		return ada.kubectl("", "delete", "pod", "-l", "com.coder.workspace.id=one", "--now", "--dry-run=server")
	})
	ada.must("scale", "deployment/one", "--replicas=0")
	ada.must("scale", "deployment/one", "--replicas=1")
	ada.must("delete", "deployment/one")
	s.await("what exists may be made anew", func() (any, bool) {
		return ada.kubectl(workload(t, "Deployment", "one", "red"), "create", "-f", "-")
	})
	d.enforced(declare(""), "frankfurt")
	s.await("red may create again", func() (any, bool) { return ada.kubectl(workload(t, "Pod", "two", "red"), "create", "-f", "-") })
}

// A release for each organization comes and goes with its place on the allowlist, on every cluster.
func TestAReleaseForEachOrganization(t *testing.T) {
	s := newSite(t, eu, builtIn)
	s.files["charts/provisioner/README.md"] = "" // made by the copy below
	if err := filepath.WalkDir(filepath.Join("..", "..", "examples", "charts", "provisioner"), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(filepath.Join("..", "..", "examples", "charts"), path)
		s.files["charts/"+filepath.ToSlash(rel)] = s.read(path)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	s.declare("a.cue", `deployment: {generation: "v2", deletion: raised: {max: 100, until: "2100-01-01T00:00:00Z", reason: "test"}}
organizations: [Name=string]: {builtInProvider: false, match: namespaces: "`+s.name+`-\(Name)": true}
organizations: {red: {}, blue: {}, green: {}}
providers: [Name=string]: {
	if Name != "built-in" {
		namespace: "`+s.name+`-\(Name)"
		chart: path: "charts/provisioner"
		perOrganization: [Org=string]: {
			namespace:   "`+s.name+`-\(Org)"
			releaseName: "\(Name)-\(Org)"
			values: provisionerDaemon: keySecretName: "key-\(Org)"
		}
	}
}
providers: {frankfurt: cluster: "eu", home: cluster: "built-in"}`)
	s.declare("list.cue", `allowlists: {frankfurt: {red: true, blue: true}, home: {red: true, green: true}}`)
	for _, org := range []string{"red", "blue", "green"} {
		for _, cluster := range []string{eu, builtIn} {
			name := s.name + "-" + org
			s.kubectl(cluster, "create", "namespace", name)
			s.kubectl(cluster, "create", "secret", "generic", "key-"+org, "--from-literal=key=x", "--namespace", name)
			t.Cleanup(func() { s.kubectl(cluster, "delete", "namespace", name, "--wait=false") })
		}
	}
	releases := func(cluster string) string {
		return strings.Join(strings.Fields(s.helm(cluster, "list", "--all-namespaces", "--short", "--filter", "^(frankfurt|home)-(red|blue|green)$")), " ")
	}
	d := s.daemon()
	d.ready(s.push(), "frankfurt", "home")
	if got := releases(eu) + "/" + releases(builtIn); got != "frankfurt-blue frankfurt-red/home-green home-red" {
		t.Errorf("releases %s", got)
	}
	s.declare("list.cue", `allowlists: {frankfurt: {red: true, green: true}, home: {red: true, blue: true}}`)
	sha := s.push()
	d.ready(sha, "frankfurt", "home")
	s.await("one came and one went on each", func() (any, bool) {
		got := releases(eu) + "/" + releases(builtIn)
		return got, got == "frankfurt-green frankfurt-red/home-blue home-red"
	})
}
