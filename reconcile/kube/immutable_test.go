package kube

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/workspace-providers/reconcile/reconcile"
)

// edit is a change of one object that is there.
func (p *pad) edit(before, after string) reconcile.Change {
	p.Helper()
	return reconcile.Change{Edits: []reconcile.Edit{{Before: documents(p.T, before)[0], After: documents(p.T, after)[0]}}}
}

func TestImmutableFields(t *testing.T) {
	p := newPad(t)
	deploy := "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %s}\nspec:\n  replicas: %d\n  selector: {matchLabels: {app: %s}}\n" +
		"  template: {metadata: {labels: {app: %[3]s}}, spec: {containers: [{name: main, image: \"example/app:1\", env: [{name: PASSWORD, value: hunter2}]}]}}"
	job := "apiVersion: batch/v1\nkind: Job\nmetadata: {name: job-%[1]t}\nspec: {suspend: %[1]t, template: {spec: {restartPolicy: Never, containers: [{name: main, image: \"example/app:%[2]s\", env: [{name: PASSWORD, value: hunter2}]}]}}}"
	sealed := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {a: \"%s\"}\nimmutable: %t"
	binding := "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: web}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: %s}"
	service := "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {%s ports: [{port: %d}]}"
	secret := "apiVersion: v1\nkind: Secret\nmetadata: {name: web}\ntype: %s\nstringData: {username: hunter2, password: %s}"
	for name, c := range map[string]struct {
		before, after, want string
		requests            int64
	}{
		"selector": {fmt.Sprintf(deploy, "web", 0, "web"), fmt.Sprintf(deploy, "web", 0, "other"),
			"immutable field: Deployment {}/web: spec.selector: field is immutable", 1},
		"replicas": {fmt.Sprintf(deploy, "more", 0, "web"), fmt.Sprintf(deploy, "more", 1, "web"), "", 0},
		"claim templates": {fmt.Sprintf(stateful, "", "1Gi"), fmt.Sprintf(stateful, "", "2Gi"),
			"immutable field: StatefulSet {}/db: spec", 1},
		"job":              {fmt.Sprintf(job, false, "1"), fmt.Sprintf(job, false, "2"), "immutable field: Job {}/job-false: spec.template: field is immutable", 1},
		"suspended job":    {fmt.Sprintf(job, true, "1"), fmt.Sprintf(job, true, "2"), "immutable field: Job {}/job-true: spec.template", 1},
		"sealed":           {fmt.Sprintf(sealed, "s", "1", true), fmt.Sprintf(sealed, "s", "2", true), "immutable field: ConfigMap {}/s: data: field is immutable when `immutable` is set", 1},
		"not sealed":       {fmt.Sprintf(sealed, "open", "1", false), fmt.Sprintf(sealed, "open", "2", false), "", 0},
		"role":             {fmt.Sprintf(binding, "a"), fmt.Sprintf(binding, "b"), "immutable field: RoleBinding {}/web: roleRef: ", 1},
		"address":          {fmt.Sprintf(service, "", 80), fmt.Sprintf(service, "clusterIP: None,", 80), "immutable field: Service {}/web: spec.clusterIPs[0]: may not change once set", 1},
		"type":             {fmt.Sprintf(secret, "Opaque", "b"), fmt.Sprintf(secret, "kubernetes.io/basic-auth", "b"), "immutable field: Secret {}/web: type: field is immutable", 1},
		"what a volume is": {fmt.Sprintf(volume1, ""), fmt.Sprintf(volume1, "volumeMode: Block,"), "immutable field: PersistentVolumeClaim {}/data: spec: spec is immutable after creation except", 1},
	} {
		t.Run(name, func(t *testing.T) {
			p.make(c.before)
			p.adds(fmt.Sprintf(stateful, "", "1Gi")) // so that what is asked once was asked
			have, requests := p.preflight("web", reconcile.Deployed, p.edit(c.before, c.after))
			want := strings.ReplaceAll(c.want, "{}", p.space)
			if got := strings.Join(have, "\n"); want == "" && got != "" || !strings.HasPrefix(got, want) || strings.Contains(got, "hunter2") {
				t.Errorf("risks %q, want %q", got, want)
			}
			if requests != c.requests {
				t.Errorf("%d requests, want %d", requests, c.requests)
			}
		})
	}
}

func TestTryingAChangePersistsNothing(t *testing.T) {
	p := newPad(t)
	before := "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}"
	p.make(before)
	was, err := p.kube.CoreV1().Services(p.space).Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	risks, requests := p.preflight("web", reconcile.Deployed,
		p.edit(before, "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 81}], ipFamilies: [IPv4]}"))
	is, err := p.kube.CoreV1().Services(p.space).Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil || len(risks) > 0 || requests != 2 || is.ResourceVersion != was.ResourceVersion {
		t.Errorf("%v, %q after %d requests, version %s, was %s", err, risks, requests, is.ResourceVersion, was.ResourceVersion)
	}
}

func TestWhoMayNotPatchDoesNotTry(t *testing.T) {
	admin := newPad(t)
	before := "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}"
	admin.make(before)
	p := admin.as(admin.space + "-reader")
	p.preflight("web", reconcile.Deployed, p.edit(before, "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: None, ports: [{port: 80}]}"))
	for question := range p.answers.kept {
		if r, is := question.(right); is && r.verb == "patch" && r.resource.Resource == "services" && r.namespace == p.space {
			return // so it was asked whether we may, and the answer was no
		}
	}
	t.Error("nobody asked whether a change may be tried")
}
