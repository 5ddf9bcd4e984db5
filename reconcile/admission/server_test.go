package admission

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/workspace-providers/reconcile/reconcile"
	"github.com/workspace-providers/reconcile/reconcile/kube/kubetest"
)

func TestMain(m *testing.M) { kubetest.Run(m, "eu") }

// Names that are the same in every test.
const (
	idLabel    = "com.coder.workspace.id"
	orgLabel   = "example.com/organization"
	controller = "system:serviceaccount:kube-system:replicaset-controller"
	daemon     = "reconcile-daemon"
)

// server is a real API server with a guarded provider in namespaces of its own: one that everybody shares,
// one of organization research, which is allowed, and one of design, which is not.
type server struct {
	*testing.T
	config                   *rest.Config
	admin                    kubernetes.Interface
	guard                    Guard
	shared, research, design string
	warnings                 warnings
}

// warnings are what the server warned of.
type warnings struct {
	mu   sync.Mutex // requests may be concurrent
	text []string
}

func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, text)
}

func newServer(t *testing.T) *server {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(kubetest.Dir(t), "eu.kubeconfig"))
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	s := &server{T: t, config: config}
	if s.admin, err = kubernetes.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	base := kubetest.Namespace(t)
	s.shared, s.research, s.design = base+"-shared", base+"-research", base+"-design"
	s.guard = sample(base)
	for _, name := range append(s.guard.Namespaces, s.guard.Namespace) {
		s.must(s.admin.CoreV1().Namespaces().Create(t.Context(), &core.Namespace{ObjectMeta: meta.ObjectMeta{Name: name}}, meta.CreateOptions{}))
	}
	_, err = s.admin.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbac.ClusterRoleBinding{
		ObjectMeta: meta.ObjectMeta{Name: "everybody"},
		Subjects:   []rbac.Subject{{Kind: "Group", APIGroup: rbac.GroupName, Name: "system:authenticated"}},
		RoleRef:    rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
	}, meta.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	t.Cleanup(s.clean)
	return s
}

// sample guards a provider on which two organizations are recognised by what nobody can claim, and two by
// labels; research and red are allowed.
func sample(base string) Guard {
	return Guard{
		Owner: base, Provider: "frankfurt", Namespace: base + "-ours", Identity: daemon,
		Open: map[string]bool{"research": true, "red": true},
		Admission: reconcile.Admission{
			Mode: reconcile.Enforce, Contact: "the platform team",
			Namespaces: []string{base + "-shared", base + "-research", base + "-design"},
			Recognition: reconcile.Recognition{
				Selectors:         []string{"com.coder.resource=true", "app in (coder-workspace, coder-pvc),tier!=system"},
				IDLabel:           idLabel,
				OwnerLabel:        "com.coder.user.username",
				OrganizationLabel: orgLabel,
				Prebuilt:          "com.coder.user.username=prebuilds",
				Trusted:           []string{"operators:workspaces"},
				Organizations: map[string]reconcile.Match{
					"research": {Namespaces: []string{base + "-research"}, ServiceAccounts: []string{base + "-shared:research"}},
					"design": {
						Namespaces: []string{base + "-design"}, ServiceAccounts: []string{base + "-shared:design"},
						IDs: []string{"declared", base + "-shared/declared-name"},
					},
					"red":  {Labels: map[string]string{"example.com/team": "red", "example.com/stage": "live"}},
					"blue": {Labels: map[string]string{"example.com/team": "blue"}},
				},
			},
		},
		Known: map[string]string{
			"design-1": "design", "research-1": "research", "blue-1": "blue", "nobody-1": "",
			base + "-shared/design-pod": "design", base + "-design/old": "design",
		},
	}
}

func (s *server) must(_ any, err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// install makes the server hold what the guard makes, and nothing else of it.
func (s *server) install() Objects {
	s.Helper()
	made, err := s.guard.Objects()
	if err != nil {
		s.Fatal(err)
	}
	ctx, registration := s.Context(), s.admin.AdmissionregistrationV1()
	for _, p := range made.Parameters {
		if _, err := s.admin.CoreV1().ConfigMaps(s.guard.Namespace).Update(ctx, &p, meta.UpdateOptions{}); apierrors.IsNotFound(err) {
			s.must(s.admin.CoreV1().ConfigMaps(s.guard.Namespace).Create(ctx, &p, meta.CreateOptions{}))
		} else if err != nil {
			s.Fatal(err)
		}
	}
	if made.Policy != nil {
		if _, err := registration.ValidatingAdmissionPolicies().Create(ctx, made.Policy, meta.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			s.Fatal(err)
		}
	}
	for _, b := range made.Bindings {
		if _, err := registration.ValidatingAdmissionPolicyBindings().Create(ctx, &b, meta.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			s.Fatal(err)
		}
	}
	return made
}

// clean takes the guard away: it is outside the namespaces.
func (s *server) clean() {
	ctx, registration := s.T.Context(), s.admin.AdmissionregistrationV1()
	if ctx.Err() != nil {
		ctx = context.WithoutCancel(ctx)
	}
	ours := meta.ListOptions{LabelSelector: LabelOwner + "=" + s.guard.Owner}
	if err := registration.ValidatingAdmissionPolicyBindings().DeleteCollection(ctx, meta.DeleteOptions{}, ours); err != nil {
		s.Error(err)
	}
	if err := registration.ValidatingAdmissionPolicies().DeleteCollection(ctx, meta.DeleteOptions{}, ours); err != nil {
		s.Error(err)
	}
}

// door waits until every shard answers like this about an organization; the answer is part of the refusal,
// empty: there is none.
func (s *server) door(organization, answer string) {
	s.Helper()
	for _, probe := range s.guard.Probes(s.shared, organization) {
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			_, err := s.admin.CoreV1().Pods(s.shared).Create(s.Context(), probe, meta.CreateOptions{DryRun: []string{meta.DryRunAll}})
			if said(err, answer) {
				break
			}
			if time.Now().After(deadline) {
				s.Fatalf("asked for %s and waited for %q in vain: %v", organization, answer, err)
			}
		}
	}
}

