package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
	"github.com/workspace-providers/reconcile/status"
)

// The daemon does all that a provider goes through with the rights of its chart, as the account that the chart makes:
// nothing that it asks for is refused, and there is no right that it does not use.
func TestTheRightsOfTheChart(t *testing.T) {
	for name, args := range map[string][]string{
		"everywhere": nil,
		"narrow":     {"--set", "pull.others=true", "--set", "rbac.namespaces={NAME,NAME-other}"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, builtIn)
			workload := "deployment/daemon"
			if len(args) > 0 {
				workload = "statefulset/daemon"
				s.kubectl(builtIn, "create", "namespace", s.name)
				s.kubectl(builtIn, "create", "namespace", s.name+"-other")
			}
			t.Cleanup(func() {
				s.kubectl(builtIn, "delete", "namespace", s.name+"-other", "--wait=false", "--ignore-not-found")
			})
			args := strings.Split(strings.ReplaceAll(strings.Join(args, "\n"), "NAME", s.name), "\n")
			s.install(builtIn, "daemon", slices.DeleteFunc(append(args,
				"--values", filepath.Join(root, "examples/install/values/workspace-provider.yaml"),
				"--set", "image.repository=example.com/reconcile,rbac.lookInside=true,git.interval=300ms,git.repo="+s.bare),
				func(arg string) bool { return arg == "" })...)
			s.env = byLists
			d := s.boot(builtIn, workload)
			s.live(d)
			d.stop()
			s.rightsAreUsed(builtIn, "daemon")
		})
	}
}

// byLists has the daemon ask for lists, as it asks API servers that do not stream them (before Kubernetes 1.34).
var byLists = []string{"KUBE_FEATURE_WatchListClient=false"}

// live takes a provider through all that may happen to it.
func (s *site) live(d *daemon) {
	s.Helper()
	s.providerChart()
	before, after := newFront(s.TB.(*testing.T), "one", false), newFront(s.TB.(*testing.T), "one", false)
	after.set(func(f *front) { f.says = after.URL })
	s.declare("limit.cue", `deployment: deletion: raised: {max: 10, until: "2100-01-01T00:00:00Z", reason: "test"}`)
	s.declare("red.cue", `allowlists: frankfurt: red: true`)
	s.declare("other.cue", fmt.Sprintf(`providers: other: {cluster: "built-in", namespace: %q, deletion: policy: "uninstall", chart: path: "charts/demanding", values: needed: "it"}`, s.name+"-other"))
	provider := func(policy, more string) {
		s.declare("a.cue", strings.ReplaceAll(team, "builtInProvider: false", "{}")+fmt.Sprintf(`providers: "built-in": enforcement: "off" // it is in the same namespace
allowlists: frankfurt: blue: true
providers: frankfurt: {
	cluster: "built-in", deletion: policy: %q, enforcement: "enforce"
	chart: {path: "charts/workspace-provider", shape: "v1"}
	values: {envproxy: clusterAddress: "https://10.0.0.1:6443", ingress: host: "frankfurt.example.com"}
	%s
}`, policy, more))
	}
	provider("block", "")
	d.ready(s.at(before.URL, "", ""), "frankfurt", "other")

	s.kubectl(builtIn, "create", "secret", "generic", "token", "--from-literal=value=s3cret")
	s.kubectl(builtIn, "create", "configmap", "note", "--from-literal=value=hello")
	const changed = `values: envproxy: replicas: 2
	valuesFrom: {"podAnnotations.secret": {kind: "Secret", name: "token", key: "value"}, "podAnnotations.note": {kind: "ConfigMap", name: "note", key: "value"}}`
	provider("uninstall", changed)
	d.enforced(s.push(), "frankfurt")
	ada := s.developer(builtIn)
	s.await("green is refused", func() (any, bool) {
		said, ok := ada.kubectl(workload(s, "Pod", "green", "green"), "create", "-f", "-")
		return said, !ok && strings.Contains(said, "green")
	})
	ada.creates("Pod", "red", "red")
	ada.must("delete", "pod", "red", "--now")

	const all = "deployments,services,serviceaccounts,ingresses,networkpolicies,poddisruptionbudgets,roles,rolebindings"
	s.kubectl(builtIn, "label", all, "--selector", "app.kubernetes.io/instance=frankfurt", "app.kubernetes.io/part-of=edited", "--overwrite")
	s.await("all of it is repaired", func() (any, bool) {
		got := s.kubectl(builtIn, "get", all, "--selector", "app.kubernetes.io/part-of=edited", "-o", "name")
		return got, got == ""
	})
	for _, policy := range []string{"orphan", "uninstall"} { // which is a mark on what is there
		provider(policy, changed)
		sha := s.push()
		d.until("it is marked", func(doc status.StatusDoc) bool {
			return doc.Revision.SHA == sha && doc.Summary == status.Summary{Keep: doc.Summary.Keep}
		})
	}
	s.declare("other.cue", fmt.Sprintf(`providers: other: {cluster: "built-in", namespace: %q, deletion: policy: "uninstall", chart: path: "charts/small", values: image: "localhost/never/x"}`, s.name+"-other"))
	s.push()
	s.await("its page has what the cluster says of what is not well", func() (any, bool) {
		_, page := d.get("/api/v1/providers/other")
		return page, strings.Contains(page, `"about": "Deployment/other"`)
	})

	s.declare("red.cue", "")
	s.declare("other.cue", "")
	sha := s.push()
	d.until("red is out, and the other provider is gone", func(doc status.StatusDoc) bool {
		return doc.Revision.SHA == sha && len(doc.Providers) == 2 && doc.Summary == status.Summary{Keep: doc.Summary.Keep}
	})
	s.foresee(d)
	d.ready(s.at(after.URL, before.URL, `deployment: health: probeImage: "curl"`), "frankfurt")

	s.files = map[string]string{"deployment.cue": s.files["deployment.cue"], "limit.cue": s.files["limit.cue"], "url.cue": s.files["url.cue"]}
	s.declare("rest.cue", `organizations: red: {}`) // where nothing is declared at all, nothing goes
	sha = s.push()
	d.until("it is gone", func(doc status.StatusDoc) bool { return doc.Revision.SHA == sha && len(doc.Providers) == 1 })
}