// said tells whether an error is the expected refusal, or none where none is expected.
func said(err error, refusal string) bool {
	if refusal == "" {
		return err == nil
	}
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), refusal)
}

// as is the server as somebody sees it; a service account is written as "namespace:name".
func (s *server) as(user string) dynamic.Interface {
	s.Helper()
	config := rest.CopyConfig(s.config)
	config.WarningHandler = &s.warnings
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated"}}
	if name, group, grouped := strings.Cut(user, " in "); grouped {
		config.Impersonate = rest.ImpersonationConfig{UserName: name, Groups: []string{"system:authenticated", group}}
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		s.Fatal(err)
	}
	return client
}

// resources are the kinds that are looked at.
var resources = map[string]schema.GroupVersionResource{
	"Pod":                   {Version: "v1", Resource: "pods"},
	"PersistentVolumeClaim": {Version: "v1", Resource: "persistentvolumeclaims"},
	"PodTemplate":           {Version: "v1", Resource: "podtemplates"},
	"ReplicationController": {Version: "v1", Resource: "replicationcontrollers"},
	"Deployment":            {Group: "apps", Version: "v1", Resource: "deployments"},
	"StatefulSet":           {Group: "apps", Version: "v1", Resource: "statefulsets"},
	"DaemonSet":             {Group: "apps", Version: "v1", Resource: "daemonsets"},
	"ReplicaSet":            {Group: "apps", Version: "v1", Resource: "replicasets"},
	"Job":                   {Group: "batch", Version: "v1", Resource: "jobs"},
	"CronJob":               {Group: "batch", Version: "v1", Resource: "cronjobs"},
}

// kinds are their names, sorted.
func kinds() []string {
	var out []string
	for kind := range resources {
		out = append(out, kind)
	}
	slices.Sort(out)
	return out
}

// marked are the labels of an object.
type marked = map[string]any

// object is one to try with.
type object struct{ unstructured.Unstructured }

// an makes a small legal object of a kind. Its labels are the environment's, and those of its template too.
func an(kind, name string, l marked) object { return with(kind, name, l, l) }

// with makes one whose template has other labels.
func with(kind, name string, own, template marked) object {
	app := marked{"run": name}
	for key, value := range template {
		app[key] = value
	}
	containers := []any{map[string]any{"name": "main", "image": "example/app:1"}}
	pod := map[string]any{"containers": containers, "restartPolicy": "Always"}
	inner := map[string]any{"metadata": map[string]any{"labels": app}, "spec": pod}
	selector := map[string]any{"matchLabels": marked{"run": name}}
	storage := map[string]any{
		"accessModes": []any{"ReadWriteOnce"}, "resources": map[string]any{"requests": map[string]any{"storage": "1Gi"}},
	}
	o := object{unstructured.Unstructured{Object: map[string]any{
		"apiVersion": resources[kind].GroupVersion().String(), "kind": kind,
		"metadata": map[string]any{"name": name, "labels": own},
	}}}
	switch kind {
	case "Pod":
		o.Object["spec"] = pod
	case "PersistentVolumeClaim":
		o.Object["spec"] = storage
	case "PodTemplate":
		o.Object["template"] = inner
	case "ReplicationController":
		o.Object["spec"] = map[string]any{"selector": marked{"run": name}, "template": inner}
	case "Deployment", "DaemonSet", "ReplicaSet":
		o.Object["spec"] = map[string]any{"selector": selector, "template": inner}
	case "StatefulSet":
		o.Object["spec"] = map[string]any{
			"selector": selector, "template": inner, "serviceName": name,
			"volumeClaimTemplates": []any{map[string]any{
				"metadata": map[string]any{"name": "home", "labels": template}, "spec": storage,
			}},
		}
	case "Job", "CronJob":
		pod["restartPolicy"] = "Never"
		o.Object["spec"] = map[string]any{"template": inner}
		if kind == "CronJob" {
			o.Object["spec"] = map[string]any{
				"schedule": "0 0 1 1 *", "jobTemplate": map[string]any{"spec": map[string]any{"template": inner}},
			}
		}
	}
	return o
}

// set changes a field.
func (o object) set(value any, path ...string) object {
	o.Unstructured = *o.DeepCopy()
	if err := unstructured.SetNestedField(o.Object, value, path...); err != nil {
		panic(err)
	}
	return o
}