// foresee has a plan tell of what is not done: a claim for which there is no class, and a definition that is another.
func (s *site) foresee(d *daemon) {
	s.Helper()
	name := "widgets." + s.name + ".example.com"
	definition := fmt.Sprintf(`apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %s}
spec:
  group: %s.example.com
  names: {kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, description: one}}}]
`, name, s.name)
	file := filepath.Join(s.TempDir(), "definition.yaml")
	s.write(file, definition)
	s.kubectl(builtIn, "apply", "--filename", file)
	s.Cleanup(func() {
		s.kubectl(builtIn, "delete", "customresourcedefinition", name, "--wait=false", "--ignore-not-found")
	})
	s.files["charts/defined/Chart.yaml"] = "apiVersion: v2\nname: defined\nversion: 1.0.0\n"
	s.files["charts/defined/crds/widgets.yaml"] = strings.Replace(definition, "description: one", "description: two", 1)
	s.files["charts/defined/templates/all.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: defined}\n"
	s.declare("later.cue", `providers: {
	claiming: {cluster: "built-in", chart: path: "charts/claim", values: storageClassName: "nowhere", suspend: reason: "later"}
	defining: {cluster: "built-in", chart: path: "charts/defined", suspend: reason: "later"}
}`)
	s.push()
	s.await("the plan tells of storage classes and definitions", func() (any, bool) {
		_, plan := d.get("/api/v1/plan")
		return plan, strings.Contains(plan, "missing StorageClass: nowhere") && strings.Contains(plan, "another than the chart's")
	})
	s.declare("later.cue", "")
}

// allowance is a single right: in a namespace, or everywhere.
type allowance struct{ namespace, verb, group, resource string }

// grant is a single right that a role gives, in one namespace or in several.
type grant struct{ role, verb, group, resource string }

func (g grant) String() string {
	return strings.TrimSuffix(g.verb+" "+g.resource+"."+g.group, ".") + " of " + g.role
}

// rightsAreUsed compares what a release lets its account do with what the account did, as the cluster's audit log has it.
func (s *site) rightsAreUsed(cluster, release string, inVain ...string) {
	s.Helper()
	s.unrefused(cluster, s.account(release), inVain...)
	used := map[allowance]bool{}
	for _, q := range s.questions(cluster, s.account(release)) {
		for _, a := range q.needs() {
			used[a] = true
			a.namespace = ""
			used[a] = true
		}
	}
	allowed := s.allowed(cluster, release)
	if len(allowed) == 0 {
		s.Error("it gives no rights")
	}
	for _, g := range slices.SortedFunc(maps.Keys(allowed), func(a, b grant) int { return strings.Compare(a.String(), b.String()) }) {
		if !slices.ContainsFunc(allowed[g], func(in string) bool { return used[allowance{in, g.verb, g.group, g.resource}] }) {
			s.Errorf("not used: %s", g)
		}
	}
}

// allowed are the single rights that a release gives its account, with the namespaces that each is for; the empty one is
// everywhere. Those that are there to be given away by providers' Roles are left out: the API server compares them, and
// refuses such a Role where one is missing.
func (s *site) allowed(cluster, release string) map[grant][]string {
	s.Helper()
	given := s.given()
	out := map[grant][]string{}
	for doc := range strings.SplitSeq(s.helm(cluster, "get", "manifest", release, "--namespace", s.system()), "\n---\n") {
		var role rbacv1.ClusterRole // a Role has the same fields
		if err := yaml.Unmarshal([]byte(doc), &role); err != nil {
			s.Fatal(err)
		}
		for _, rule := range role.Rules {
			if given[fmt.Sprint(rule)] {
				continue
			}
			for _, a := range allowances(role.Namespace, rule) {
				g := grant{role.Name, a.verb, a.group, a.resource}
				out[g] = append(out[g], a.namespace)
			}
		}
	}
	return out
}

// given are the rules of the Role that the example chart of a provider makes.
func (s *site) given() map[string]bool {
	s.Helper()
	var role rbacv1.Role
	text := kubetest.Output(s, "helm", "template", filepath.Join(root, "examples/charts/workspace-provider"), "--show-only", "templates/role.yaml",
		"--set", "cemanager.accessURL=https://a.example.com,envproxy.clusterAddress=https://b.example.com,ingress.host=c.example.com")
	text, _, _ = strings.Cut(strings.TrimPrefix(text, "---\n"), "\n---\n")
	if err := yaml.Unmarshal([]byte(text), &role); err != nil || len(role.Rules) == 0 {
		s.Fatalf("%v\n%s", err, text)
	}
	out := map[string]bool{}
	for _, rule := range role.Rules {
		out[fmt.Sprint(rule)] = true
	}
	return out
}

// allowances are the single rights of a rule.
func allowances(namespace string, rule rbacv1.PolicyRule) (out []allowance) {
	for _, verb := range rule.Verbs {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				out = append(out, allowance{namespace, verb, group, resource})
			}
		}
	}
	return out
}

// question is a request with what it was about.
type question struct {
	request

	ObjectRef struct{ APIGroup, Resource, Subresource, Namespace string }
}

// needs are the rights that it takes. What is applied and was not there before is created.
func (q question) needs() []allowance {
	if q.ResponseStatus.Code >= 400 && q.ResponseStatus.Code != 404 && q.ResponseStatus.Code != 409 && q.ResponseStatus.Code != 422 &&
		!strings.Contains(q.RequestURI, "dryRun=All") {
		return nil
	}
	resource := q.ObjectRef.Resource
	if q.ObjectRef.Subresource != "" {
		resource += "/" + q.ObjectRef.Subresource
	}
	out := []allowance{{q.ObjectRef.Namespace, q.Verb, q.ObjectRef.APIGroup, resource}}
	if q.Verb == "patch" && q.ResponseStatus.Code == 201 {
		out = append(out, allowance{q.ObjectRef.Namespace, "create", q.ObjectRef.APIGroup, resource})
	}
	return out
}

// questions are what a user asked of a cluster so far.
func (s *site) questions(cluster, user string) (out []question) {
	s.Helper()
	log, err := os.Open(filepath.Join(kubetest.Dir(s), ".localkube", cluster, "audit.log"))
	if err != nil {
		s.Fatal(err)
	}
	defer log.Close()
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var q question
		if strings.Contains(lines.Text(), user) && json.Unmarshal(lines.Bytes(), &q) == nil && q.User.Username == user {
			out = append(out, q)
		}
	}
	return out
}
